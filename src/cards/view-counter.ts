// Counts how often card pages are read, without a write for each reading: in memory first, then many cards in one
// statement. A crash loses the last seconds; views are no money.

import { isUnavailable, type Sql } from "../db.ts";
import type { Logger } from "../log.ts";

const FLUSH_MS = 5_000;

/** Cards with views not yet written. When there are more, the views of others are not counted until the next flush. */
const CARDS_MAX = 10_000;

export class ViewCounter {
  #counts = new Map<string, number>();
  #timer: Timer | undefined;
  #isFlushing = false;

  constructor(
    private readonly sql: Sql,
    private readonly log: Logger,
  ) {}

  /** Notes one view of a card. */
  count(cardId: string): void {
    const known = this.#counts.get(cardId);
    if (known === undefined && this.#counts.size >= CARDS_MAX) return;
    this.#counts.set(cardId, (known ?? 0) + 1);
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  /** Writes what was counted since the last time. What can't be written now is kept for the next time. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isFlushing || this.#counts.size === 0) return;
    this.#isFlushing = true;
    const counts = this.#counts;
    this.#counts = new Map();
    try {
      for (const id of await writeViews(this.sql, counts)) counts.delete(id);
    } catch (error) {
      // The reason stands in the log already where the database is away.
      if (!isUnavailable(error)) this.log.error({ message: (error as Error).message }, "views could not be written");
    }
    this.#isFlushing = false;
    for (const [id, count] of counts) this.#counts.set(id, (this.#counts.get(id) ?? 0) + count);
    if (this.#counts.size > 0) this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }
}

/**
 * Adds to the views of cards and returns the ids that are done with: written, or not published any more. A card whose
 * row is locked, because it is being paid just now, is passed over: waiting here could end in a deadlock.
 */
async function writeViews(sql: Sql, counts: ReadonlyMap<string, number>): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    WITH counted AS (SELECT * FROM unnest(${[...counts.keys()]}::uuid[], ${[...counts.values()]}::integer[]) AS v (id, views)),
      free AS (SELECT c.id FROM cards c JOIN counted v USING (id) WHERE c.is_published FOR NO KEY UPDATE OF c SKIP LOCKED),
      written AS (
        UPDATE cards c SET view_count = c.view_count + v.views FROM counted v JOIN free USING (id) WHERE c.id = v.id
        RETURNING c.id)
    SELECT id FROM written
    UNION ALL
    SELECT v.id FROM counted v WHERE NOT EXISTS (SELECT FROM cards c WHERE c.id = v.id AND c.is_published)`;
  return rows.map(row => row.id);
}
