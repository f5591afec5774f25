// SQL of what is known about devices: which entity is in step, in conflict or failed on which of them.

import { z } from "zod";
import { liveKey } from "../auth/live-key.ts";
import type { Caller } from "../auth/scopes.ts";
import { cursorsOf, type Page, type PageRequest, toPage } from "../cursor.ts";
import type { Sql } from "../db.ts";
import type { SyncState } from "./model.ts";

export type StateFilter = { client_id?: string | undefined; status?: string | undefined };

const idAlone = z.tuple([z.guid()]);

/** The caller's states, those first that were made last. */
export async function listStates(
  sql: Sql,
  caller: Caller,
  filter: StateFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<SyncState>> {
  const { client_id, status } = filter;
  const cursors = cursorsOf("sync states", { ...filter, user: caller.userId }, idAlone);
  const after = cursors.read(cursor);
  const rows = await sql<SyncState[]>`
    SELECT s.id, s.client_id, s.device_name, s.entity_type, s.entity_id, s.sync_status, s.last_synced_at,
      s.local_checksum, s.remote_checksum, s.remote_revision::float8 AS remote_revision, s.conflict_resolution,
      s.sync_direction, s.error_message, s.retry_count, s.created_at, s.updated_at
    FROM sync_state s
    WHERE s.user_id = ${caller.userId}::uuid AND s.retry_count >= 0 AND ${liveKey(sql, caller)}
      ${client_id === undefined ? sql`` : sql`AND s.client_id = ${client_id}`}
      ${status === undefined ? sql`` : sql`AND s.sync_status = ${status}`}
      ${after ? sql`AND s.id < ${after[0]}::uuid` : sql``}
    ORDER BY s.id DESC LIMIT ${limit + 1}`;
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(row.id),
  );
}
