// SQL that reads one's own account: balance and entries; statistics are in stats-store.ts. Nobody's account is read here but the caller's.
//
// Within an account created_at rises strictly (extropy_ledger_apply sees to it), so it orders entries by itself, and
// the index on (user_id, created_at) serves pages, periods and balances of the past.

import { liveKey } from "../auth/live-key.ts";
import type { Caller } from "../auth/scopes.ts";
import { readBounded } from "../bounded-read.ts";
import { cursorsOf, type Page, type PageRequest, timeAlone, toPage } from "../cursor.ts";
import type { Fragment, Sql } from "../db.ts";
import { invalid, Problem } from "../problem.ts";
import type { Balance } from "./balance.ts";
import type { LedgerEntry, LedgerEntryDetail, LedgerFilter } from "./model.ts";

/**
 * What the caller held at a moment, entries of that very microsecond included; "0.00" before the first one. Throws
 * `validation` for the future, by the database's clock, which is the one that entries are dated by.
 */
export async function getBalanceAt(sql: Sql, caller: Caller, at: string): Promise<Balance> {
  const [row] = await sql<(Balance & { is_future: boolean })[]>`
    SELECT ${caller.userId}::uuid AS user_id, ${at}::timestamptz AS as_of, ${at}::timestamptz > now() AS is_future,
      coalesce((
        SELECT l.balance_after FROM extropy_ledger l
        WHERE l.user_id = ${caller.userId}::uuid AND l.created_at <= ${at}::timestamptz
        ORDER BY l.created_at DESC LIMIT 1), 0.00) AS balance
    WHERE ${liveKey(sql, caller)}`;
  if (!row) throw new Problem("unauthenticated");
  if (row.is_future) throw invalid("/at", "a moment that is not in the future");
  return row;
}

/** The columns of a LedgerEntry. A place in an account, unlike an id, is always a number that JSON holds exactly. */
export const entryColumns = (sql: Sql) => sql`
  l.id, l.user_seq::float8 AS user_seq, l.transaction_id, l.transaction_type, l.amount, l.balance_before,
  l.balance_after, l.card_id, l.attribution_id, l.reverses_id, l.description, l.created_at, l.entry_hash,
  -- Only transfers have notes; why an operator moved something stands in the audit log, for operators.
  CASE WHEN l.transaction_type IN ('transfer_sent', 'transfer_received') THEN (
    SELECT n.note FROM transaction_notes n WHERE n.transaction_id = l.transaction_id) END AS note`;

/** The caller's own entries, newest first. Empty where the key is no longer good: the caller of this confirms that. */
export async function listEntries(
  sql: Sql,
  caller: Caller,
  filter: LedgerFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<LedgerEntry>> {
  const cursors = cursorsOf("ledger", filter, timeAlone);
  const before = cursors.read(cursor);
  const query = sql`
    SELECT ${entryColumns(sql)} FROM extropy_ledger l
    WHERE l.user_id = ${caller.userId}::uuid AND ${liveKey(sql, caller)}
      ${before ? sql`AND l.created_at < ${before[0]}::timestamptz` : sql``}
      ${filter.from ? sql`AND l.created_at >= ${filter.from}::timestamptz` : sql``}
      ${filter.to ? sql`AND l.created_at < ${filter.to}::timestamptz` : sql``}
      ${filter.type ? sql`AND l.transaction_type = ${filter.type}` : sql``}
      ${filter.card_id ? sql`AND l.card_id = ${filter.card_id}::uuid` : sql``}
      ${filter.attribution_id ? sql`AND l.attribution_id = ${filter.attribution_id}::uuid` : sql``}
    ORDER BY l.created_at DESC LIMIT ${limit + 1}`;
  // Where the types are, only a plan for this one can know: a page of a rare one may lie a million entries apart.
  const rows = filter.type
    ? await readBounded<LedgerEntry>(sql, tx => tx`${query}`)
    : await sql<LedgerEntry[]>`${query}`;
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(row.created_at),
  );
}

/** The SELECT of LedgerEntryDetails, of the entries under the alias l that meet the condition. */
export const selectEntryDetails = (sql: Sql, condition: Fragment) => sql`
  SELECT ${entryColumns(sql)}, l.user_id, l.leg, l.idempotency_key, l.metadata, l.prev_hash,
    ledger_entry_text(l.prev_hash, l.id, l.user_id, l.user_seq, l.transaction_id, l.transaction_type, l.amount,
      l.balance_before, l.balance_after, l.card_id, l.attribution_id, l.reverses_id, l.idempotency_key,
      l.description, l.metadata, l.created_at) AS canonical_text,
    CASE WHEN s.id IS NOT NULL THEN jsonb_build_object('user', jsonb_build_object('id', u.id, 'username', u.username),
      'transaction_type', s.transaction_type, 'amount', s.amount::text, 'entry_hash', s.entry_hash) END AS sibling
  FROM extropy_ledger l
  LEFT JOIN extropy_ledger s ON s.transaction_id = l.transaction_id AND s.leg = 3 - l.leg
  LEFT JOIN users u ON u.id = s.user_id
  WHERE ${condition}`;

/** One of the caller's own entries, with all that its hash covers. Throws `not-found`. */
export async function getEntry(sql: Sql, caller: Caller, id: string): Promise<LedgerEntryDetail> {
  const own = sql`l.id = ${id}::bigint AND l.user_id = ${caller.userId}::uuid AND ${liveKey(sql, caller)}`;
  const [row] = await sql<LedgerEntryDetail[]>`${selectEntryDetails(sql, own)}`;
  if (!row) throw new Problem("not-found");
  return row;
}
