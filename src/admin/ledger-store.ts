// SQL of everybody's entries. Their order is that of extropy_ledger_created: the time, and the id where two accounts
// have entries of the same microsecond.

import { z } from "zod";
import { readBounded } from "../bounded-read.ts";
import { cursorsOf, type Page, type PageRequest, sortTime, toPage } from "../cursor.ts";
import type { Fragment, Sql } from "../db.ts";
import { entryId } from "../ledger/model.ts";
import { entryColumns, selectEntryDetails } from "../ledger/reads.ts";
import { Problem } from "../problem.ts";
import type { AccountEntry, AccountEntryFilter, EntryView } from "./ledger-model.ts";
import { findFilterUser } from "./user-filter.ts";

const sort = z.tuple([sortTime, entryId]);

/** The newest entries that are looked through for an amount; all of them only where the first few have a tenth of a page. */
const LOOKED_AT = 2_000;
const LOOKED_AT_FIRST = 500;

/** What publishing and citing writes: nearly all entries. Indexes of the ledger are partial by this (0009_browse.sql). */
const isCommon = (sql: Sql) =>
  sql`l.transaction_type IN ('publish_reward', 'attribution_payment', 'attribution_received')`;

/** Entries of all accounts that the filter lets through, newest first. Throws `validation`. */
export async function listAllEntries(
  sql: Sql,
  filter: AccountEntryFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<AccountEntry>> {
  const cursors = cursorsOf("admin ledger", filter, sort);
  const after = cursors.read(cursor);
  const userId = await findFilterUser(sql, filter.user, "/user");
  const when = sql`
    ${after ? sql`AND (l.created_at, l.id) < (${after[0]}::timestamptz, ${after[1]}::bigint)` : sql``}
    ${filter.from ? sql`AND l.created_at >= ${filter.from}::timestamptz` : sql``}
    ${filter.to ? sql`AND l.created_at < ${filter.to}::timestamptz` : sql``}`;
  const ofWhat = sql`
    ${filter.type ? sql`AND l.transaction_type = ${filter.type}` : sql``}
    ${filter.amount ? sql`AND l.amount = ${filter.amount}::decimal` : sql``}
    ${filter.amount_min ? sql`AND l.amount >= ${filter.amount_min}::decimal` : sql``}
    ${filter.amount_max ? sql`AND l.amount <= ${filter.amount_max}::decimal` : sql``}`;
  const ofWhom = sql`
    ${userId ? sql`AND l.user_id = ${userId}::uuid` : sql``}
    -- A card's entries stand in one account, by which and by the time its index is ordered.
    ${
      filter.card_id
        ? sql`AND l.card_id = ${filter.card_id}::uuid
            AND l.user_id = (SELECT c.user_id FROM cards c WHERE c.id = ${filter.card_id}::uuid)`
        : sql``
    }
    ${filter.attribution_id ? sql`AND l.attribution_id = ${filter.attribution_id}::uuid` : sql``}
    ${filter.transaction_id ? sql`AND l.transaction_id = ${filter.transaction_id}::uuid` : sql``}`;
  const newestFirst = sql`ORDER BY l.created_at DESC, l.id DESC LIMIT ${limit + 1}`;

  /** Entries that publishing and citing wrote, or all others, of which there are few. */
  const part = (isOfCommon: Fragment) => sql`FROM extropy_ledger l WHERE ${isOfCommon} ${when} ${ofWhat} ${ofWhom}`;

  /** Entries of an amount in one account. Each part has indexes of its own, by amount and by account. */
  const ofAmountAndUser = () => sql`
    (SELECT l.* ${part(sql`NOT ${isCommon(sql)}`)} ${newestFirst})
    UNION ALL
    (SELECT l.* ${part(isCommon(sql))} ${newestFirst})`;

  const newest = (condition: Fragment, count: number) =>
    sql`SELECT * FROM extropy_ledger l WHERE ${condition} ${when} ORDER BY l.created_at DESC, l.id DESC LIMIT ${count}`;

  /**
   * Entries of an amount. A usual one makes a page among the newest entries. Of an unusual one, entries of rare types
   * have an index, and for the others it is known in which stretches of the table it can be: the planner can't know
   * that none of them has it, and would read all there are in order. OFFSET 0 keeps it from that.
   */
  const ofAmount = () => sql`
    WITH usual AS MATERIALIZED (
      SELECT count(*) >= ${Math.ceil(limit / 10)} AS is_usual FROM (${newest(sql`true`, LOOKED_AT_FIRST)}) l WHERE true ${ofWhat}
    ), among AS MATERIALIZED (
      SELECT l.id FROM (${newest(sql`(SELECT is_usual FROM usual)`, LOOKED_AT)}) l WHERE true ${ofWhat} ${newestFirst}
    ), state AS MATERIALIZED (SELECT count(*) > ${limit} AS is_enough FROM among)
    SELECT l.* FROM (
      SELECT id FROM among WHERE (SELECT is_enough FROM state)
      UNION ALL
      (SELECT l.id ${part(sql`NOT (SELECT is_enough FROM state) AND NOT ${isCommon(sql)}`)} ${newestFirst})
      UNION ALL
      (SELECT l.id FROM (
          SELECT l.id, l.created_at ${part(sql`NOT (SELECT is_enough FROM state) AND ${isCommon(sql)}`)} OFFSET 0) l
        ${newestFirst})
    ) found JOIN extropy_ledger l ON l.id = found.id`;

  function found() {
    const isOfFew = filter.card_id ?? filter.attribution_id ?? filter.transaction_id;
    if (isOfFew || !(filter.amount ?? filter.amount_min ?? filter.amount_max)) {
      return sql`SELECT l.* FROM extropy_ledger l WHERE true ${when} ${ofWhat} ${ofWhom} ${newestFirst}`;
    }
    return userId ? ofAmountAndUser() : ofAmount();
  }

  const rows = await readBounded<AccountEntry>(
    sql,
    tx => tx`
      SELECT ${entryColumns(sql)}, l.leg, jsonb_build_object('id', u.id, 'username', u.username) AS user
      FROM (SELECT * FROM (${found()}) l ${newestFirst}) l
      JOIN users u ON u.id = l.user_id
      ORDER BY l.created_at DESC, l.id DESC`,
  );
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(row.created_at, row.id),
  );
}

/** Any entry, with all that its hash covers. Throws `not-found`. */
export async function getAnyEntry(sql: Sql, id: string): Promise<EntryView> {
  const [row] = await sql<EntryView[]>`
    SELECT e.*, jsonb_build_object('id', owner.id, 'username', owner.username) AS user,
      (SELECT o.id::text FROM extropy_ledger o WHERE o.transaction_id = e.transaction_id AND o.leg = 3 - e.leg) AS sibling_id,
      (SELECT r.id::text FROM extropy_ledger r WHERE r.reverses_id = e.id) AS reversed_by
    FROM (${selectEntryDetails(sql, sql`l.id = ${id}::bigint`)}) e JOIN users owner ON owner.id = e.user_id`;
  if (!row) throw new Problem("not-found");
  return row;
}
