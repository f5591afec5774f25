// Is this key still good, now, in the database? A key that was verified once is remembered by the process,
// so whatever is answered for it rests on one of these checks: a revoked key stops working everywhere at once.

import type { Sql, Tx } from "../db.ts";
import { Problem } from "../problem.ts";
import type { Caller, Role } from "./scopes.ts";

/** A boolean SQL expression for statements that do the caller's work: is the key live? False leaves them without rows. */
export function liveKey(sql: Sql | Tx, caller: Caller) {
  return sql`EXISTS (
    SELECT FROM users u
    WHERE u.id = ${caller.userId}::uuid AND u.is_active
      AND (u.account_key_id = ${caller.keyId}::uuid OR api_key_is_live(${caller.keyId}::uuid, u.id)))`;
}

/** Checks the key in a statement of its own, for answers that no other statement vouches for. Throws `unauthenticated`. */
export async function confirmKey(sql: Sql | Tx, caller: Caller): Promise<{ role: Role }> {
  const [user] = await sql<{ role: Role }[]>`
    SELECT u.role FROM users u WHERE u.id = ${caller.userId}::uuid AND ${liveKey(sql, caller)}`;
  if (!user) throw new Problem("unauthenticated");
  return user;
}

/**
 * Locks the caller's row and checks the key, first thing in a transaction that writes for the caller: what
 * follows sees nothing change, and writers lock users before anything else. Throws `unauthenticated`.
 */
export async function lockCaller(tx: Tx, caller: Caller): Promise<{ role: Role }> {
  // Two statements, sent together: one that had waited for the lock would look for keys in a snapshot from before the
  // wait, and find none of a rotation that it waited for. Without execute() the lock would be sent second.
  const locked = tx`SELECT FROM users WHERE id = ${caller.userId}::uuid FOR NO KEY UPDATE`.execute();
  const [user] = await Promise.all([confirmKey(tx, caller), locked]);
  return user;
}
