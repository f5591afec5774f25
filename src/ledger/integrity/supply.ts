// The supply: what was issued and burned, by the type of entry that did it, added up batch by batch.

import type { Tx } from "../../db.ts";
import { sumAmounts } from "../../money.ts";
import { type Rows, TABLES, toArguments } from "./rule.ts";

/** Amounts are text with two decimals; `entries` counts those that issued or burned. */
export type TypeSupply = { issued: string; burned: string; entries: number };
export type SupplyByType = Record<string, TypeSupply>;
export type Supply = { issued: string; burned: string; circulating: string; by_type: SupplyByType };

/**
 * Counts all entries of the rows, and what those that stand alone issued or burned. A reversal counts where what it
 * undoes does; movements between users cancel out.
 */
export async function countSupply(
  tx: Tx,
  { relation, parameters }: Rows,
): Promise<{ entries: number; byType: SupplyByType }> {
  const rows = await tx.unsafe<{ type: string; all: string; entries: string; issued: string; burned: string }[]>(
    `SELECT transaction_type AS type, ${FIGURES} FROM (${withStanding(relation)}) AS entry GROUP BY transaction_type`,
    toArguments(parameters),
  );
  const alone = rows.filter(({ entries }) => entries !== "0");
  return {
    entries: rows.reduce((sum, row) => sum + Number(row.all), 0),
    byType: Object.fromEntries(
      alone.map(({ type, entries, issued, burned }) => [type, { issued, burned, entries: Number(entries) }]),
    ),
  };
}

/** What entries of one type issued and burned on one day (UTC); `all` counts every entry. */
export type DaySupply = TypeSupply & { day: string; type: string; all: number };

/** The same for each day between two moments, of which the second does not count any more. */
export async function countSupplyByDay(tx: Tx, from: string, to: string): Promise<DaySupply[]> {
  const relation = `(SELECT * FROM ${TABLES.entries} WHERE created_at >= $1::timestamptz AND created_at < $2::timestamptz)`;
  const rows = await tx.unsafe<
    { day: string; type: string; all: string; entries: string; issued: string; burned: string }[]
  >(
    `SELECT day::text, type, "all", entries, issued, burned FROM (
      SELECT (created_at AT TIME ZONE 'UTC')::date AS day, transaction_type AS type, ${FIGURES}
      FROM (${withStanding(relation)}) AS entry GROUP BY 1, 2) AS sum`,
    [from, to],
  );
  return rows.map(row => ({ ...row, all: Number(row.all), entries: Number(row.entries) }));
}

/** One sum for each day and type, where there were several. */
export function mergeDays(sums: readonly DaySupply[]): DaySupply[] {
  const groups = Map.groupBy(sums, ({ day, type }) => `${day} ${type}`);
  const total = (group: readonly DaySupply[], name: "all" | "entries") =>
    group.reduce((sum, part) => sum + part[name], 0);
  return [...groups.values()].flatMap(group =>
    group.slice(0, 1).map(({ day, type }) => ({
      day,
      type,
      all: total(group, "all"),
      entries: total(group, "entries"),
      issued: sumAmounts(group.map(({ issued }) => issued)),
      burned: sumAmounts(group.map(({ burned }) => burned)),
    })),
  );
}

const FIGURES = `count(*) AS all, count(*) FILTER (WHERE is_alone) AS entries,
  coalesce(sum(amount) FILTER (WHERE is_alone AND amount > 0), 0.00) AS issued,
  coalesce(-sum(amount) FILTER (WHERE is_alone AND amount < 0), 0.00) AS burned`;

/** Entries, and whether each stands alone: a movement of two issues and burns nothing. */
function withStanding(relation: string): string {
  return `
    SELECT l.transaction_type, l.amount, l.created_at, coalesce(undone.transaction_type, l.transaction_type)
      IN ('initial_grant', 'publish_reward', 'bonus', 'penalty', 'admin_adjustment') AS is_alone
    FROM ${relation} AS l
    LEFT JOIN LATERAL (
      SELECT u.transaction_type FROM ${TABLES.entries} u WHERE u.id = l.reverses_id LIMIT 1) AS undone ON true`;
}

/** Adds one count to another, type by type. */
export function addSupply(a: SupplyByType, b: SupplyByType): SupplyByType {
  const sum: SupplyByType = { ...a };
  for (const [type, { issued, burned, entries }] of Object.entries(b)) {
    const before = a[type] ?? { issued: "0.00", burned: "0.00", entries: 0 };
    sum[type] = {
      issued: sumAmounts([before.issued, issued]),
      burned: sumAmounts([before.burned, burned]),
      entries: before.entries + entries,
    };
  }
  return sum;
}

/** The supply as a whole; `circulating` is the sum of all balances. */
export async function totalSupply(tx: Tx, byType: SupplyByType): Promise<Supply> {
  const [row] = await tx.unsafe<{ circulating: string }[]>(
    `SELECT coalesce(sum(extropy_balance), 0.00) AS circulating FROM ${TABLES.users}`,
  );
  const types = Object.values(byType);
  return {
    issued: sumAmounts(types.map(({ issued }) => issued)),
    burned: sumAmounts(types.map(({ burned }) => burned)),
    circulating: row?.circulating ?? "0.00",
    by_type: Object.fromEntries(Object.entries(byType).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}
