// How many rows a table has: exactly where that is quick, estimated where it is not.

import type { Sql, Tx } from "../db.ts";
import { quoted } from "./connection.ts";

/** Counting stops here (some 50 ms); beyond it PostgreSQL's own estimate is said. */
const COUNTED_MAX = 1_000_000;

/** Row counts of tables of schema public, in their order, as text: "12", or "~3,400,000" where it is an estimate. */
export async function countRows(sql: Sql | Tx, tables: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const counts = new Map<string, string>();
  for (const table of tables) {
    const [row] = await sql.unsafe<{ counted: string; estimated: string }[]>(
      `SELECT (SELECT count(*) FROM (SELECT FROM public.${quoted(table)} LIMIT ${COUNTED_MAX + 1}) AS rows) AS counted,
         (SELECT reltuples::bigint FROM pg_class
          WHERE relnamespace = 'public'::regnamespace AND relname = $1) AS estimated`,
      [table],
    );
    counts.set(table, textOf(Number(row?.counted), Number(row?.estimated)));
  }
  return counts;
}

function textOf(counted: number, estimated: number): string {
  if (counted <= COUNTED_MAX) return counted.toLocaleString("en");
  // A table that was never analysed has no estimate.
  return estimated > COUNTED_MAX
    ? `~${estimated.toLocaleString("en")}`
    : `more than ${COUNTED_MAX.toLocaleString("en")}`;
}
