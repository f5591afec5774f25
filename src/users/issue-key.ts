// A key that nobody has had before, with what the database keeps of it.

import type { BcryptPool } from "../auth/bcrypt-pool.ts";
import { generateKey, keyPrefix } from "../auth/key.ts";

/** `key` is for its owner's eyes only; `hash` and `prefix` are stored. */
export type IssuedKey = Readonly<{ key: string; hash: string; prefix: string }>;

/** Makes one; hashing it takes a thread some 70 ms. */
export async function issueKey(bcrypt: BcryptPool): Promise<IssuedKey> {
  const key = generateKey();
  return { key, hash: await bcrypt.hash(key), prefix: keyPrefix(key) };
}
