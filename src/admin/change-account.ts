// What operators do to accounts: create, deactivate, activate, give a new key or another role. Each is one transaction
// with its record in the audit log, and what changes nothing is not recorded.

import { lockCaller } from "../auth/live-key.ts";
import { confirmOperator, requireRole } from "../auth/operator.ts";
import type { Caller } from "../auth/scopes.ts";
import { type Sql, type Tx, withRetry } from "../db.ts";
import { Problem } from "../problem.ts";
import type { IssuedKey } from "../users/issue-key.ts";
import { replaceAccountKey } from "../users/keys-store.ts";
import type { Profile } from "../users/model.ts";
import { createUser, type NewUser, refuseLastAdmin } from "../users/store.ts";
import { recordDeed } from "./audit-store.ts";
import type { Account } from "./users-model.ts";
import { getAccount } from "./users-store.ts";

/** Who asks for a change of which account, and why. */
export type ChangeOrder = Readonly<{ caller: Caller; requestId: string; userId: string; reason: string }>;

/** Creates an account for somebody else. Throws as createUser does, `unauthenticated` and `forbidden`. */
export async function createAccount(
  sql: Sql,
  { caller, requestId }: Pick<ChangeOrder, "caller" | "requestId">,
  user: NewUser,
): Promise<{ profile: Profile; keyId: string }> {
  return sql.begin(async tx => {
    requireRole(await lockCaller(tx, caller), "write");
    const created = await createUser(tx, user);
    const { id, role, balance } = created.profile;
    await recordDeed(tx, {
      action: "account_created",
      actorId: caller.userId,
      requestId,
      userId: id,
      before: null,
      after: { role, balance },
      reason: null,
    });
    return created;
  });
}

/** Lets an account in again, or keeps it out from now on. Throws `not-found`, `last-admin`. */
export async function setActive(sql: Sql, order: ChangeOrder, isActive: boolean): Promise<Account> {
  return change(sql, order, async (tx, account) => {
    if (account.is_active === isActive) return undefined;
    if (account.role === "admin" && !isActive) await refuseLastAdmin(tx, account.id);
    await tx`UPDATE users SET is_active = ${isActive} WHERE id = ${account.id}::uuid`;
    return {
      action: isActive ? "account_activated" : "account_deactivated",
      before: { is_active: account.is_active },
      after: { is_active: isActive },
    };
  });
}

/** Gives an account another role, which counts from the next request on. Throws `not-found`, `last-admin`. */
export async function setRole(sql: Sql, order: ChangeOrder, role: Account["role"]): Promise<Account> {
  return change(sql, order, async (tx, account) => {
    if (account.role === role) return undefined;
    if (account.role === "admin" && account.is_active) await refuseLastAdmin(tx, account.id);
    await tx`UPDATE users SET role = ${role} WHERE id = ${account.id}::uuid`;
    return { action: "role_changed", before: { role: account.role }, after: { role } };
  });
}

/**
 * Replaces an account's key; the old one stops at once, named keys stay. `expectedPrefix` is that of the key that is to
 * go, where the caller has seen it. Throws `not-found`, and `precondition-failed` where that key is gone already.
 */
export async function setAccountKey(
  sql: Sql,
  order: ChangeOrder,
  key: IssuedKey,
  expectedPrefix?: string,
): Promise<Account> {
  return change(sql, order, async (tx, account) => {
    if (expectedPrefix !== undefined && expectedPrefix !== account.api_key_prefix) {
      throw new Problem("precondition-failed", {
        detail: "The key was replaced in the meantime. It was left as it is.",
      });
    }
    await replaceAccountKey(tx, account.id, key);
    return {
      action: "key_rotated",
      before: { api_key_prefix: account.api_key_prefix },
      after: { api_key_prefix: key.prefix },
    };
  });
}

type Change = Pick<Parameters<typeof recordDeed>[1], "action" | "before" | "after">;

export const SYSTEM_ID = "00000000-0000-0000-0000-000000000000";

/** Throws `not-found` of an account that operators can look at and not change. */
export function requireChangeable(account: Account): void {
  if (account.id === SYSTEM_ID || account.erased_at !== null) {
    throw new Problem("not-found", { detail: "The system's account and erased ones can't be changed." });
  }
}

/** Runs one change with everybody locked whom it concerns; `write` gives what it did, or undefined for nothing. */
async function change(
  sql: Sql,
  { caller, requestId, userId, reason }: ChangeOrder,
  write: (tx: Tx, account: Account) => Promise<Change | undefined>,
): Promise<Account> {
  // Somebody who erases an account locks its admins after it; one of the two is tried again.
  return withRetry(() =>
    sql.begin(async tx => {
      // All admins, since one of them may have to stay.
      await tx`
        SELECT FROM users WHERE id IN (${caller.userId}::uuid, ${userId}::uuid) OR (role = 'admin' AND is_active)
        ORDER BY id FOR NO KEY UPDATE`;
      await confirmOperator(tx, caller, "write");
      const account = await getAccount(tx, userId);
      requireChangeable(account);
      const done = await write(tx, account);
      if (!done) return account;
      await recordDeed(tx, { ...done, actorId: caller.userId, requestId, userId: account.id, reason });
      return getAccount(tx, account.id);
    }),
  );
}
