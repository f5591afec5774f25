// Sums of closed days, so that the figures of a ledger of any length take reading a row a day and the entries of two
// days. A day is closed when it has been over for a whole day: no transaction is open for so long.

import { type Sql, sqlState, type Tx } from "../db.ts";
import { countSupply, type SupplyByType } from "../ledger/integrity/supply.ts";
import type { TypeCounts } from "./overview-model.ts";

/** The sums of one day (UTC), such as 2030-01-31. */
export type LedgerDay = { day: string; entries: number; by_type: TypeCounts; supply: SupplyByType };

const DAY_MS = 86_400_000;
const UNIQUE_VIOLATION = "23505";

/** The first day that is not closed at this moment. */
export function openSince(nowMs: number): string {
  return dateOf(nowMs - DAY_MS);
}

/** The sums of the entries of a day, as they are now; one statement for a day that has none. */
export async function sumDay(tx: Tx, day: string): Promise<LedgerDay> {
  const next = dateOf(Date.parse(day) + DAY_MS);
  const counts = await tx<{ type: string; count: number }[]>`
    SELECT l.transaction_type AS type, count(*)::float8 AS count FROM extropy_ledger l
    WHERE l.created_at >= ${day}::date AND l.created_at < ${next}::date GROUP BY l.transaction_type`;
  const entries = counts.reduce((sum, { count }) => sum + count, 0);
  const relation = "(SELECT * FROM public.extropy_ledger WHERE created_at >= $1::date AND created_at < $2::date)";
  const supply =
    entries === 0 ? {} : (await countSupply(tx, { of: "entries", relation, parameters: [day, next] })).byType;
  return { day, entries, by_type: Object.fromEntries(counts.map(({ type, count }) => [type, count])), supply };
}

/** The sums of all closed days that were written down. */
export async function listDays(tx: Tx): Promise<LedgerDay[]> {
  return tx<LedgerDay[]>`
    SELECT d.day::text AS day, d.entries::float8 AS entries, d.by_type, d.supply FROM ledger_days d ORDER BY d.day`;
}

/** Writes down the closed days that are missing, one commit a day. Several processes may do it at once. */
export async function closeDays(sql: Sql, nowMs: number): Promise<void> {
  const end = openSince(nowMs);
  const [row] = await sql<{ first: string | null }[]>`
    SELECT coalesce((SELECT (max(day) + 1) FROM ledger_days),
      (SELECT (min(created_at) AT TIME ZONE 'UTC')::date FROM extropy_ledger))::text AS first`;
  for (let day = row?.first ?? end; day < end; day = dateOf(Date.parse(day) + DAY_MS)) {
    const closing = day;
    await sql
      .begin(async tx => {
        const { entries, by_type, supply } = await sumDay(tx, closing);
        await tx`
          INSERT INTO ledger_days (day, entries, by_type, supply)
          VALUES (${closing}::date, ${entries}, ${tx.json(by_type)}, ${tx.json(supply)})`;
      })
      .catch(error => {
        if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
      });
  }
}

/** The first day that no row stands for; where there are no rows, one before all entries. */
export function findOpenDay(closed: readonly LedgerDay[]): string {
  const last = closed.at(-1)?.day;
  return last === undefined ? "0001-01-01" : dateOf(Date.parse(last) + DAY_MS);
}

/** Forgets all sums: they are made again from the entries. */
export async function forgetDays(sql: Sql): Promise<void> {
  await sql`DELETE FROM ledger_days`;
}

export function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
