// SQL of cards as rows: reading, listing, changing. Publishing is in publish.ts.

import { liveKey, lockCaller } from "../auth/live-key.ts";
import type { Caller } from "../auth/scopes.ts";
import { cursorsOf, PAGE_BYTES_MAX, type Page, type PageRequest, timeAndId, toPage } from "../cursor.ts";
import type { Sql, Tx } from "../db.ts";
import { Problem } from "../problem.ts";
import type { Card, CardChange } from "./model.ts";
import { checksumOf, contentHash } from "./text.ts";
import { withdrawCards } from "./withdraw.ts";

/** A Card with what only the server needs: `public_url` is the path here. */
export type CardRow = Card & { checksum: string | null; withdrawn_at: string | null };

const cardColumns = (sql: Sql | Tx) => sql`
  c.id, jsonb_build_object('id', u.id, 'username', u.username, 'display_name', u.display_name) AS author,
  c.title, c.content, c.content_hash, c.privacy_level, c.category, c.tags, c.metadata, c.slug, c.public_url,
  c.attribution_count, c.extropy_earned, c.published_at, c.edited_at, c.checksum, c.withdrawn_at`;

/** A card that has a page, or had one: a row that psql published without an address is nobody's to see. */
const hasPage = (sql: Sql | Tx) => sql`
  (c.withdrawn_at IS NOT NULL
    OR (c.is_published AND c.published_at IS NOT NULL AND c.slug IS NOT NULL AND c.public_url IS NOT NULL))`;

/** Any published card by its id, for a caller whose key is live. Throws `gone` and `not-found`. */
export async function getCard(sql: Sql, caller: Caller, id: string): Promise<CardRow> {
  const [row] = await sql<CardRow[]>`
    SELECT ${cardColumns(sql)} FROM cards c JOIN users u ON u.id = c.user_id
    WHERE c.id = ${id}::uuid AND ${hasPage(sql)} AND ${liveKey(sql, caller)}`;
  return requireStanding(row);
}

/**
 * A published card by the slug of its page. A card that was withdrawn or brought back is found under every
 * address it had: they end in the same eight characters. Throws `gone` and `not-found`.
 */
export async function getCardBySlug(sql: Sql, slug: string): Promise<CardRow> {
  const [row] = await sql<CardRow[]>`
    SELECT ${cardColumns(sql)} FROM cards c JOIN users u ON u.id = c.user_id
    WHERE (c.slug = ${slug} OR (right(c.slug, 8) = right(${slug}, 8) AND c.edited_at IS NOT NULL))
      AND ${hasPage(sql)}
    ORDER BY c.slug = ${slug} DESC LIMIT 1`;
  return requireStanding(row);
}

function requireStanding(row: CardRow | undefined): CardRow {
  if (!row) throw new Problem("not-found");
  if (row.withdrawn_at !== null) throw new Problem("gone");
  return row;
}

/** The version of a card: its stored checksum, or a fresh one where a direct write has made it unknown. */
export function versionOf(card: CardRow): string {
  return card.checksum ?? checksumOf(card);
}

export type CardFilter = {
  category?: string | undefined;
  tag?: string | undefined;
  privacy_level?: string | undefined;
  q?: string | undefined;
};

/** The caller's published cards, newest first. */
export async function listOwnCards(
  sql: Sql,
  caller: Caller,
  filter: CardFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<CardRow>> {
  const cursors = cursorsOf("cards", filter, timeAndId);
  const after = cursors.read(cursor);
  // Texts are fetched up to a page's size only: of the cards that fit, and the one behind them.
  const rows = await sql<CardRow[]>`
    WITH page AS (
      SELECT c.id, sum(octet_length(c.content)) OVER (ORDER BY c.published_at DESC, c.id DESC)
        - octet_length(c.content) AS bytes_before
      FROM cards c
      WHERE c.user_id = ${caller.userId}::uuid AND c.is_published AND ${hasPage(sql)} AND ${liveKey(sql, caller)}
        ${after ? sql`AND (c.published_at, c.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)` : sql``}
        ${filter.category ? sql`AND c.category = ${filter.category}` : sql``}
        ${filter.privacy_level ? sql`AND c.privacy_level = ${filter.privacy_level}` : sql``}
        ${filter.tag ? sql`AND ${filter.tag} = ANY (c.tags)` : sql``}
        ${filter.q ? sql`AND (c.title ILIKE ${likePattern(filter.q)} OR c.content ILIKE ${likePattern(filter.q)})` : sql``}
      ORDER BY c.published_at DESC, c.id DESC LIMIT ${limit + 1}
    )
    SELECT ${cardColumns(sql)} FROM page JOIN cards c ON c.id = page.id JOIN users u ON u.id = c.user_id
    WHERE page.bytes_before <= ${PAGE_BYTES_MAX}
    ORDER BY c.published_at DESC, c.id DESC`;
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(row.published_at, row.id),
  );
}

/** A LIKE pattern that finds the text itself anywhere. */
function likePattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, "\\$&")}%`;
}

/**
 * Changes a card that is still as the caller saw it: `matches` says whether a version is one of those in
 * If-Match. The slug stays. Throws `not-found`, `gone`, `precondition-failed`, and what problemOf makes duplicate-card.
 */
export async function changeCard(
  sql: Sql,
  caller: Caller,
  id: string,
  matches: (version: string) => boolean,
  change: CardChange,
): Promise<CardRow> {
  return sql.begin(async tx => {
    await lockCaller(tx, caller);
    const before = requireStanding(await findOwn(tx, caller, id));
    if (!matches(versionOf(before))) throw new Problem("precondition-failed");
    const data = {
      title: (change.title === undefined ? before.title : change.title) || null,
      content: change.content ?? before.content,
      privacy_level: change.privacy_level ?? before.privacy_level,
      category: change.category === undefined ? before.category : change.category,
      tags: change.tags ?? before.tags,
      metadata: change.metadata ?? before.metadata,
    };
    const checksum = checksumOf(data);
    if (checksum === versionOf(before)) return before;
    await tx`
      UPDATE cards SET title = ${data.title}, content = ${data.content}, privacy_level = ${data.privacy_level},
        category = ${data.category}, tags = ${data.tags}::text[], metadata = ${tx.json(data.metadata as never)},
        content_hash = ${contentHash(data.title, data.content)}, checksum = ${checksum}
      WHERE id = ${id}::uuid`;
    return requireStanding(await findOwn(tx, caller, id));
  });
}

/** Withdraws one of the caller's cards. Throws `not-found`, and `gone` where it was withdrawn before. */
export async function withdrawCard(sql: Sql, caller: Caller, id: string): Promise<void> {
  await sql.begin(async tx => {
    await lockCaller(tx, caller);
    requireStanding(await findOwn(tx, caller, id));
    await withdrawCards(tx, caller.userId, id);
  });
}

async function findOwn(tx: Tx, caller: Caller, id: string): Promise<CardRow | undefined> {
  const [row] = await tx<CardRow[]>`
    SELECT ${cardColumns(tx)} FROM cards c JOIN users u ON u.id = c.user_id
    WHERE c.id = ${id}::uuid AND c.user_id = ${caller.userId}::uuid AND ${hasPage(tx)}`;
  return row;
}
