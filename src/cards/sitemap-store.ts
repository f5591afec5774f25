// SQL of the site map: where its pages begin and end, and the cards of one page, oldest first, so that a page that
// is full stays as it is.

import type { Sql } from "../db.ts";

/** A place in the order of published cards. */
export type Place = readonly [publishedAt: string, id: string];

/** Before the first card. */
export const ORIGIN: Place = ["0001-01-01T00:00:00.000000Z", "00000000-0000-0000-0000-000000000000"];

export type SitemapCard = { slug: string | null; id: string; published_at: string; edited_at: string | null };

/** The place of the `count`-th published card after a place; undefined where there are fewer. */
export async function findPlaceAfter(sql: Sql, [at, id]: Place, count: number): Promise<Place | undefined> {
  const [row] = await sql<{ published_at: string; id: string }[]>`
    SELECT c.published_at, c.id FROM cards c
    WHERE c.is_published AND (c.published_at, c.id) > (${at}::timestamptz, ${id}::uuid)
    ORDER BY c.published_at, c.id OFFSET ${count - 1}::integer LIMIT 1`;
  return row && [row.published_at, row.id];
}

/** The next published cards after one place, up to and including another. */
export async function listSitemapCards(
  sql: Sql,
  { after, upTo, limit }: { after: Place; upTo: Place | undefined; limit: number },
): Promise<SitemapCard[]> {
  return sql<SitemapCard[]>`
    SELECT c.slug, c.id, c.published_at, c.edited_at FROM cards c
    WHERE c.is_published AND (c.published_at, c.id) > (${after[0]}::timestamptz, ${after[1]}::uuid)
      ${upTo ? sql`AND (c.published_at, c.id) <= (${upTo[0]}::timestamptz, ${upTo[1]}::uuid)` : sql``}
    ORDER BY c.published_at, c.id LIMIT ${limit}::integer`;
}
