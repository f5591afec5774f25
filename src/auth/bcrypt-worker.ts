// Runs bcrypt (bcryptjs) in a thread of its own: one hash takes tens of milliseconds of pure computing, and
// on the server's thread nobody else would be answered meanwhile.

import { compareSync, hashSync } from "bcryptjs";

declare const self: Worker;

/** `hash` set: does `key` hash to it? `cost` set: a new hash of `key`. */
export type BcryptTask = { no: number; key: string } & ({ hash: string } | { cost: number });
export type BcryptResult = { no: number; value: boolean | string };

self.onmessage = ({ data }: MessageEvent<BcryptTask>) => {
  const value = "hash" in data ? matches(data.key, data.hash) : hashSync(data.key, data.cost);
  self.postMessage({ no: data.no, value } satisfies BcryptResult);
};

/** What is no hash is no key's. bcryptjs throws for 60 characters of something else, and nobody would be answered. */
function matches(key: string, hash: string): boolean {
  try {
    return compareSync(key, hash);
  } catch {
    return false;
  }
}
