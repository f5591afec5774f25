// SQL of the feed: what changed after a number, in the order of the numbers. Each of the three sources has its entities
// in that order by index, so that a pull costs what it brings, however much there is (migrations/0007_sync.sql).

import { liveKey } from "../auth/live-key.ts";
import type { Caller } from "../auth/scopes.ts";
import { type CardData, checksumOf } from "../cards/text.ts";
import { PAGE_BYTES_MAX } from "../cursor.ts";
import type { Sql } from "../db.ts";
import { Problem } from "../problem.ts";
import { canonicalOf } from "./checksum.ts";
import type { Change, EntityType } from "./model.ts";
import { cursorGone, type Position } from "./position.ts";

/** `head` is the number of the user's newest change; all up to `reached` are in this page or were before it. */
export type FeedPage = { items: Change[]; reached: Position; head: number; hasMore: boolean };

type Row = {
  epoch: string;
  head: string;
  found: string | null;
  change_no: string | null;
  entity_type: EntityType;
  entity_id: string;
  checksum: string | null;
  is_deleted: boolean;
  card: CardData | null;
  data: Record<string, unknown> | null;
  client_id: string | null;
  changed_at: string;
};

/**
 * Up to `limit` changes after a position (undefined: from the beginning), in the order in which they were committed; fewer
 * where they get longer than a page. Throws `unauthenticated`, and `cursor-gone` for a position that the database does not
 * have, or has no more.
 */
export async function listChanges(
  sql: Sql,
  caller: Caller,
  position: Position | undefined,
  limit: number,
): Promise<FeedPage> {
  const { userId } = caller;
  const after = position?.changeNo ?? 0;
  // One statement and so one moment: the sources and the head are of the same commits. "> 0" names the indexes.
  const rows = await sql<Row[]>`
    WITH page AS (
      SELECT p.*, count(*) OVER () AS found, sum(p.bytes) OVER (ORDER BY p.change_no) - p.bytes AS bytes_before
      FROM (
        SELECT p.* FROM (
          (SELECT c.change_no, 'card' AS entity_type, c.id::text AS entity_id, c.id AS card_id,
            octet_length(c.content) + octet_length(c.metadata::text) AS bytes
          FROM cards c WHERE c.user_id = ${userId}::uuid AND c.change_no > ${after}::bigint AND c.change_no > 0
          ORDER BY c.change_no LIMIT ${limit + 1}::integer)
          UNION ALL
          (SELECT d.change_no, d.entity_type, d.entity_id, NULL, coalesce(octet_length(d.data::text), 0)
          FROM sync_documents d WHERE d.user_id = ${userId}::uuid AND d.change_no > ${after}::bigint AND d.change_no > 0
          ORDER BY d.change_no LIMIT ${limit + 1}::integer)
          UNION ALL
          SELECT h.profile_change_no, 'user_profile', 'me', NULL, 0
          FROM sync_heads h WHERE h.user_id = ${userId}::uuid AND h.profile_change_no > ${after}::bigint
        ) p
        ORDER BY p.change_no LIMIT ${limit + 1}::integer
      ) p
    )
    SELECT m.value AS epoch, coalesce(h.change_no, 0) AS head, p.found, p.change_no, p.entity_type, p.entity_id,
      CASE p.entity_type WHEN 'card' THEN c.checksum WHEN 'settings' THEN d.checksum WHEN 'session' THEN d.checksum
        END AS checksum,
      CASE p.entity_type WHEN 'card' THEN NOT c.is_published WHEN 'user_profile' THEN false ELSE d.data IS NULL
        END AS is_deleted,
      CASE WHEN c.is_published THEN json_build_object('title', c.title, 'content', c.content,
        'privacy_level', c.privacy_level, 'category', c.category, 'tags', c.tags, 'metadata', c.metadata) END AS card,
      CASE p.entity_type WHEN 'user_profile' THEN json_build_object('display_name', u.display_name, 'bio', u.bio,
        'avatar_url', u.avatar_url, 'profile_url', u.profile_url) ELSE d.data END AS data,
      CASE p.entity_type WHEN 'card' THEN c.change_client_id WHEN 'user_profile' THEN h.profile_client_id
        ELSE d.client_id END AS client_id,
      CASE p.entity_type WHEN 'card' THEN greatest(c.created_at, c.published_at, c.edited_at, c.withdrawn_at)
        WHEN 'user_profile' THEN h.profile_changed_at ELSE d.changed_at END AS changed_at
    FROM users u
    JOIN schema_metadata m ON m.key = 'sync_epoch'
    LEFT JOIN sync_heads h ON h.user_id = u.id
    LEFT JOIN page p ON p.bytes_before <= ${PAGE_BYTES_MAX}
    LEFT JOIN cards c ON c.id = p.card_id
    LEFT JOIN sync_documents d ON d.user_id = u.id AND d.entity_type = p.entity_type AND d.entity_id = p.entity_id
    WHERE u.id = ${userId}::uuid AND ${liveKey(sql, caller)}
    ORDER BY p.change_no`;
  const [first] = rows;
  if (!first) throw new Problem("unauthenticated");
  const head = Number(first.head);
  const { epoch } = first;
  if (position && (position.epoch !== epoch || after > head)) throw cursorGone();

  const found = rows.filter(row => row.change_no !== null).slice(0, limit);
  const hasMore = Number(first.found ?? 0) > found.length;
  const reached = hasMore ? Number(found.at(-1)?.change_no ?? after) : head;
  return { items: found.map(toChange), reached: { userId, epoch, changeNo: reached }, head, hasMore };
}

function toChange(row: Row): Change {
  const { entity_type, entity_id, is_deleted, client_id, changed_at } = row;
  return {
    entity_type,
    entity_id,
    checksum: is_deleted ? null : (row.checksum ?? checksumOfRow(row)),
    revision: Number(row.change_no),
    data: row.card ?? row.data,
    deleted: is_deleted,
    client_id,
    changed_at,
  };
}

/** For cards that were written directly, and for the profile, which has none stored. */
function checksumOfRow({ card, data }: Row): string {
  return card ? checksumOf(card) : canonicalOf(data).checksum;
}

/** Where a pull now would end. Throws `unauthenticated`. */
export async function findHead(sql: Sql, caller: Caller): Promise<Position> {
  const { userId } = caller;
  const [row] = await sql<{ epoch: string; head: string }[]>`
    SELECT m.value AS epoch, coalesce(h.change_no, 0) AS head
    FROM users u JOIN schema_metadata m ON m.key = 'sync_epoch' LEFT JOIN sync_heads h ON h.user_id = u.id
    WHERE u.id = ${userId}::uuid AND ${liveKey(sql, caller)}`;
  if (!row) throw new Problem("unauthenticated");
  return { userId, epoch: row.epoch, changeNo: Number(row.head) };
}
