// SQL that reads attributions. Each statement checks the caller's key itself, and all that a caller may see here
// everybody with a key may see: the cards are public, and so is who cites them.

import { liveKey } from "../auth/live-key.ts";
import type { Caller } from "../auth/scopes.ts";
import { cursorsOf, type Page, type PageRequest, timeAndId, toPage } from "../cursor.ts";
import type { Sql } from "../db.ts";
import { sumAmounts } from "../money.ts";
import { Problem } from "../problem.ts";
import type { Attribution, AttributionFilter, AttributionType, CardReceived, Totals, UserReceived } from "./model.ts";

/** A CardReference of the card and user under these aliases. */
export const cardReference = (sql: Sql, card: string, author: string) =>
  sql`card_reference(${sql(card)}, ${sql(author)}.id, ${sql(author)}.username, ${sql(author)}.display_name)`;

/** The columns of an Attribution `a`, whose cards and authors are joined by `itsCards`. */
export const attributionColumns = (sql: Sql) => sql`
  a.id, a.attribution_type, a.extropy_amount, a.attribution_note, a.metadata, a.created_at, a.reversed_at,
  ${cardReference(sql, "sc", "su")} AS source_card, ${cardReference(sql, "tc", "tu")} AS target_card`;

export const itsCards = (sql: Sql) => sql`
  JOIN cards sc ON sc.id = a.source_card_id JOIN users su ON su.id = a.source_user_id
  JOIN cards tc ON tc.id = a.target_card_id JOIN users tu ON tu.id = a.target_user_id`;

/** One attribution. Throws `not-found`. */
export async function getAttribution(sql: Sql, caller: Caller, id: string): Promise<Attribution> {
  const [row] = await sql<Attribution[]>`
    SELECT ${attributionColumns(sql)} FROM attributions a ${itsCards(sql)}
    WHERE a.id = ${id}::uuid AND ${liveKey(sql, caller)}`;
  if (!row) throw new Problem("not-found");
  return row;
}

/**
 * Attributions that a card has received (backlinks) or makes (citations), newest first, reversed ones included. A
 * withdrawn card still has them. Throws `not-found` where there is no such card or it was never published.
 */
export async function listCardAttributions(
  sql: Sql,
  caller: Caller,
  cardId: string,
  filter: AttributionFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<Attribution>> {
  const { direction, type } = filter;
  const cursors = cursorsOf("card attributions", { ...filter, cardId }, timeAndId);
  const after = cursors.read(cursor);
  const end = direction === "received" ? sql`source_card_id` : sql`target_card_id`;
  const rows = await sql<(Attribution | { id: null })[]>`
    SELECT found.* FROM cards c
    LEFT JOIN LATERAL (
      SELECT ${attributionColumns(sql)} FROM attributions a ${itsCards(sql)}
      WHERE a.${end} = c.id
        ${after ? sql`AND (a.created_at, a.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql``}
        ${type ? sql`AND a.attribution_type = ${type}` : sql``}
      ORDER BY a.created_at DESC, a.id DESC LIMIT ${limit + 1}
    ) found ON true
    WHERE c.id = ${cardId}::uuid AND (c.is_published OR c.withdrawn_at IS NOT NULL) AND ${liveKey(sql, caller)}
    ORDER BY found.created_at DESC, found.id DESC`;
  if (rows.length === 0) throw new Problem("not-found");
  return toPage(
    rows.filter(row => row.id !== null),
    limit,
    row => row,
    row => cursors.keyOf(row.created_at, row.id),
  );
}

/**
 * What a user's cards have received and still have: totals over all of them, and a page of the cards, the newest
 * first. Throws `not-found`.
 */
export async function getReceivedByUser(
  sql: Sql,
  caller: Caller,
  userId: string,
  page: PageRequest,
): Promise<UserReceived> {
  const cards = listCited(sql, caller, userId, page);
  const [totals, { items, next_cursor }] = await Promise.all([getTotals(sql, caller, userId), cards]);
  return { items, next_cursor, totals };
}

type Group = { type: AttributionType | null; count: number; amount: string };

async function getTotals(sql: Sql, caller: Caller, userId: string): Promise<Totals> {
  const groups = await sql<Group[]>`
    SELECT a.attribution_type AS type, count(a.id)::float8 AS count, coalesce(sum(a.extropy_amount), 0.00) AS amount
    FROM users u LEFT JOIN attributions a ON a.source_user_id = u.id AND a.reversed_at IS NULL
    WHERE u.id = ${userId}::uuid AND ${liveKey(sql, caller)}
    GROUP BY a.attribution_type ORDER BY a.attribution_type`;
  if (groups.length === 0) throw new Problem("not-found");
  return addUp(groups);
}

/** The user's cards that have received something, in an order that a new citation does not change. */
async function listCited(
  sql: Sql,
  caller: Caller,
  userId: string,
  { limit, cursor }: PageRequest,
): Promise<Page<CardReceived>> {
  type Row = { id: string; published_at: string; card: CardReceived["card"]; groups: Group[] };
  const cursors = cursorsOf("cited cards", { userId }, timeAndId);
  const after = cursors.read(cursor);
  const rows = await sql<Row[]>`
    SELECT c.id, c.published_at, ${cardReference(sql, "c", "u")} AS card, received.groups
    FROM cards c JOIN users u ON u.id = c.user_id
    CROSS JOIN LATERAL (
      SELECT jsonb_agg(jsonb_build_object('type', type, 'count', count, 'amount', amount::text) ORDER BY type) AS groups
      FROM (
        SELECT a.attribution_type AS type, count(*) AS count, sum(a.extropy_amount) AS amount
        FROM attributions a
        WHERE a.source_user_id = c.user_id AND a.source_card_id = c.id AND a.reversed_at IS NULL
        GROUP BY a.attribution_type
      ) by_type
    ) received
    -- The count spares a look at the attributions of cards that nobody cites.
    WHERE c.user_id = ${userId}::uuid AND c.attribution_count > 0 AND received.groups IS NOT NULL
      AND ${liveKey(sql, caller)}
      ${after ? sql`AND (c.published_at, c.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql``}
    ORDER BY c.published_at DESC, c.id DESC LIMIT ${limit + 1}`;
  return toPage(
    rows,
    limit,
    ({ card, groups }) => ({ card, ...addUp(groups) }),
    row => cursors.keyOf(row.published_at, row.id),
  );
}

function addUp(groups: readonly Group[]): Totals {
  return {
    count: groups.reduce((sum, { count }) => sum + count, 0),
    amount: sumAmounts(groups.map(({ amount }) => amount)),
    by_type: Object.fromEntries(
      groups.flatMap(({ type, count, amount }) => (type === null ? [] : [[type, { count, amount }]])),
    ),
  };
}
