// SQL of everybody's cards.

import { z } from "zod";
import { readBounded } from "../bounded-read.ts";
import { cursorsOf, type Page, type PageRequest, sortTime, toPage } from "../cursor.ts";
import type { Fragment, Sql } from "../db.ts";
import { Problem } from "../problem.ts";
import type { CardDetail, CardOrder, ListedCard, ListedCardFilter } from "./cards-model.ts";
import { RANK_MAX, rankOf } from "./ranks.ts";
import { hasTitleWords } from "./title-words.ts";
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

/**
 * So many of the first cards of an order are looked through for words, before the index is asked: usual words make a page among
 * them, and the index would give thousands to sort. Among the more only where the fewer have a tenth of a page.
 */
export const LOOKED_AT = [250, 5_000] as const;

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
  const isBehind = after ? sql`AND (${column}, c.id) < (${after[0]}::${cast}, ${after[1]}::uuid)` : sql``;
  const within = sql`
    ${wasPublished(sql)} ${isBehind}
    ${userId ? sql`AND c.user_id = ${userId}::uuid` : sql``}
    ${filter.category ? sql`AND c.category = ${filter.category}` : sql``}
    ${filter.privacy_level ? sql`AND c.privacy_level = ${filter.privacy_level}` : sql``}
    ${filter.q === undefined ? sql`` : sql`AND ${hasTitleWords(sql, filter.q)}`}`;
  // Only of published cards a title is known.
  if (filter.q !== undefined && filter.status === "withdrawn") return { items: [], next_cursor: null };
  const status = filter.status ?? (filter.q === undefined ? "any" : "published");
  const rank = filter.sort === "newest" || userId !== undefined ? undefined : RANKS[filter.sort];
  const lowest = rank && (await findLowestRank(rank));

  /** All cards of the page are of this rank or above; undefined where too few have ranks, and any card may be on it. */
  async function findLowestRank({ name, from }: (typeof RANKS)[keyof typeof RANKS]): Promise<number | undefined> {
    const ranked = sql(name);
    const highest = after ? rankOf(Number(after[0]), from) : RANK_MAX;
    const ofStatus = status === "any" ? sql`` : sql`AND ${status === "published" ? sql`` : sql`NOT`} c.is_published`;
    const find = async (among: Fragment) =>
      readBounded<{ rank: number }>(
        sql,
        tx => tx`
          SELECT c.${ranked} AS rank FROM ${among} c
          WHERE c.${ranked} <= ${highest} ${ofStatus} AND ${within}
          ORDER BY c.${ranked} DESC LIMIT ${limit + 1}`,
      );
    const rows =
      filter.q === undefined
        ? await find(sql`cards`)
        : await lookThrough(limit, count =>
            find(sql`(
              SELECT c.* FROM cards c WHERE c.${ranked} <= ${highest} ${ofStatus}
              ORDER BY c.${ranked} DESC LIMIT ${count})`),
          );
    return rows?.[limit]?.rank;
  }

  async function read(page: Fragment): Promise<readonly ListedCard[]> {
    return readBounded<ListedCard>(
      sql,
      tx => tx`
        SELECT ${listedColumns(sql)} FROM (${page}) c JOIN users u ON u.id = c.user_id ORDER BY ${column} DESC, c.id DESC`,
    );
  }

  async function readByWords(): Promise<readonly ListedCard[]> {
    if (filter.sort === "newest" && userId === undefined) {
      const newest = (count: number) => sql`
        SELECT c.* FROM cards c WHERE c.is_published AND c.published_at IS NOT NULL ${isBehind}
        ORDER BY c.published_at DESC, c.id DESC LIMIT ${count}`;
      const rows = await lookThrough(limit, count =>
        read(sql`SELECT c.* FROM (${newest(count)}) c WHERE ${within} ORDER BY ${order}`),
      );
      if (rows) return rows;
    }
    // All that have them, and then the order: for a plan that follows the order, rare words are at its very end.
    return read(sql`
      WITH titled AS MATERIALIZED (SELECT c.id, ${column} FROM cards c WHERE c.is_published AND ${within})
      SELECT * FROM cards WHERE id IN (SELECT c.id FROM titled c ORDER BY ${order})`);
  }

  async function readInOrder(): Promise<readonly ListedCard[]> {
    const conditions = sql`${within} ${lowest ? sql`AND c.${sql(rank.name)} >= ${lowest}` : sql``}`;
    const published = sql`SELECT c.* FROM cards c WHERE c.is_published AND ${conditions} ORDER BY ${order}`;
    const withdrawn = sql`SELECT c.* FROM cards c WHERE NOT c.is_published AND ${conditions} ORDER BY ${order}`;
    const pages = {
      published,
      withdrawn,
      // Each state has indexes of its own.
      any: sql`SELECT c.* FROM ((${published}) UNION ALL (${withdrawn})) c ORDER BY ${order}`,
    };
    return read(pages[status]);
  }

  const rows = filter.q === undefined || lowest ? await readInOrder() : await readByWords();
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(value(row), row.id),
  );
}

/** What `find` gives of the first cards, where it is more than a page. */
async function lookThrough<Row>(
  limit: number,
  find: (count: number) => Promise<readonly Row[]>,
): Promise<readonly Row[] | undefined> {
  for (const count of LOOKED_AT) {
    const rows = await find(count);
    if (rows.length > limit) return rows;
    if (rows.length < limit / 10) return undefined;
  }
  return undefined;
}

function orderOf(sql: Sql, order: CardOrder) {
  if (order === "most_cited") return [sql`c.attribution_count`, sql`integer`] as const;
  if (order === "most_earned") return [sql`c.extropy_earned`, sql`decimal`] as const;
  return [sql`c.published_at`, sql`timestamptz`] as const;
}
