// Runs random histories and says what happened in them, or which one, made shorter, the model does not
// understand.

import fc from "fast-check";
import { checkIntegrity } from "../../src/ledger/integrity/check.ts";
import { createApi, listen } from "../api-support.ts";
import { history } from "./commands.ts";
import { runHistory, type Send, type Stage } from "./history.ts";

/** Shorter histories that are tried once one has failed. */
const SHORTER_MAX = 100;

export type ModelOptions = {
  histories: number;
  seed: number;
  send?: Send;
  /** Whether to look for a shorter history that fails as well. */
  shrink?: boolean;
  onHistory?: (done: number) => void;
};

export type ModelReport = {
  /** Requests by what they were and how they were answered. */
  counts: Map<string, number>;
  /** What is wrong, and the shortest history that shows it. */
  failure: string | undefined;
};

/** Runs histories on a database of their own, behind two processes. */
export async function runModel(options: ModelOptions): Promise<ModelReport> {
  const { histories, seed, send, shrink = true, onHistory } = options;
  const first = await createApi();
  const second = await createApi({}, { sql: first.sql, url: first.url });
  const servers = [listen(first), listen(second)] as const;
  const stage: Stage = {
    api: first,
    addresses: [servers[0].baseUrl, servers[1].baseUrl],
    admin: await first.registerOperator("admin"),
    logs: [first.logs, second.logs],
    counts: new Map(),
  };
  try {
    let done = 0;
    let tried: number | undefined;
    const property = fc.asyncProperty(history, async batches => {
      // Enough of them: what has failed so far is short enough.
      if (tried !== undefined && ++tried > SHORTER_MAX) return;
      await runHistory(stage, batches, send).catch(error => {
        tried ??= 0;
        throw error;
      });
      if (tried === undefined) onHistory?.(++done);
    });
    const result = await fc.check(property, { numRuns: histories, seed, endOnFailure: !shrink });
    const { ok, invariants } = await checkIntegrity(first.sql, { full: true, readOnly: true });
    const violated = invariants.filter(({ violations }) => violations > 0);
    const failure = result.failed
      ? `${String(result.errorInstance)}\n\nafter the history ${JSON.stringify(result.counterexample)}`
      : ok
        ? undefined
        : `the books are violated: ${JSON.stringify(violated)}`;
    return { counts: stage.counts, failure };
  } finally {
    await Promise.all(servers.map(({ stop }) => stop()));
  }
}
