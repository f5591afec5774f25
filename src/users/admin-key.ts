// A new account key for an admin, for whoever holds the database: the way back in when the key is lost.

import type { Sql } from "../db.ts";
import { replaceAccountKey } from "./keys-store.ts";

/** An account that a new key can be made for. */
export type Admin = { id: string; username: string };

/** An account by its name, upper and lower case alike; `role` and `is_active` say whether it is an admin's. */
export async function findAccount(
  sql: Sql,
  username: string,
): Promise<(Admin & { role: string; is_active: boolean }) | undefined> {
  const [row] = await sql<(Admin & { role: string; is_active: boolean })[]>`
    SELECT id, username, role, is_active FROM users WHERE lower(username) = lower(${username}::text)`;
  return row;
}

/** The active admin who has been there longest. */
export async function findFirstAdmin(sql: Sql): Promise<Admin | undefined> {
  const [row] = await sql<Admin[]>`
    SELECT id, username FROM users WHERE role = 'admin' AND is_active ORDER BY created_at, id LIMIT 1`;
  return row;
}

/** Replaces the account key, as replaceAccountKey does. False where the account is no longer an active admin's. */
export async function replaceAdminKey(sql: Sql, id: string, key: { hash: string; prefix: string }): Promise<boolean> {
  return sql.begin(async tx => {
    const [admin] = await tx`
      SELECT FROM users WHERE id = ${id}::uuid AND role = 'admin' AND is_active FOR NO KEY UPDATE`;
    if (admin) await replaceAccountKey(tx, id, key);
    return admin !== undefined;
  });
}
