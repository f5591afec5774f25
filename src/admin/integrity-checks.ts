// The checks of the books that operators ask this process for: how many run at once, whoever asks.

import type { Sql } from "../db.ts";
import { CheckRunning, checkIntegrity } from "../ledger/integrity/check.ts";
import { Problem } from "../problem.ts";
import type { IntegrityReport } from "./integrity-model.ts";
import type { LastCheck } from "./overview-model.ts";

/** Connections of the pool that a check of everything takes. */
const CONNECTIONS = 2;

export class IntegrityChecks {
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<IntegrityReport> | undefined;
  #isCheckingAll = false;
  #newest: IntegrityReport | undefined;

  constructor(private readonly sql: Sql) {}

  /** What the newest check of this process found, whoever asked; undefined: there was none, or the recorded one is newer. */
  newestAfter(recorded: LastCheck): IntegrityReport | undefined {
    const isOld = recorded && this.#newest && this.#newest.checked_at < recorded.checked_at;
    return isOld ? undefined : this.#newest;
  }

  /**
   * What came since the last clean check of everything. One runs at a time, on one connection; all who ask meanwhile
   * share the next one, which sees whatever was committed before they asked.
   */
  checkNew(): Promise<IntegrityReport> {
    this.#next ??= this.#begin();
    return this.#next;
  }

  #begin(): Promise<IntegrityReport> {
    const check = this.#last.then(async () => {
      this.#next = undefined;
      return this.#remember(await checkIntegrity(this.sql, { full: false, readOnly: true }));
    });
    this.#last = check.catch(() => {});
    return check;
  }

  /** Everything. Throws `idempotency-in-flight` while such a check is running, here or in another process. */
  async checkAll(): Promise<IntegrityReport> {
    if (this.#isCheckingAll) throw isRunning();
    this.#isCheckingAll = true;
    try {
      return this.#remember(await checkIntegrity(this.sql, { full: true, orRefuse: true, connections: CONNECTIONS }));
    } catch (error) {
      throw error instanceof CheckRunning ? isRunning() : error;
    } finally {
      this.#isCheckingAll = false;
    }
  }

  /** Checks end in another order than they looked: what counts is the moment that they looked at. */
  #remember(report: IntegrityReport): IntegrityReport {
    if (this.#newest === undefined || this.#newest.checked_at < report.checked_at) this.#newest = report;
    return report;
  }
}

function isRunning(): Problem {
  return new Problem("idempotency-in-flight", {
    detail: "A check of everything is running. Ask again when it is over; a GET tells of what came since the last one.",
  });
}
