// The root: one SHA-256 over the heads of all users, which stands for every entry there is, since each head
// covers its user's whole chain. docs/integrity.md gives its form and how to compute it with sha256sum.

import type { Tx } from "../../db.ts";
import { TABLES } from "./rule.ts";

/** The first line of what is hashed: the name of the form. */
const HEADER = "extropy-root/1\n";

/** The heads of all users that have entries, as they are now. */
const HEADS = `(SELECT id AS user_id, entry_count, head_hash FROM ${TABLES.users} WHERE entry_count > 0)`;

const LINES_A_FETCH = 5_000;

/** The root of heads: a relation with user_id, entry_count and head_hash, or the users' own without one. */
export async function computeRoot(tx: Tx, heads: string = HEADS): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256").update(HEADER);
  // Not COPY: a stream of postgres.js 3.4.9 that was full when its last row came leaves the connection paused for ever.
  const query = tx.unsafe<{ line: string }[]>(
    `SELECT user_id || ' ' || entry_count || ' ' || head_hash || chr(10) AS line FROM ${heads} AS head ORDER BY user_id`,
  );
  for await (const rows of query.cursor(LINES_A_FETCH)) hasher.update(rows.map(({ line }) => line).join(""));
  return hasher.digest("hex");
}
