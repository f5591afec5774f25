// SQL of what readers see: published cards and their authors, without any caller. Nothing withdrawn or erased is
// selected anywhere here, and no e-mail address.

import { cursorsOf, type Page, type PageRequest, timeAndId, toPage } from "../cursor.ts";
import type { Sql } from "../db.ts";
import { Problem } from "../problem.ts";
import { cleanLine, excerptOf, nameOf, OPENING_CHARACTERS } from "./excerpt.ts";
import {
  type AttributionType,
  type AuthorProfile,
  type ListedCard,
  type PublicAuthor,
  RELATED_COUNT_MAX,
  RELATED_ITEMS_MAX,
  type RelatedCard,
  type RelatedCards,
} from "./public-model.ts";

const EXCERPT_CHARACTERS_MAX = 200;

type ListedRow = Omit<ListedCard, "name" | "has_title" | "excerpt"> & { title: string | null; opening: string };

/** A card without a slug (a direct write) has no page to link to. */
const isShown = (sql: Sql) => sql`c.is_published AND c.slug IS NOT NULL`;

const listedColumns = (sql: Sql) => sql`
  c.id, c.slug, c.title, left(c.content, ${OPENING_CHARACTERS}) AS opening, c.extropy_earned, c.published_at, c.edited_at,
  jsonb_build_object('username', u.username, 'display_name', u.display_name) AS author`;

function toListedCard({ title, opening, author, ...row }: ListedRow): ListedCard {
  return {
    ...row,
    ...nameOf(title, opening),
    excerpt: excerptOf(opening, EXCERPT_CHARACTERS_MAX),
    author: cleanAuthor(author),
  };
}

/** Names as they may stand in a page; what came through the API is clean, direct writes may not be. */
export function cleanAuthor({ username, display_name }: PublicAuthor): PublicAuthor {
  return { username, display_name: cleanLine(display_name ?? "") || null };
}

/** The newest published cards of everybody. */
export async function listNewestCards(sql: Sql, limit: number): Promise<ListedCard[]> {
  const rows = await sql<ListedRow[]>`
    SELECT ${listedColumns(sql)} FROM cards c JOIN users u ON u.id = c.user_id
    WHERE ${isShown(sql)} ORDER BY c.published_at DESC, c.id DESC LIMIT ${limit}::integer`;
  return rows.map(toListedCard);
}

