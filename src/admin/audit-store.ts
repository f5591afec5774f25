// SQL of the audit log: a record is written in the transaction of the deed, by this or by the statement that does it
// (migrations/0006_operators.sql), and never changed again.

import { cursorsOf, type Page, type PageRequest, timeAndId, toPage } from "../cursor.ts";
import type { Sql, Tx } from "../db.ts";
import type { AuditAction, AuditFilter, AuditRecord } from "./audit-model.ts";

/** A change of an account. `before` and `after` hold ids, codes and amounts only: they can't be erased. */
export type Deed = Readonly<{
  actorId: string;
  requestId: string;
  action: Exclude<AuditAction, "balance_adjusted" | "movement_reversed">;
  userId: string;
  before: Record<string, string | boolean> | null;
  after: Record<string, string | boolean>;
  /** Null where the call asks for none. */
  reason: string | null;
}>;

/** Records a deed. Its actor is locked, and was found to be an admin. */
export async function recordDeed(tx: Tx, deed: Deed): Promise<void> {
  await tx`
    WITH logged AS (
      INSERT INTO audit_log (actor_id, action, user_id, before, after, request_id)
      VALUES (${deed.actorId}, ${deed.action}, ${deed.userId}, ${deed.before && tx.json(deed.before)},
        ${tx.json(deed.after)}, ${deed.requestId})
      RETURNING id)
    INSERT INTO audit_reasons (audit_id, reason)
    SELECT id, ${deed.reason}::text FROM logged WHERE ${deed.reason}::text IS NOT NULL`;
}

/** What operators did, newest first. Throws `validation`. */
export async function listAudit(
  sql: Sql,
  filter: AuditFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<AuditRecord>> {
  const cursors = cursorsOf("audit log", filter, timeAndId);
  const before = cursors.read(cursor);
  const rows = await sql<AuditRecord[]>`
    SELECT a.id, a.at, a.actor_id, actor.username AS actor_username, a.action, a.user_id, u.username AS user_username,
      a.counterparty_id, other.username AS counterparty_username, a.transaction_id, a.before, a.after, r.reason,
      a.request_id
    FROM (SELECT a.* FROM audit_log a WHERE true
      ${before ? sql`AND (a.at, a.id) < (${before[0]}::timestamptz, ${before[1]}::uuid)` : sql``}
      ${filter.from ? sql`AND a.at >= ${filter.from}::timestamptz` : sql``}
      ${filter.to ? sql`AND a.at < ${filter.to}::timestamptz` : sql``}
      ${filter.actor_id ? sql`AND a.actor_id = ${filter.actor_id}::uuid` : sql``}
      ${filter.action ? sql`AND a.action = ${filter.action}` : sql``}
      ${filter.user_id ? sql`AND (a.user_id = ${filter.user_id}::uuid OR a.counterparty_id = ${filter.user_id}::uuid)` : sql``}
      ${filter.transaction_id ? sql`AND a.transaction_id = ${filter.transaction_id}::uuid` : sql``}
      ${filter.request_id ? sql`AND a.request_id = ${filter.request_id}` : sql``}
      ORDER BY a.at DESC, a.id DESC LIMIT ${limit + 1}) a
    LEFT JOIN users actor ON actor.id = a.actor_id
    LEFT JOIN users u ON u.id = a.user_id
    LEFT JOIN users other ON other.id = a.counterparty_id
    LEFT JOIN audit_reasons r ON r.audit_id = a.id
    ORDER BY a.at DESC, a.id DESC`;
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(row.at, row.id),
  );
}
