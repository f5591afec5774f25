// SQL of what is not in step, of everybody. What is in step, nearly everything, is not looked at.

import { z } from "zod";
import { readBounded } from "../bounded-read.ts";
import { cursorsOf, type Page, type PageRequest, toPage } from "../cursor.ts";
import type { Sql } from "../db.ts";
import type { HeardDevice, Unsettled, UnsettledCounts, UnsettledFilter } from "./sync-model.ts";
import { findFilterUser } from "./user-filter.ts";

const COUNTED_MAX = 10_000;
/** The newest states by which it is told which devices were heard of. */
const STATES_LOOKED_AT = 500;
const DEVICES = 10;

/** What is not in step, the newest first. Throws `validation`. */
export async function listUnsettled(
  sql: Sql,
  filter: UnsettledFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<Unsettled>> {
  const cursors = cursorsOf("admin sync", filter, z.tuple([z.guid()]));
  const after = cursors.read(cursor);
  const userId = await findFilterUser(sql, filter.user, "/user");
  const rows = await readBounded<Unsettled>(
    sql,
    tx => tx`
      SELECT s.id, s.client_id, s.device_name, s.entity_type, s.entity_id, s.sync_status, s.last_synced_at,
        s.local_checksum, s.remote_checksum, s.conflict_resolution, s.sync_direction, s.error_message, s.retry_count,
        s.created_at, s.updated_at, jsonb_build_object('id', u.id, 'username', u.username) AS user
      FROM sync_state s JOIN users u ON u.id = s.user_id
      WHERE s.sync_status <> 'synced'
        ${userId ? sql`AND s.user_id = ${userId}::uuid AND s.retry_count >= 0` : sql``}
        ${filter.client_id ? sql`AND s.client_id = ${filter.client_id}` : sql``}
        ${filter.status ? sql`AND s.sync_status = ${filter.status}` : sql``}
        ${filter.entity_type ? sql`AND s.entity_type = ${filter.entity_type}` : sql``}
        ${after ? sql`AND s.id < ${after[0]}::uuid` : sql``}
      ORDER BY s.id DESC LIMIT ${limit + 1}`,
  );
  return toPage(
    rows,
    limit,
    row => row,
    row => cursors.keyOf(row.id),
  );
}

/** How much is not in step, by state. */
export async function countUnsettled(sql: Sql): Promise<UnsettledCounts> {
  const rows = await sql<{ status: "pending" | "conflict" | "failed"; count: number }[]>`
    SELECT s.sync_status AS status, count(*)::float8 AS count
    FROM (SELECT sync_status FROM sync_state WHERE sync_status <> 'synced' LIMIT ${COUNTED_MAX}) s
    GROUP BY s.sync_status`;
  const counts = Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  return { pending: 0, conflict: 0, failed: 0, limit: COUNTED_MAX, ...counts };
}

/** The devices of the newest states. */
export async function listHeardDevices(sql: Sql): Promise<HeardDevice[]> {
  return sql<HeardDevice[]>`
    SELECT jsonb_build_object('id', u.id, 'username', u.username) AS user, s.client_id,
      max(s.device_name) AS device_name, max(s.last_synced_at) AS last_synced_at
    FROM (SELECT * FROM sync_state ORDER BY id DESC LIMIT ${STATES_LOOKED_AT}) s JOIN users u ON u.id = s.user_id
    GROUP BY u.id, s.client_id ORDER BY max(s.last_synced_at) DESC NULLS LAST, s.client_id LIMIT ${DEVICES}`;
}
