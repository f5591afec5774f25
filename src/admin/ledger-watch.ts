// Who watches the ledger grow: while anybody does, one statement a third of a second asks for the newest ids, whichever
// process committed them, and whoever watches is told that there is something. It costs writers nothing.

import type { Sql } from "../db.ts";
import type { Logger } from "../log.ts";
import { Problem } from "../problem.ts";

const POLL_MS = 300;
/** Questions that take long come more rarely, so that they take at most a fifth of one connection. */
const PAUSE_FACTOR = 4;
/** Entries become visible out of their order: one that is overtaken by more than so many is not noticed. */
const NEWEST = 200;
const WATCHERS_MAX = 100;

/** Told when there are new entries. */
export type Watcher = () => void;

/** The watch of one process. */
export class LedgerWatch {
  readonly #watchers = new Set<Watcher>();
  #isRunning = false;

  constructor(
    private readonly sql: Sql,
    private readonly log: Logger,
  ) {}

  /** How many watch. */
  get count(): number {
    return this.#watchers.size;
  }

  /** Tells the watcher of new entries from now on; returns what ends that. Throws `unavailable` where too many watch. */
  add(watcher: Watcher): () => void {
    if (this.#watchers.size >= WATCHERS_MAX) {
      throw new Problem("unavailable", { detail: `${WATCHERS_MAX} lists are live already.` });
    }
    this.#watchers.add(watcher);
    if (!this.#isRunning) void this.#run();
    return () => void this.#watchers.delete(watcher);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let known = "";
    while (this.#watchers.size > 0) {
      const startedMs = performance.now();
      try {
        const newest = await this.#readNewest();
        if (newest !== known) for (const watcher of this.#watchers) watcher();
        known = newest;
      } catch (error) {
        const { code } = error as { code?: unknown };
        this.log.warn({ error: { code } }, "the ledger can't be watched");
      }
      await Bun.sleep(Math.max(POLL_MS, (performance.now() - startedMs) * PAUSE_FACTOR));
    }
    this.#isRunning = false;
  }

  async #readNewest(): Promise<string> {
    const [row] = await this.sql<{ newest: string | null }[]>`
      SELECT md5(string_agg(l.id::text, ',')) AS newest
      FROM (SELECT id FROM extropy_ledger ORDER BY created_at DESC, id DESC LIMIT ${this.sql.unsafe(String(NEWEST))}) l`;
    return row?.newest ?? "";
  }
}