/** An author's published cards, newest first. Throws `validation` where the cursor is none of this list. */
export async function listAuthorCards(
  sql: Sql,
  userId: string,
  { limit, cursor }: PageRequest,
): Promise<Page<ListedCard>> {
  const cursors = cursorsOf("author", { userId }, timeAndId);
  const after = cursors.read(cursor);
  const rows = await sql<ListedRow[]>`
    SELECT ${listedColumns(sql)} FROM cards c JOIN users u ON u.id = c.user_id
    WHERE c.user_id = ${userId}::uuid AND ${isShown(sql)}
      ${after ? sql`AND (c.published_at, c.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql``}
    ORDER BY c.published_at DESC, c.id DESC LIMIT ${limit + 1}::integer`;
  return toPage(rows, limit, toListedCard, row => cursors.keyOf(row.published_at, row.id));
}

export type FeedCard = Pick<ListedCard, "id" | "slug" | "author" | "published_at" | "edited_at"> & {
  title: string | null;
  tags: string[];
  /** The beginning of the text, of as many characters as were asked for. */
  content: string;
  /** Whether that is all of it. */
  is_whole: boolean;
};

/** The newest published cards, of one author or of all, with the first `characters` of their texts. */
export async function listFeedCards(
  sql: Sql,
  { userId, limit, characters }: { userId: string | undefined; limit: number; characters: number },
): Promise<FeedCard[]> {
  const rows = await sql<FeedCard[]>`
    SELECT c.id, c.slug, c.title, c.tags, left(c.content, ${characters}::integer) AS content,
      octet_length(c.content) <= octet_length(left(c.content, ${characters}::integer)) AS is_whole,
      c.published_at, c.edited_at,
      jsonb_build_object('username', u.username, 'display_name', u.display_name) AS author
    FROM cards c JOIN users u ON u.id = c.user_id
    WHERE ${isShown(sql)} ${userId === undefined ? sql`` : sql`AND c.user_id = ${userId}::uuid`}
    ORDER BY c.published_at DESC, c.id DESC LIMIT ${limit}::integer`;
  return rows.map(row => ({ ...row, author: cleanAuthor(row.author) }));
}

/**
 * An author by name, upper or lower case. Only who has a published card is one: other accounts are nobody's
 * business. Throws `not-found`.
 */
export async function getAuthor(sql: Sql, username: string): Promise<AuthorProfile> {
  const [row] = await sql<AuthorProfile[]>`
    SELECT u.id, u.username, u.display_name, u.bio, of_cards.cards_count, of_cards.extropy_earned
    FROM users u
    CROSS JOIN LATERAL (
      SELECT count(*)::integer AS cards_count, coalesce(sum(c.extropy_earned), 0.00) AS extropy_earned
      FROM cards c WHERE c.user_id = u.id AND ${isShown(sql)}
    ) of_cards
    WHERE lower(u.username) = lower(${username}) AND u.erased_at IS NULL AND of_cards.cards_count > 0`;
  if (!row) throw new Problem("not-found", { detail: "There is no author of this name." });
  return { ...row, ...cleanAuthor(row) };
}

type RelatedRow = {
  direction: "cites" | "cited_by";
  total: number;
  slug: string;
  title: string | null;
  opening: string;
  author: PublicAuthor;
  attribution_type: AttributionType;
};

/** The cards that a card cites, and those that cite it: attributions that stand, between cards that are published. */
export async function listRelatedCards(
  sql: Sql,
  cardId: string,
): Promise<{ cites: RelatedCards; citedBy: RelatedCards }> {
  const related = (direction: "cites" | "cited_by") => {
    const [own, other] =
      direction === "cites" ? ["target_card_id", "source_card_id"] : ["source_card_id", "target_card_id"];
    // LIMIT 1 keeps the other card's look-up by index: a join might read all cards.
    const standing = sql`
      attributions a
      CROSS JOIN LATERAL (
        SELECT c.slug, c.title, c.content, c.user_id FROM cards c
        WHERE c.id = a.${sql(other)} AND ${isShown(sql)} LIMIT 1) c
      WHERE a.${sql(own)} = ${cardId}::uuid AND a.reversed_at IS NULL`;
    return sql`(
      SELECT ${direction}::text AS direction,
        (SELECT count(*)::integer FROM (SELECT FROM ${standing} LIMIT ${RELATED_COUNT_MAX}::integer) counted) AS total,
        found.slug, found.title, left(found.content, ${OPENING_CHARACTERS}) AS opening,
        jsonb_build_object('username', u.username, 'display_name', u.display_name) AS author, found.attribution_type
      FROM (
        SELECT a.attribution_type, a.created_at, a.id AS attribution_id, c.slug, c.title, c.content, c.user_id
        FROM ${standing} ORDER BY a.created_at DESC, a.id DESC LIMIT ${RELATED_ITEMS_MAX}::integer
      ) found
      JOIN users u ON u.id = found.user_id
      ORDER BY found.created_at DESC, found.attribution_id DESC)`;
  };
  const rows = await sql<RelatedRow[]>`${related("cites")} UNION ALL ${related("cited_by")}`;
  const of = (direction: RelatedRow["direction"]): RelatedCards => {
    const found = rows.filter(row => row.direction === direction);
    return { items: found.map(toRelatedCard), total: found[0]?.total ?? 0 };
  };
  return { cites: of("cites"), citedBy: of("cited_by") };
}

function toRelatedCard({ slug, title, opening, author, attribution_type }: RelatedRow): RelatedCard {
  return { slug, ...nameOf(title, opening), author: cleanAuthor(author), attribution_type };
}
