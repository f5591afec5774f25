// What an operator did to an account a moment ago, for the page on which the form ended. The address says what is to be told;
// whether it is true the audit log says.

import type { Done } from "../../../views/admin/pages/user.tsx";
import type { Sql } from "../../db.ts";
import type { AuditAction } from "../audit-model.ts";
import { listAudit } from "../audit-store.ts";
import { getMovement } from "../movements-store.ts";

/** By what the address says, which may be anything. */
const ACTIONS: ReadonlyMap<string, AuditAction> = new Map([
  ["adjusted", "balance_adjusted"],
  ["deactivate", "account_deactivated"],
  ["activate", "account_activated"],
  ["role", "role_changed"],
]);

/** Undefined where the newest that was done to the account is something else, or somebody else did it. */
export async function readDone(
  sql: Sql,
  { searchParams }: URL,
  { userId, actorId }: { userId: string; actorId: string },
): Promise<Done | undefined> {
  const action = ACTIONS.get(searchParams.get("done") ?? "");
  if (!action) return undefined;
  const { items } = await listAudit(sql, { user_id: userId }, { limit: 1 });
  const [newest] = items;
  if (newest?.action !== action || newest.actor_id !== actorId) return undefined;
  const movement = newest.transaction_id ? await getMovement(sql, newest.transaction_id) : undefined;
  return { action, entry: movement?.entries[0]?.id };
}
