// The index of the words of titles (0018_title_words.sql): new words wait in a list, sorted in here every second, so that no
// commit does it and no search reads far through it.

import { isUnavailable, type Sql } from "../db.ts";
import { type Logger, nameAndCode } from "../log.ts";

const SORT_MS = 1_000;

export class TitleIndex {
  #timer: Timer | undefined;
  #isClosed = false;
  /** Said once, until it works again. */
  #hasFailed = false;

  constructor(
    private readonly sql: Sql,
    private readonly log: Logger,
  ) {}

  /** Sorts in what waits, now and every second until `close`. */
  async start(): Promise<void> {
    try {
      await this.sql`SELECT public.sort_in_title_words()`;
      this.#hasFailed = false;
    } catch (error) {
      // The reason stands in the log already where the database is away.
      if (!this.#hasFailed && !isUnavailable(error)) {
        this.#hasFailed = true;
        this.log.warn({ error: nameAndCode(error) }, "the words of titles could not be sorted in");
      }
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => this.start(), SORT_MS).unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }
}
