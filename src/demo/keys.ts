// Keys for the first users of a demo, so that somebody can sign in; nobody has the keys of the others.

import { BcryptPool } from "../auth/bcrypt-pool.ts";
import { generateKey, keyPrefix } from "../auth/key.ts";

/** A key, what the database keeps of it, and its owner's name once that is known. */
export type DemoKey = {
  apiKey: string;
  hash: string;
  prefix: string;
  username: string;
  onOwner(username: string): void;
};

/** New random keys: these are the one thing that does not follow from the seed. */
export async function makeKeys(count: number, bcryptCost: number): Promise<DemoKey[]> {
  const bcrypt = new BcryptPool(bcryptCost);
  try {
    return await Promise.all(
      Array.from({ length: count }, async () => {
        const apiKey = generateKey();
        const key: DemoKey = {
          apiKey,
          hash: await bcrypt.hash(apiKey),
          prefix: keyPrefix(apiKey),
          username: "",
          onOwner: username => {
            key.username = username;
          },
        };
        return key;
      }),
    );
  } finally {
    bcrypt.close();
  }
}
