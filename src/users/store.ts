// SQL of accounts: registration, profile, erasure. Balances are the ledger's; nothing here computes one.

import { liveKey, lockCaller } from "../auth/live-key.ts";
import type { Caller } from "../auth/scopes.ts";
import { withdrawCards } from "../cards/withdraw.ts";
import { type Sql, type Tx, withRetry } from "../db.ts";
import { burnBalance } from "../ledger/store.ts";
import { Problem } from "../problem.ts";
import type { Profile, ProfileChange } from "./model.ts";

/** The columns of a Profile, of the user under the alias u. */
export const profileColumns = (sql: Sql | Tx) => sql`
  u.id, u.username, u.email, u.display_name, u.bio, u.avatar_url, u.profile_url, u.role,
  u.extropy_balance AS balance, u.is_active, u.email_verified, u.created_at, u.updated_at`;

export type NewUser = {
  username: string;
  email: string;
  display_name?: string | null | undefined;
  bio?: string | null | undefined;
  role?: "member" | "admin";
  /** The first balance, which the database records as an initial_grant entry. */
  grant: string;
  key: { hash: string; prefix: string };
};

/** Creates an account with its first balance. Throws what problemOf makes username-taken or email-taken. */
export async function createUser(sql: Sql | Tx, user: NewUser): Promise<{ profile: Profile; keyId: string }> {
  const [row] = await sql<(Profile & { key_id: string })[]>`
    WITH created AS (
      INSERT INTO users (username, email, display_name, bio, role, extropy_balance, api_key_hash, api_key_prefix)
      VALUES (${user.username}, ${user.email}, ${user.display_name ?? null}, ${user.bio ?? null},
        ${user.role ?? "member"}, ${user.grant}, ${user.key.hash}, ${user.key.prefix})
      RETURNING id, username, email, display_name, bio, avatar_url, profile_url, role, extropy_balance, is_active,
        email_verified, created_at, updated_at, account_key_id)
    SELECT ${profileColumns(sql)}, u.account_key_id AS key_id FROM created u`;
  if (!row) throw new Error("the inserted user was not returned");
  const { key_id, ...profile } = row;
  return { profile, keyId: key_id };
}

/** The caller's own account. Throws `unauthenticated` where the key is no longer good. */
export async function getProfile(sql: Sql, caller: Caller): Promise<Profile> {
  const [row] = await sql<Profile[]>`
    SELECT ${profileColumns(sql)} FROM users u WHERE u.id = ${caller.userId}::uuid AND ${liveKey(sql, caller)}`;
  if (!row) throw new Problem("unauthenticated");
  return row;
}

/** Changes what is given and leaves the rest. A new e-mail address is not verified yet. Throws as createUser does. */
export async function changeProfile(sql: Sql, caller: Caller, change: ProfileChange): Promise<Profile> {
  return sql.begin(async tx => {
    await lockCaller(tx, caller);
    if (Object.keys(change).length > 0) {
      const sameEmail = change.email === undefined ? tx`true` : tx`u.email = ${change.email}`;
      await tx`
        UPDATE users u SET ${tx(change)}, email_verified = u.email_verified AND ${sameEmail}
        WHERE u.id = ${caller.userId}::uuid`;
    }
    const [row] = await tx<Profile[]>`
      SELECT ${profileColumns(tx)} FROM users u WHERE u.id = ${caller.userId}::uuid`;
    if (!row) throw new Problem("unauthenticated");
    return row;
  });
}

/**
 * Erases an account: its cards withdrawn, its balance burned, its keys and sync data gone, and its name, e-mail
 * and profile replaced by nothing that tells who it was. The ledger's entries stay. Throws `last-admin`.
 */
export async function eraseUser(sql: Sql, caller: Caller): Promise<void> {
  // Two admins who leave at once lock each other out; one of them is tried again.
  await withRetry(() => sql.begin(tx => erase(tx, caller)));
}

async function erase(tx: Tx, caller: Caller): Promise<void> {
  const { userId } = caller;
  const { role } = await lockCaller(tx, caller);
  if (role === "admin") await refuseLastAdmin(tx, userId);
  await withdrawCards(tx, userId);
  await tx`UPDATE cards SET change_client_id = NULL WHERE user_id = ${userId}::uuid AND change_client_id IS NOT NULL`;
  await tx`
    UPDATE sync_heads SET profile_client_id = NULL, document_count = 0, document_bytes = 0
    WHERE user_id = ${userId}::uuid`;
  await tx`
    UPDATE attributions SET attribution_note = NULL, metadata = '{}'
    WHERE target_card_id IN (SELECT id FROM cards WHERE user_id = ${userId}::uuid)`;
  await tx`DELETE FROM sync_state WHERE user_id = ${userId}::uuid`;
  await tx`DELETE FROM operator_sessions WHERE user_id = ${userId}::uuid`;
  await tx`DELETE FROM api_keys WHERE user_id = ${userId}::uuid`;
  await burnBalance(tx, userId);
  // The name, and what the server's role can't delete by itself: notes, reasons, remembered answers, former texts.
  await tx`SELECT erase_account(${userId}::uuid)`;
  // Only of an account that is erased: of others, what is deleted leaves a trace for their devices.
  await tx`DELETE FROM sync_documents WHERE user_id = ${userId}::uuid`;
}

/** Locks all admins in id order, so that two of them leaving at once can't both count on the other. Throws `last-admin`. */
export async function refuseLastAdmin(tx: Tx, userId: string): Promise<void> {
  const admins = await tx<{ id: string }[]>`
    SELECT id FROM users WHERE role = 'admin' AND is_active ORDER BY id FOR NO KEY UPDATE`;
  if (!admins.some(admin => admin.id !== userId)) throw new Problem("last-admin");
}
