// Limits that hold over several processes: once a second each adds what it counted to a table, and learns what all have
// counted. Between two of these a process knows its own events only, so that N processes let through at most what
// comes to N-1 of them within a second more than the limit. No request waits for it, and without the database each goes on alone.

import type { Sql } from "../db.ts";
import { type Count, RateLimit, type Total } from "./rate-limit.ts";

const EXCHANGE_MS = 1_000;
/** How often rows of windows that are over are deleted. */
const PURGE_MS = 60_000;
/** Rows deleted at once: as many as a process counts names of all kinds. */
const PURGED_MAX = 400_000;

/** All limits of the process. */
export class Rates {
  readonly #limits: RateLimit[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  #purgedAt = Date.now();

  constructor(private readonly sql: Sql) {}

  /** A limit of `limit` events a name within `windowMs`; 0 switches it off. `kind` names it in the table. */
  limit(kind: string, limit: number, windowMs: number): RateLimit {
    const made = new RateLimit(kind, limit, windowMs, () => this.#schedule());
    this.#limits.push(made);
    return made;
  }

  /** How often each limit has refused something in this process, by its kind. */
  get refusals(): readonly (readonly [kind: string, count: number])[] {
    return this.#limits.map(({ kind, refusals }) => [kind, refusals]);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#timer || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#exchange(), EXCHANGE_MS);
    this.#timer.unref();
  }

  async #exchange(): Promise<void> {
    for (const limit of this.#limits) await this.#share(limit);
    await this.#purge();
    this.#timer = undefined;
    if (this.#limits.some(limit => limit.hasUnshared)) this.#schedule();
  }

  async #share(limit: RateLimit): Promise<void> {
    const { counts, told, untold } = limit.unshared();
    if (counts.length === 0) return;
    try {
      told(await addCounts(this.sql, limit, counts));
    } catch {
      // The database is away, which the requests themselves say loudly enough; told the next time.
      untold();
    }
  }

  async #purge(): Promise<void> {
    if (Date.now() - this.#purgedAt < PURGE_MS) return;
    this.#purgedAt = Date.now();
    // Rows that another process is counting in, or deleting, are left to it: nobody waits for anybody.
    await this.sql`
      DELETE FROM rate_counts WHERE (kind, name) IN (
        SELECT r.kind, r.name FROM rate_counts r WHERE r.ends_at < now() LIMIT ${PURGED_MAX} FOR UPDATE SKIP LOCKED
      )`.catch(() => {});
  }
}

async function addCounts(sql: Sql, { kind, windowMs }: RateLimit, counts: readonly Count[]): Promise<Total[]> {
  // In the order of names, so that processes don't deadlock; a window that is over begins anew. What is taken back comes
  // as a window of 1970: the table refuses a count below zero before it is seen that there is a row to take it from.
  const rows = await sql<(Total & { name: string })[]>`
    INSERT INTO rate_counts AS r (kind, name, count, ends_at)
      SELECT ${kind}, c.name, abs(c.count),
        CASE WHEN c.count < 0 THEN to_timestamp(0) ELSE now() + c.left_ms * interval '1 millisecond' END
      FROM unnest(${counts.map(({ name }) => name)}::varchar[], ${counts.map(({ count }) => count)}::integer[],
        ${counts.map(({ leftMs }) => Math.min(leftMs, windowMs))}::float8[]) AS c (name, count, left_ms)
      ORDER BY c.name
    ON CONFLICT ON CONSTRAINT rate_counts_pkey DO UPDATE SET
      count = greatest(0, CASE WHEN r.ends_at > now() THEN r.count ELSE 0 END
        + CASE WHEN excluded.ends_at = to_timestamp(0) THEN -excluded.count ELSE excluded.count END),
      ends_at = CASE WHEN r.ends_at > now() THEN r.ends_at ELSE excluded.ends_at END
    RETURNING r.name, r.count, extract(epoch FROM r.ends_at - now())::float8 * 1000 AS left_ms`;
  const byName = new Map(rows.map(row => [row.name, row]));
  return counts.map(({ name, count, leftMs }) => byName.get(name) ?? { count, left_ms: leftMs });
}
