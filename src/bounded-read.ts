// Reads with filters that may be anything: each statement has a plan of its own, and an end.

import { type Sql, sqlState, type Tx } from "./db.ts";
import { Problem } from "./problem.ts";

/** What no filter that is served by an index comes near. */
const READ_MS_MAX = 5_000;

const QUERY_CANCELED = "57014";

/**
 * Runs one statement that only reads, for at most `maxMs`. Throws `validation` where it takes longer: asking again does
 * not help, asking for less does.
 *
 * It is planned for the values that it has. A plan for any values can't know that one type of entry is every third row
 * and another one of a million, and would read all of them in order to find fifty of the latter. One process does it: starting others takes longer than a page.
 */
export async function readBounded<Row>(
  sql: Sql,
  query: (tx: Tx) => PromiseLike<readonly Row[]>,
  { maxMs = READ_MS_MAX, workMemoryMb }: { maxMs?: number; workMemoryMb?: number } = {},
): Promise<readonly Row[]> {
  try {
    const { rows } = await sql.begin("READ ONLY", async tx => {
      const settings = tx`
        SELECT set_config('statement_timeout', ${String(maxMs)}, true),
          set_config('work_mem', coalesce(${workMemoryMb ? `${workMemoryMb}MB` : null}, current_setting('work_mem')), true),
          set_config('plan_cache_mode', 'force_custom_plan', true),
          set_config('max_parallel_workers_per_gather', '0', true)`;
      const [, rows] = await Promise.all([settings, query(tx)]);
      return { rows };
    });
    return rows;
  } catch (error) {
    if (sqlState(error) !== QUERY_CANCELED) throw error;
    throw new Problem("validation", {
      detail: `What these filters ask for was not found within ${maxMs / 1000} s. Narrow it down, for instance by a user, a card or a shorter time.`,
    });
  }
}
