// The books as metrics show them: asked for at a scrape, but not for every one, and never waited for longer than a
// scrape can wait. Where the database is away, what was known stays.

import type { Sql } from "../db.ts";
import { type Logger, nameAndCode } from "../log.ts";
import { type Books, BooksReader } from "./books-store.ts";

/** Several who scrape share one question. */
const FRESH_MS = 5_000;
/** Prometheus itself waits for 10 s. */
const WAIT_MS = 2_000;

export class BooksWatch {
  readonly #reader: BooksReader;
  #known: Books | undefined;
  /** Until there was a question, nothing speaks against it. */
  #isUp = true;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(
    sql: Sql,
    private readonly log: Logger,
  ) {
    this.#reader = new BooksReader(sql);
  }

  /** The newest that is known. */
  get known(): Books | undefined {
    return this.#known;
  }

  /** Whether the last question was answered in time. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Asks the database, unless that was just done. Never rejects, and takes two seconds at most. */
  async refresh(): Promise<void> {
    if (!this.#asking && performance.now() - this.#askedAt < FRESH_MS) return;
    this.#asking ??= this.#ask();
    const answered = this.#asking.then(() => true);
    if (!(await Promise.race([answered, Bun.sleep(WAIT_MS).then(() => false)]))) this.#isUp = false;
  }

  async #ask(): Promise<void> {
    try {
      this.#known = await this.#reader.read();
      this.#isUp = true;
      this.#askedAt = performance.now();
    } catch (error) {
      if (this.#isUp) this.log.warn({ error: nameAndCode(error) }, "metrics can't read the books");
      this.#isUp = false;
    } finally {
      this.#asking = undefined;
    }
  }
}
