// SQL of what the page of one account shows beside its lists: what it held over time, its keys and its devices.

import type { Sql } from "../db.ts";
import { NAMED_KEYS_MAX, namedKeyColumns } from "../users/keys-store.ts";
import type { NamedKey } from "../users/model.ts";
import type { Device } from "./devices-model.ts";

/** A balance at a moment. */
export type BalancePoint = { at: string; value: string };

/** Moments of a chart: one look-up by index each. */
const POINTS = 60;
/** Devices that the page shows. */
const DEVICES_MAX = 50;

/** What an account held at moments evenly apart, from its first entry to now; none where it has no entries. */
export async function listBalances(sql: Sql, userId: string): Promise<BalancePoint[]> {
  return sql<BalancePoint[]>`
    WITH life AS (
      SELECT l.created_at AS begun_at, (now() - l.created_at) / ${POINTS - 1}::integer AS step
      FROM extropy_ledger l WHERE l.user_id = ${userId}::uuid ORDER BY l.created_at LIMIT 1
    )
    SELECT p.at, coalesce(held.balance_after, 0.00) AS value
    FROM life
    CROSS JOIN LATERAL (
      SELECT life.begun_at + no * life.step AS at FROM generate_series(0, ${POINTS - 1}::integer) no) p
    LEFT JOIN LATERAL (
      SELECT l.balance_after FROM extropy_ledger l
      WHERE l.user_id = ${userId}::uuid AND l.created_at <= p.at ORDER BY l.created_at DESC LIMIT 1) held ON true
    ORDER BY p.at`;
}

/** An account's named keys, newest first. */
export async function listKeysOf(sql: Sql, userId: string): Promise<NamedKey[]> {
  return sql<NamedKey[]>`
    SELECT ${namedKeyColumns(sql)} FROM api_keys k
    WHERE k.user_id = ${userId}::uuid AND k.kind = 'named'
    ORDER BY k.created_at DESC, k.id DESC LIMIT ${NAMED_KEYS_MAX}`;
}

/** An account's devices, those first that were in step last. */
export async function listDevicesOf(sql: Sql, userId: string): Promise<Device[]> {
  return sql<Device[]>`
    SELECT s.client_id, max(s.device_name) AS device_name,
      count(*) FILTER (WHERE s.sync_status = 'synced')::float8 AS synced,
      count(*) FILTER (WHERE s.sync_status = 'pending')::float8 AS pending,
      count(*) FILTER (WHERE s.sync_status = 'conflict')::float8 AS conflicts,
      count(*) FILTER (WHERE s.sync_status = 'failed')::float8 AS failed,
      max(s.last_synced_at) AS last_synced_at
    FROM sync_state s WHERE s.user_id = ${userId}::uuid AND s.retry_count >= 0
    GROUP BY s.client_id ORDER BY max(s.last_synced_at) DESC NULLS LAST, s.client_id LIMIT ${DEVICES_MAX}`;
}
