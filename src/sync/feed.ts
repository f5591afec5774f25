// The feed: what changed after a position, in the order of the numbers (pull_changes, migrations/0007_sync.sql).

import { liveKey } from "../auth/live-key.ts";
import type { Caller } from "../auth/scopes.ts";
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
  { userId, keyId }: Caller,
  position: Position | undefined,
  limit: number,
): Promise<FeedPage> {
  const after = position?.changeNo ?? 0;
  const rows = await sql<Row[]>`
    SELECT * FROM pull_changes(${userId}::uuid, ${keyId}::uuid, ${after}::bigint, ${limit}::integer,
      ${PAGE_BYTES_MAX}::bigint)`;
  const [first] = rows;
  if (!first) throw new Problem("unauthenticated");
  const { epoch } = first;
  const head = Number(first.head);
  if (position && (position.epoch !== epoch || after > head)) throw cursorGone();

  const found = rows.filter(row => row.change_no !== null);
  const hasMore = Number(first.found ?? 0) > found.length;
  const reached = hasMore ? Number(found.at(-1)?.change_no ?? after) : head;
  return { items: found.map(toChange), reached: { userId, epoch, changeNo: reached }, head, hasMore };
}

function toChange({
  change_no,
  entity_type,
  entity_id,
  is_deleted,
  data,
  client_id,
  changed_at,
  checksum,
}: Row): Change {
  return {
    entity_type,
    entity_id,
    // Of what was written directly, and of the profile, none is stored.
    checksum: is_deleted ? null : (checksum ?? canonicalOf(data).checksum),
    revision: Number(change_no),
    data,
    deleted: is_deleted,
    client_id,
    changed_at,
  };
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
