// SQL of everybody's cards.

import { z } from "zod";
import { readBounded } from "../bounded-read.ts";
import { likePattern } from "../cards/store.ts";
import { cursorsOf, encodeCursor, type Page, type PageRequest, sortTime, toPage } from "../cursor.ts";
import type { Sql } from "../db.ts";
import { Problem } from "../problem.ts";
import type { CardDetail, CardOrder, ListedCard, ListedCardFilter } from "./cards-model.ts";
import { RANK_MAX, rankOf } from "./ranks.ts";
import { findFilterUser } from "./user-filter.ts";

/** What a page is ordered by before the id, as the cursor holds it. */
const SORTS = {
  newest: { value: (card: ListedCard) => card.published_at, form: sortTime },
  most_cited: { value: (card: ListedCard) => String(card.attribution_count), form: z.string().regex(/^\d{1,9}$/) },
  most_earned: { value: (card: ListedCard) => card.extropy_earned, form: z.string().regex(/^\d{1,18}\.\d\d$/) },
} as const;

/** Columns that rank cards, and the number from which on they do. */
const RANKS = {
  most_cited: { name: "citation_rank", from: 8 },
  most_earned: { name: "earning_rank", from: 4 },
} as const;

/** The newest cards whose titles are looked through for a text, before a page is what there is of it among them. */
export const LOOKED_AT = 20_000;

/** Cards with the highest ranks whose titles are looked through for a page, before those of all cards are. */
const RANKED_LOOKED_AT = 5_000;

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
  const card = await findAnyCard(sql, id);
  if (!card) throw new Problem("not-found");
  return card;
}

/** The same; undefined where there is none, or one that was never published. */
export async function findAnyCard(sql: Sql, id: string): Promise<CardDetail | undefined> {
  const [row] = await sql<CardDetail[]>`
    SELECT ${listedColumns(sql)}, CASE WHEN c.is_published THEN c.content END AS content
    FROM cards c JOIN users u ON u.id = c.user_id WHERE c.id = ${id}::uuid AND ${wasPublished(sql)}`;
  return row;
}

/**
 * Cards of all accounts, withdrawn ones included, of which only the record is left; `public_url` is the path. A page of
 * those with a text in the title, newest first, may be short or empty, and go on at its cursor. Throws `validation`.
 */
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
  // Only of published cards a title is known.
  const status = filter.status ?? (filter.q === undefined ? "any" : "published");
  const rank = filter.sort === "newest" || userId !== undefined ? undefined : RANKS[filter.sort];
  const lowest = rank && (await findLowestRank(rank));
  const conditions = sql`${within} ${lowest ? sql`AND c.${sql(rank.name)} >= ${lowest}` : sql``}`;

  /** All cards of the page are of this rank or above; undefined where too few have ranks, and any card may be on it. */
  async function findLowestRank({ name, from }: (typeof RANKS)[keyof typeof RANKS]): Promise<number | undefined> {
    const ranked = sql(name);
    const highest = after ? rankOf(Number(after[0]), from) : RANK_MAX;
    const ofStatus = status === "any" ? sql`` : sql`AND ${status === "published" ? sql`` : sql`NOT`} c.is_published`;
    // What is rare is not looked for among all that have ranks, to be looked for among all cards afterwards.
    const among = filter.q
      ? sql`(SELECT c.* FROM cards c WHERE c.${ranked} <= ${highest} ${ofStatus} ORDER BY c.${ranked} DESC LIMIT ${RANKED_LOOKED_AT})`
      : sql`cards`;
    const rows = await readBounded<{ rank: number }>(
      sql,
      tx => tx`
        SELECT c.${ranked} AS rank FROM ${among} c
        WHERE c.${ranked} <= ${highest} ${ofStatus} AND ${within}
        ORDER BY c.${ranked} DESC LIMIT ${limit + 1}`,
    );
    return rows[limit]?.rank;
  }

  const isLookedThrough = filter.q !== undefined && !userId && filter.sort === "newest" && status === "published";
  const beyond = sql`
    c.is_published AND c.published_at IS NOT NULL
    ${after ? sql`AND (c.published_at, c.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql``}`;
  const newest = sql`(SELECT c.* FROM cards c WHERE ${beyond} ORDER BY c.published_at DESC, c.id DESC LIMIT ${LOOKED_AT})`;
  const among = isLookedThrough ? newest : sql`cards`;
  const published = sql`SELECT c.* FROM ${among} c WHERE c.is_published AND ${conditions} ORDER BY ${order}`;
  const withdrawn = sql`SELECT c.* FROM cards c WHERE NOT c.is_published AND ${conditions} ORDER BY ${order}`;
  const found = {
    published,
    withdrawn,
    // Each state has indexes of its own.
    any: sql`SELECT c.* FROM ((${published}) UNION ALL (${withdrawn})) c ORDER BY ${order}`,
  }[status];
  // Where they don't make a page, the last card that was looked at, unless that is the last one of all.
  const last = isLookedThrough
    ? sql`SELECT c.published_at AS last_at, c.id AS last_id FROM cards c
        WHERE ${beyond} AND (SELECT count(*) FROM page) <= ${limit}
        ORDER BY c.published_at DESC, c.id DESC OFFSET ${LOOKED_AT - 1} LIMIT 1`
    : sql`SELECT NULL::timestamptz AS last_at, NULL::uuid AS last_id`;
  const rows = await readBounded<(ListedCard | { id: null }) & { last_at: string | null; last_id: string | null }>(
    sql,
    tx => tx`
      WITH page AS MATERIALIZED (${found})
      SELECT ${listedColumns(sql)}, last.*
      FROM (SELECT) one LEFT JOIN (${last}) last ON true
      LEFT JOIN (page c JOIN users u ON u.id = c.user_id) ON true
      ORDER BY ${column} DESC, c.id DESC`,
  );
  const page = toPage(
    rows.filter(row => row.id !== null),
    limit,
    ({ last_at: _, last_id: __, ...row }) => row,
    row => cursors.keyOf(value(row), row.id),
  );
  const { last_at, last_id } = rows[0] ?? {};
  return last_at && last_id ? { ...page, next_cursor: encodeCursor(cursors.keyOf(last_at, last_id)) } : page;
}

function orderOf(sql: Sql, order: CardOrder) {
  if (order === "most_cited") return [sql`c.attribution_count`, sql`integer`] as const;
  if (order === "most_earned") return [sql`c.extropy_earned`, sql`decimal`] as const;
  return [sql`c.published_at`, sql`timestamptz`] as const;
}
