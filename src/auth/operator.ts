// Who may operate the server: admins may do everything under `/api/admin`, auditors may read it. The role is read from
// the database for each request, since it can change while a key is remembered.

import type { Sql, Tx } from "../db.ts";
import { Problem } from "../problem.ts";
import { confirmKey } from "./live-key.ts";
import type { Caller, Role } from "./scopes.ts";

/** What an operator's call does. */
export type Access = "read" | "write";

const ROLES: Readonly<Record<Access, readonly Role[]>> = { read: ["admin", "auditor"], write: ["admin"] };

/** Checks key, scope and role as they are now. Throws `unauthenticated` and `forbidden`. */
export async function confirmOperator(sql: Sql | Tx, caller: Caller, access: Access): Promise<void> {
  requireRole(await confirmKey(sql, caller), access);
  if (!caller.scopes.has("admin")) throw new Problem("forbidden", { detail: "This key lacks the scope `admin`." });
}

/** Throws `forbidden` where a caller of this role may not do that. */
export function requireRole({ role }: { role: Role }, access: Access): void {
  if (ROLES[access].includes(role)) return;
  throw new Problem("forbidden", {
    detail: access === "read" ? "Only admins and auditors may see this." : "Only an admin may do this.",
  });
}
