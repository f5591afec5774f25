// What there was at the end of closed days, so that the figures of a ledger of any length take reading a month of them
// and the entries since. A day is closed when it has been over for a whole day: no transaction is open for so long.

import type { Sql, Tx } from "../db.ts";
import { addSupply, countSupplyByDay, type DaySupply, type SupplyByType } from "../ledger/integrity/supply.ts";
import type { TypeCounts } from "./overview-model.ts";

/** All that there was at the end of a day (UTC), such as 2030-01-31. */
export type LedgerDay = {
  day: string;
  entries: number;
  by_type: TypeCounts;
  supply: SupplyByType;
  /** Cards that were published until then, those that were withdrawn since included. */
  cards: number;
};

export const DAY_MS = 86_400_000;
/** Days that are closed by one transaction: with ten million entries a year, it takes a second or two. */
const CLOSED_AT_ONCE = 31;

/** The last of the days, the newest first. */
export async function listLastDays(tx: Tx, count: number): Promise<LedgerDay[]> {
  return tx<LedgerDay[]>`
    SELECT d.day::text AS day, d.entries::float8 AS entries, d.by_type, d.supply, d.cards::float8 AS cards
    FROM ledger_days d ORDER BY d.day DESC LIMIT ${count}`;
}

/**
 * The days from `from` until `to`, which is not one of them, each with all that there was at its end. Days in which
 * nothing happened are there as well. `before` is what there was before the first one; `entries` and `cards` are what
 * the days brought, entries in any number of parts.
 */
export function addUp(
  before: Omit<LedgerDay, "day">,
  { from, to }: { from: string; to: string },
  { entries, cards }: { entries: readonly DaySupply[]; cards: ReadonlyMap<string, number> },
): LedgerDay[] {
  const byDay = Map.groupBy(entries, ({ day }) => day);
  const days: LedgerDay[] = [];
  let sum = before;
  for (let day = from; day < to; day = nextDay(day)) {
    const by_type: Record<string, number> = { ...sum.by_type };
    let { entries: count, supply } = sum;
    for (const { type, all, issued, burned, entries } of byDay.get(day) ?? []) {
      by_type[type] = (by_type[type] ?? 0) + all;
      count += all;
      if (entries > 0) supply = addSupply(supply, { [type]: { issued, burned, entries } });
    }
    sum = { entries: count, by_type, supply, cards: sum.cards + (cards.get(day) ?? 0) };
    days.push({ day, ...sum });
  }
  return days;
}

/** Whether more days are to be closed than one transaction does. */
export async function areDaysMissing(sql: Sql, nowMs: number): Promise<boolean> {
  const [row] = await sql<{ is_missing: boolean | null }[]>`
    SELECT coalesce((SELECT max(day) FROM ledger_days), (SELECT min(created_at) FROM extropy_ledger))
      < ${dateOf(nowMs - CLOSED_AT_ONCE * DAY_MS)}::date AS is_missing`;
  return row?.is_missing === true;
}

/** Writes down the closed days that are missing. Several processes may do it at once: they find the same. */
export async function closeDays(sql: Sql, nowMs: number): Promise<void> {
  const end = dateOf(nowMs - DAY_MS);
  while (await closeSome(sql, end)) {}
}

/** Whether there is more to close. */
async function closeSome(sql: Sql, end: string): Promise<boolean> {
  return sql.begin(async tx => {
    const [last] = await listLastDays(tx, 1);
    const from = last ? nextDay(last.day) : await findFirstDay(tx);
    if (from === undefined || from >= end) return false;
    const to = [end, dateOf(Date.parse(from) + CLOSED_AT_ONCE * DAY_MS)].sort()[0] ?? end;
    // Cards are counted anew each time: one that was deleted by hand, or dated back, is missed for a day at most.
    const before = { ...(last ?? { entries: 0, by_type: {}, supply: {} }), cards: await countCardsUntil(tx, from) };
    const [entries, cards] = await Promise.all([countSupplyByDay(tx, from, to), countCardsByDay(tx, from, to)]);
    const days = addUp(before, { from, to }, { entries, cards });
    await tx`
      INSERT INTO ledger_days (day, entries, by_type, supply, cards)
      SELECT d.day, d.entries, d.by_type, d.supply, d.cards
      FROM jsonb_to_recordset(${tx.json(days)}) AS d (day date, entries bigint, by_type jsonb, supply jsonb, cards bigint)
      ON CONFLICT (day) DO NOTHING`;
    return to < end;
  });
}

/** The day before the first entry, as that begins with what there was before. */
async function findFirstDay(tx: Tx): Promise<string | undefined> {
  const [row] = await tx<{ day: string | null }[]>`
    SELECT ((min(created_at) AT TIME ZONE 'UTC')::date - 1)::text AS day FROM extropy_ledger`;
  return row?.day ?? undefined;
}

/** Forgets all days: they are made again from the entries. */
export async function forgetDays(sql: Sql): Promise<void> {
  await sql`DELETE FROM ledger_days`;
}

/** Cards of the days, withdrawn ones included. Each state has an index of its own. */
export async function countCardsByDay(tx: Tx, from: string, to: string): Promise<Map<string, number>> {
  const rows = await tx<{ day: string; count: number }[]>`
    SELECT day::text AS day, sum(count)::float8 AS count FROM (
      SELECT (c.published_at AT TIME ZONE 'UTC')::date AS day, count(*) AS count FROM cards c
      WHERE c.is_published AND c.published_at >= ${from}::date AND c.published_at < ${to}::date GROUP BY 1
      UNION ALL
      SELECT (c.published_at AT TIME ZONE 'UTC')::date, count(*) FROM cards c
      WHERE NOT c.is_published AND c.published_at >= ${from}::date AND c.published_at < ${to}::date GROUP BY 1) c
    GROUP BY day`;
  return new Map(rows.map(({ day, count }) => [day, count]));
}

/** Cards that were published before a day, withdrawn ones included. */
export async function countCardsUntil(tx: Tx, day: string): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    SELECT ((SELECT count(*) FROM cards c WHERE c.is_published AND c.published_at < ${day}::date)
      + (SELECT count(*) FROM cards c WHERE NOT c.is_published AND c.published_at < ${day}::date))::float8 AS count`;
  return row?.count ?? 0;
}

/** The day (UTC) of a moment. */
export function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export function nextDay(day: string): string {
  return dateOf(Date.parse(day) + DAY_MS);
}
