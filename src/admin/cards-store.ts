// SQL of everybody's cards.

import { z } from "zod";
import { readBounded } from "../bounded-read.ts";
import { likePattern } from "../cards/store.ts";
import { cursorsOf, type Page, type PageRequest, sortTime, toPage } from "../cursor.ts";
import type { Sql } from "../db.ts";
import { Problem } from "../problem.ts";
import type { CardDetail, CardOrder, ListedCard, ListedCardFilter } from "./cards-model.ts";
import { findFilterUser } from "./user-filter.ts";

/** What a page is ordered by before the id, as the cursor holds it. */
const SORTS = {
  newest: { value: (card: ListedCard) => card.published_at, form: sortTime },
  most_cited: { value: (card: ListedCard) => String(card.attribution_count), form: z.string().regex(/^\d{1,9}$/) },
  most_earned: { value: (card: ListedCard) => card.extropy_earned, form: z.string().regex(/^\d{1,18}\.\d\d$/) },
} as const;

/** Columns that rank cards (0009_browse.sql): 1 from this number on, and one more each time that it doubles. */
const RANKS = {
  most_cited: { name: "citation_rank", from: 8 },
  most_earned: { name: "earning_rank", from: 4 },
} as const;
const RANK_MAX = 18;

/** The rank of a card of which there is this number; 0 for those that have none. */
export function rankOf(value: number, from: number): number {
  return value < from ? 0 : Math.min(RANK_MAX, Math.floor(Math.log2(value / from)) + 1);
}

/** The columns of a ListedCard, of the card `c` of the user `u`; `public_url` is the path. */
const listedColumns = (sql: Sql) => sql`
  c.id, jsonb_build_object('id', u.id, 'username', u.username, 'display_name', u.display_name) AS author,
  CASE WHEN c.is_published THEN 'published' ELSE 'withdrawn' END AS status,
  CASE WHEN c.is_published THEN c.title END AS title, CASE WHEN c.is_published THEN c.slug END AS slug,
  CASE WHEN c.is_published THEN c.public_url END AS public_url,
  c.privacy_level, c.category, CASE WHEN c.is_published THEN c.tags ELSE '{}' END AS tags,
  c.view_count::float8 AS view_count, c.attribution_count, c.extropy_earned, c.published_at, c.edited_at, c.withdrawn_at`;

/** A card that has a page or had one: what psql left without an address was never published. */
const wasPublished = (sql: Sql) => sql`c.published_at IS NOT NULL AND (c.is_published OR c.withdrawn_at IS NOT NULL)`;

/** Any card, also a withdrawn one, of which there is no text. Throws `not-found`. */
export async function getAnyCard(sql: Sql, id: string): Promise<CardDetail> {
  const [row] = await sql<CardDetail[]>`
    SELECT ${listedColumns(sql)}, CASE WHEN c.is_published THEN c.content END AS content
    FROM cards c JOIN users u ON u.id = c.user_id WHERE c.id = ${id}::uuid AND ${wasPublished(sql)}`;
  if (!row) throw new Problem("not-found");
  return row;
}

/** Cards of all accounts, withdrawn ones included, of which only the record is left; `public_url` is the path. Throws `validation`. */
export async function listAllCards(
  sql: Sql,
  filter: ListedCardFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<ListedCard>> {
  const { value, form } = SORTS[filter.sort];
  const cursors = cursorsOf("admin cards", filter, z.tuple([form, z.guid()]));
  const after = cursors.read(cursor);
  const userId = await findFilterUser(sql, filter.user, "/user");
  const [column, cast] = orderOf(sql, filter.sort);
  const order = sql`${column} DESC, c.id DESC LIMIT ${limit + 1}`;
  const within = sql`
    ${wasPublished(sql)}
    ${after ? sql`AND (${column}, c.id) < (${after[0]}::${cast}, ${after[1]}::uuid)` : sql``}
    ${userId ? sql`AND c.user_id = ${userId}::uuid` : sql``}
    ${filter.category ? sql`AND c.category = ${filter.category}` : sql``}
    ${filter.privacy_level ? sql`AND c.privacy_level = ${filter.privacy_level}` : sql``}
    ${filter.q ? sql`AND c.title ILIKE ${likePattern(filter.q)}` : sql``}`;
  const isOfFew = userId !== undefined || filter.q !== undefined;
  const rank = filter.sort === "newest" || isOfFew ? undefined : RANKS[filter.sort];
  const lowest = rank && (await findLowestRank(rank));
  const conditions = sql`${within} ${lowest ? sql`AND c.${sql(rank.name)} >= ${lowest}` : sql``}`;

  /** All cards of the page are of this rank or above; undefined where too few have ranks, and any card may be on it. */
  async function findLowestRank({ name, from }: (typeof RANKS)[keyof typeof RANKS]): Promise<number | undefined> {
    const ranked = sql(name);
    const highest = after ? rankOf(Number(after[0]), from) : RANK_MAX;
    const rows = await readBounded<{ rank: number }>(
      sql,
      tx => tx`
        SELECT c.${ranked} AS rank FROM cards c
        WHERE c.${ranked} <= ${highest}
          ${filter.status ? sql`AND ${filter.status === "published" ? sql`` : sql`NOT`} c.is_published` : sql``}
          AND ${within}
        ORDER BY c.${ranked} DESC LIMIT ${limit + 1}`,
    );
    return rows[limit]?.rank;
  }

  const published = sql`SELECT c.* FROM cards c WHERE c.is_published AND ${conditions} ORDER BY ${order}`;
  const withdrawn = sql`SELECT c.* FROM cards c WHERE NOT c.is_published AND ${conditions} ORDER BY ${order}`;
  const found = {
    published,
    withdrawn,
    // Each state has indexes of its own.
    any: sql`SELECT c.* FROM ((${published}) UNION ALL (${withdrawn})) c ORDER BY ${order}`,
  }[filter.status ?? "any"];
  const rows = await readBounded<ListedCard>(
    sql,
    tx => tx`
      SELECT ${listedColumns(sql)}
      FROM (${found}) c JOIN users u ON u.id = c.user_id
      ORDER BY ${column} DESC, c.id DESC`,
  );
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(value(row), row.id),
  );
}

function orderOf(sql: Sql, order: CardOrder) {
  if (order === "most_cited") return [sql`c.attribution_count`, sql`integer`] as const;
  if (order === "most_earned") return [sql`c.extropy_earned`, sql`decimal`] as const;
  return [sql`c.published_at`, sql`timestamptz`] as const;
}
