// SQL of all attributions.

import type { Attribution } from "../attributions/model.ts";
import { attributionColumns, itsCards } from "../attributions/store.ts";
import { readBounded } from "../bounded-read.ts";
import { cursorsOf, type Page, type PageRequest, timeAndId, toPage } from "../cursor.ts";
import type { Fragment, Sql } from "../db.ts";
import type { ListedAttributionFilter } from "./attributions-model.ts";
import { findFilterUser } from "./user-filter.ts";

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
    ${sourceUserId ? sql`AND a.source_user_id = ${sourceUserId}::uuid` : sql``}
    ${targetUserId ? sql`AND a.target_user_id = ${targetUserId}::uuid` : sql``}
    ${filter.type ? sql`AND a.attribution_type = ${filter.type}` : sql``}
    ${filter.reversed === "true" ? sql`AND a.reversed_at IS NOT NULL` : sql``}
    ${filter.reversed === "false" ? sql`AND a.reversed_at IS NULL` : sql``}
    ORDER BY a.created_at DESC, a.id DESC LIMIT ${limit + 1}`;

  /** The newest of one card, on one side. */
  const ofCard = (side: "source" | "target", card: Fragment) =>
    sql`SELECT a.* FROM attributions a WHERE a.${sql(`${side}_card_id`)} = ${card} ${conditions}`;

  /** The newest of each of an account's cards: attributions are indexed by their cards, and not by accounts and time. */
  const ofUser = (side: "source" | "target", userId: string) => sql`
    SELECT a.* FROM cards c CROSS JOIN LATERAL (${ofCard(side, sql`c.id`)}) a WHERE c.user_id = ${userId}::uuid`;

  function found() {
    if (filter.card_id) {
      const card = sql`${filter.card_id}::uuid`;
      return sql`(${ofCard("source", card)}) UNION ALL (${ofCard("target", card)})`;
    }
    // Whoever is cited may be cited often; each card of whoever cites has made few attributions.
    if (targetUserId) return ofUser("target", targetUserId);
    if (sourceUserId) return ofUser("source", sourceUserId);
    return sql`SELECT a.* FROM attributions a WHERE true ${conditions}`;
  }

  const rows = await readBounded<Attribution>(
    sql,
    tx => tx`
      SELECT ${attributionColumns(sql)}
      FROM (SELECT * FROM (${found()}) a ORDER BY a.created_at DESC, a.id DESC LIMIT ${limit + 1}) a ${itsCards(sql)}
      ORDER BY a.created_at DESC, a.id DESC`,
  );
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(row.created_at, row.id),
  );
}
