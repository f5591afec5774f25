// SQL of keys: named keys, rotation of the account key.

import { liveKey, lockCaller } from "../auth/live-key.ts";
import type { Caller, Scope } from "../auth/scopes.ts";
import { cursorsOf, type Page, type PageRequest, timeAndId, toPage } from "../cursor.ts";
import type { Sql, Tx } from "../db.ts";
import { Problem } from "../problem.ts";
import type { NamedKey } from "./model.ts";

/** Named keys of one account; enough for every device and script somebody has. */
export const NAMED_KEYS_MAX = 100;

/** The columns of a NamedKey, of the key under the alias k. */
export const namedKeyColumns = (sql: Sql) => sql`
  k.id, k.name, k.key_prefix AS prefix, k.scopes, k.created_at, k.expires_at`;

/** The caller's named keys, newest first, expired ones included until they are deleted. */
export async function listKeys(sql: Sql, caller: Caller, { limit, cursor }: PageRequest): Promise<Page<NamedKey>> {
  const cursors = cursorsOf("keys", {}, timeAndId);
  const after = cursors.read(cursor);
  const rows = await sql<NamedKey[]>`
    SELECT ${namedKeyColumns(sql)} FROM api_keys k
    WHERE k.user_id = ${caller.userId}::uuid AND k.kind = 'named' AND ${liveKey(sql, caller)}
      ${after ? sql`AND (k.created_at, k.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql``}
    ORDER BY k.created_at DESC, k.id DESC LIMIT ${limit + 1}`;
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(row.created_at, row.id),
  );
}

export type NewKey = { name: string; scopes: readonly Scope[]; expiresAt: string | null; hash: string; prefix: string };

/** Adds a named key. Throws `validation` where there are as many as may be, and `forbidden` where it would outlive the caller's. */
export async function createKey(sql: Sql, caller: Caller, key: NewKey): Promise<NamedKey> {
  return sql.begin(async tx => {
    await lockCaller(tx, caller);
    const [longerThanMaker] = await tx`
      SELECT FROM api_keys k
      WHERE k.id = ${caller.keyId}::uuid AND k.kind = 'named'
        AND coalesce(${key.expiresAt}::timestamptz, 'infinity') > k.expires_at`;
    if (longerThanMaker)
      throw new Problem("forbidden", { detail: "A key can't make one that ends later than itself." });
    const [row] = await tx<NamedKey[]>`
      INSERT INTO api_keys AS k (user_id, name, scopes, expires_at, key_hash, key_prefix)
      SELECT ${caller.userId}::uuid, ${key.name}, ${[...key.scopes]}::text[], ${key.expiresAt}::timestamptz,
        ${key.hash}, ${key.prefix}
      WHERE (SELECT count(*) FROM api_keys WHERE user_id = ${caller.userId}::uuid AND kind = 'named') < ${NAMED_KEYS_MAX}
      RETURNING ${namedKeyColumns(tx as unknown as Sql)}`;
    if (!row) {
      throw new Problem("validation", {
        detail: `An account has at most ${NAMED_KEYS_MAX} named keys. Delete one that is no longer needed.`,
      });
    }
    return row;
  });
}

/** Deletes one of the caller's named keys, which stops working at once. Throws `not-found`. */
export async function deleteKey(sql: Sql, caller: Caller, keyId: string): Promise<void> {
  await sql.begin(async tx => {
    await lockCaller(tx, caller);
    const { count } = await tx`
      DELETE FROM api_keys WHERE id = ${keyId}::uuid AND user_id = ${caller.userId}::uuid AND kind = 'named'`;
    if (count === 0) throw new Problem("not-found");
  });
}

/**
 * Gives the account a new key. The one that asked goes on working until the new one is first used, at most 24
 * hours, so that a lost answer locks nobody out; any other key of an earlier rotation ends now.
 */
export async function rotateKey(sql: Sql, caller: Caller, key: { hash: string; prefix: string }): Promise<void> {
  await sql.begin(async tx => {
    await lockCaller(tx, caller);
    await tx`
      DELETE FROM api_keys WHERE user_id = ${caller.userId}::uuid AND kind = 'retiring' AND id <> ${caller.keyId}::uuid`;
    // The caller's key may be retiring already: then the account key was never used and is the one to go.
    await tx`SELECT retire_account_key(${caller.userId}::uuid, ${caller.keyId}::uuid)`;
    await tx`
      UPDATE users SET api_key_hash = ${key.hash}, api_key_prefix = ${key.prefix}, account_key_id = uuid_v7()
      WHERE id = ${caller.userId}::uuid`;
  });
}

/** Gives an account a new key, for operators. The old one, and one from before a rotation, stop working at once in every process; named keys stay. */
export async function replaceAccountKey(tx: Tx, userId: string, key: { hash: string; prefix: string }): Promise<void> {
  await tx`
    UPDATE users SET api_key_hash = ${key.hash}, api_key_prefix = ${key.prefix}, account_key_id = uuid_v7()
    WHERE id = ${userId}::uuid`;
  await tx`DELETE FROM api_keys WHERE user_id = ${userId}::uuid AND kind = 'retiring'`;
}
