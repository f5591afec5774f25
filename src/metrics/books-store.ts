// What the database knows about the books, for metrics: how many entries of each type there are, and what the last
// checks found. The entries are counted once; after that only those that came since are read.

import { listLastDays, nextDay } from "../admin/ledger-days.ts";
import type { Sql, Tx } from "../db.ts";
import { findRecord, listResults, type NotedResult } from "../ledger/integrity/records.ts";

type Counts = Readonly<Record<string, number>>;

export type Books = Readonly<{
  /** By type of entry. */
  entries: Counts;
  /** The newest result of each scope, whichever process or command made the check. */
  results: readonly NotedResult[];
  /** When the last clean check of everything was made, in seconds since 1970. */
  cleanAt: number | undefined;
}>;

/** Entries up to an id, none of which can be committed any more. */
type Settled = { upTo: string; counts: Counts };

/** An id that was the newest one, settled as soon as every transaction before `horizon` has ended. */
type Settling = { upTo: string; horizon: string };

export class BooksReader {
  #settled: Settled | undefined;
  #settling: Settling | undefined;

  constructor(private readonly sql: Sql) {}

  /** The figures of now, of one snapshot. */
  async read(): Promise<Books> {
    return this.sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", async tx => {
      // Else "newer than this id" would be planned for any id, and read the whole table.
      await tx`SELECT set_config('plan_cache_mode', 'force_custom_plan', true)`;
      const [entries, results, record] = [await this.#count(tx), await listResults(tx), await findRecord(tx)];
      return { entries, results, cleanAt: record && Date.parse(record.checked_at) / 1000 };
    });
  }

  /**
   * Ids are taken before commits, so the newest id that is seen has others before it that are still to come. They all
   * belong to transactions that were running then: when those have ended, nothing is missing up to it.
   */
  async #count(tx: Tx): Promise<Counts> {
    const [now] = await tx<{ newest: string; oldest_running: string; horizon: string; is_settled: boolean }[]>`
      SELECT coalesce((SELECT max(l.id) FROM extropy_ledger l), 0)::text AS newest,
        pg_snapshot_xmax(s.now)::text AS horizon,
        coalesce(pg_snapshot_xmin(s.now) >= ${this.#settling?.horizon ?? null}::xid8, false) AS is_settled
      FROM (SELECT pg_current_snapshot() AS now) AS s`;
    if (!now) throw new Error("a SELECT without FROM gives a row");
    const [last] = this.#settled ? [] : await listLastDays(tx, 1);
    const base = this.#settled?.counts ?? last?.by_type ?? {};
    const openSince = last ? nextDay(last.day) : "0001-01-01";
    const upTo = this.#settling?.upTo ?? "0";
    const rows = this.#settled
      ? await tx<Row[]>`
          SELECT l.transaction_type AS type, l.id <= ${upTo}::bigint AS is_before, count(*)::float8 AS count
          FROM extropy_ledger l WHERE l.id > ${this.#settled.upTo}::bigint GROUP BY 1, 2`
      : await tx<Row[]>`
          SELECT l.transaction_type AS type, l.id <= ${upTo}::bigint AS is_before, count(*)::float8 AS count
          FROM extropy_ledger l WHERE l.created_at >= ${openSince}::date GROUP BY 1, 2`;
    if (now.is_settled) {
      this.#settled = { upTo, counts: sum([base, ...rows.filter(row => row.is_before).map(toCounts)]) };
    }
    if (now.is_settled || !this.#settling) this.#settling = { upTo: now.newest, horizon: now.horizon };
    return sum([base, ...rows.map(toCounts)]);
  }
}

type Row = { type: string; is_before: boolean; count: number };

const toCounts = ({ type, count }: Row): Counts => ({ [type]: count });

function sum(counts: readonly Counts[]): Counts {
  const total: Record<string, number> = {};
  for (const some of counts) {
    for (const [type, count] of Object.entries(some)) total[type] = (total[type] ?? 0) + count;
  }
  return total;
}
