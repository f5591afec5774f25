// Figures of attributions over a time, added up from the attributions themselves. They hold ids, counts and amounts
// only: what people may change or erase is read anew for each answer.

import type { AttributionType } from "../attributions/model.ts";
import { readBounded } from "../bounded-read.ts";
import type { Sql } from "../db.ts";
import { type Days, TOP } from "./analytics-model.ts";

/** A count, an amount, and what they are of. */
export type Figure = { count: number; amount: string };
export type Report = Readonly<{
  totals: Figure;
  top_cards: (Figure & { card_id: string })[];
  top_authors: (Figure & { user_id: string })[];
  flows: (Figure & { payer_id: string; payee_id: string })[];
  days: (Figure & { day: string; type: AttributionType })[];
}>;

export type MadeReport = Readonly<{ as_of: string; duration_ms: number; report: Report }>;

/** What a year of ten million entries takes is less. */
const MAKING_MS_MAX = 25_000;
/** Pairs of authors hardly repeat, so that the groups are nearly as many as the rows: on disk they take twice as long. */
const WORK_MEMORY_MB = 128;

/** Adds up, of one moment. Throws `validation` where that takes too long. */
export async function makeReport(sql: Sql, { from, to }: Days): Promise<MadeReport> {
  const startedMs = performance.now();
  const [row] = await readBounded<{ as_of: string; report: Report }>(
    sql,
    tx => tx`
      WITH standing AS MATERIALIZED (
        SELECT a.source_card_id, a.source_user_id, a.target_user_id, a.attribution_type, a.extropy_amount,
          (a.created_at AT TIME ZONE 'UTC')::date AS day
        FROM attributions a
        WHERE a.created_at >= ${from}::date AND a.created_at < ${to}::date AND a.reversed_at IS NULL
      ), cards AS (
        SELECT source_card_id AS card_id, count(*) AS count, sum(extropy_amount) AS amount FROM standing
        GROUP BY source_card_id ORDER BY amount DESC, count DESC, card_id LIMIT ${TOP}
      ), authors AS (
        SELECT source_user_id AS user_id, count(*) AS count, sum(extropy_amount) AS amount FROM standing
        GROUP BY source_user_id ORDER BY amount DESC, count DESC, user_id LIMIT ${TOP}
      ), flows AS (
        SELECT target_user_id AS payer_id, source_user_id AS payee_id, count(*) AS count, sum(extropy_amount) AS amount
        FROM standing GROUP BY target_user_id, source_user_id
        ORDER BY amount DESC, count DESC, payer_id, payee_id LIMIT ${TOP}
      ), days AS (
        SELECT day, attribution_type AS type, count(*) AS count, sum(extropy_amount) AS amount FROM standing
        GROUP BY day, attribution_type ORDER BY day, type
      )
      SELECT now() AS as_of, jsonb_build_object(
        'totals', (SELECT jsonb_build_object('count', coalesce(sum(count), 0), 'amount', coalesce(sum(amount), 0.00)::text) FROM days),
        'top_cards', (SELECT coalesce(jsonb_agg(jsonb_build_object('card_id', card_id, 'count', count, 'amount', amount::text)), '[]') FROM cards),
        'top_authors', (SELECT coalesce(jsonb_agg(jsonb_build_object('user_id', user_id, 'count', count, 'amount', amount::text)), '[]') FROM authors),
        'flows', (SELECT coalesce(jsonb_agg(jsonb_build_object('payer_id', payer_id, 'payee_id', payee_id, 'count', count, 'amount', amount::text)), '[]') FROM flows),
        'days', (SELECT coalesce(jsonb_agg(jsonb_build_object('day', day, 'type', type, 'count', count, 'amount', amount::text)), '[]') FROM days)
      ) AS report`,
    { maxMs: MAKING_MS_MAX, workMemoryMb: WORK_MEMORY_MB },
  );
  if (!row) throw new Error("a statement without FROM gives a row");
  return { ...row, duration_ms: Math.round(performance.now() - startedMs) };
}
