// SQL of all attributions.

import type { Attribution } from "../attributions/model.ts";
import { attributionColumns, itsCards } from "../attributions/store.ts";
import { readBounded } from "../bounded-read.ts";
import { cursorsOf, type Page, type PageRequest, timeAndId, toPage } from "../cursor.ts";
import type { Fragment, Sql } from "../db.ts";
import type { ListedAttributionFilter } from "./attributions-model.ts";
import { findFilterUser } from "./user-filter.ts";

/** Cards that are asked one by one in less time than the newest attributions take. */
const FEW_CARDS = 300;
/** The newest attributions that are looked through for those of one account. */
const LOOKED_AT = 12_000;

/** Attributions between all cards, newest first, reversed ones included. Throws `validation`. */
export async function listAllAttributions(
  sql: Sql,
  filter: ListedAttributionFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<Attribution>> {
  const cursors = cursorsOf("admin attributions", filter, timeAndId);
  const after = cursors.read(cursor);
  const sourceUserId = await findFilterUser(sql, filter.source_user, "/source_user");
  const targetUserId = await findFilterUser(sql, filter.target_user, "/target_user");
  const conditions = sql`
    ${after ? sql`AND (a.created_at, a.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql``}
    ${filter.from ? sql`AND a.created_at >= ${filter.from}::timestamptz` : sql``}
    ${filter.to ? sql`AND a.created_at < ${filter.to}::timestamptz` : sql``}
    ${filter.type ? sql`AND a.attribution_type = ${filter.type}` : sql``}
    ${filter.reversed === "true" ? sql`AND a.reversed_at IS NOT NULL` : sql``}
    ${filter.reversed === "false" ? sql`AND a.reversed_at IS NULL` : sql``}`;
  const citedIs = sourceUserId ? sql`AND a.source_user_id = ${sourceUserId}::uuid` : sql``;
  const citerIs = targetUserId ? sql`AND a.target_user_id = ${targetUserId}::uuid` : sql``;
  const newestFirst = sql`ORDER BY a.created_at DESC, a.id DESC LIMIT ${limit + 1}`;

  const ofCard = (side: "source" | "target", card: Fragment) =>
    sql`SELECT a.id, a.created_at FROM attributions a
      WHERE a.${sql(`${side}_card_id`)} = ${card} ${citedIs} ${citerIs} ${conditions} ${newestFirst}`;

  /**
   * The newest of who is cited. Attributions are indexed by their cards and by who made them, and not by whom they cite
   * and time, which every payment would pay for. Of somebody with few cards, each is asked. The attributions of somebody
   * with many are among the newest of all, most likely; where they are not, only those cards can have one on the page
   * whose own newest are the newest.
   */
  function ofCited(userId: string) {
    // Those that were undone are few: all of them, or none among the newest.
    const isLookedThrough = filter.reversed === "true" ? sql`true` : hasManyCards(sql, userId);
    // No CTE, which both uses of it would share and read to its end: the first one stops where the page is full.
    const newest = sql`(
      SELECT a.id, a.created_at, a.source_user_id FROM attributions a
      WHERE ${isLookedThrough} ${conditions}
      ORDER BY a.created_at DESC, a.id DESC LIMIT ${LOOKED_AT}) a`;
    return sql`
    WITH among AS MATERIALIZED (
      SELECT a.id, a.created_at FROM ${newest} WHERE true ${citedIs} ${newestFirst}
    ), state AS MATERIALIZED (
      SELECT CASE WHEN (SELECT count(*) FROM among) > ${limit} THEN true
        ELSE ${isLookedThrough} AND (SELECT count(*) FROM ${newest}) < ${LOOKED_AT} END AS is_enough
    ), card AS (
      SELECT c.id FROM cards c
      CROSS JOIN LATERAL (
        SELECT a.created_at FROM attributions a WHERE a.source_card_id = c.id ${citedIs} ${conditions}
        ORDER BY a.created_at DESC LIMIT 1) a
      WHERE c.user_id = ${userId}::uuid AND NOT (SELECT is_enough FROM state)
      ORDER BY a.created_at DESC FETCH FIRST ${limit + 1} ROWS WITH TIES
    )
    SELECT a.id, a.created_at FROM among a WHERE (SELECT is_enough FROM state)
    UNION ALL
    SELECT a.id, a.created_at FROM card CROSS JOIN LATERAL (${ofCard("source", sql`card.id`)}) a`;
  }

  function found() {
    if (filter.card_id) {
      const card = sql`${filter.card_id}::uuid`;
      return sql`(${ofCard("source", card)}) UNION ALL (${ofCard("target", card)})`;
    }
    if (sourceUserId && !targetUserId) return ofCited(sourceUserId);
    return sql`SELECT a.id, a.created_at FROM attributions a WHERE true ${citedIs} ${citerIs} ${conditions}`;
  }

  const rows = await readBounded<Attribution>(
    sql,
    tx => tx`
      SELECT ${attributionColumns(sql)}
      FROM (SELECT a.id FROM (${found()}) a ${newestFirst}) found JOIN attributions a ON a.id = found.id ${itsCards(sql)}
      ORDER BY a.created_at DESC, a.id DESC`,
  );
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(row.created_at, row.id),
  );
}

function hasManyCards(sql: Sql, userId: string): Fragment {
  return sql`
    (SELECT count(*) FROM (SELECT FROM cards c WHERE c.user_id = ${userId}::uuid LIMIT ${FEW_CARDS + 1}) few) > ${FEW_CARDS}`;
}
