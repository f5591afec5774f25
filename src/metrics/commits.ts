// Shared commits by kind: how many commands each carried, how long it took, and how many commands wait for the next.

import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { CommitWatch } from "../commit-sharing.ts";

/** A batch holds 256 commands at most (commit-sharing.ts). */
const SIZE_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class CommitMetrics {
  readonly #sizes: Histogram;
  readonly #seconds: Histogram;
  readonly #failures: Counter;
  readonly #splits: Counter;
  readonly #refusals: Counter;
  readonly #waiting = new Map<string, () => number>();

  constructor(registry: Registry) {
    const labelNames = ["kind"];
    const registers = [registry];
    this.#sizes = new Histogram({
      name: "extrophi_commit_commands",
      help: "Commands that one commit carried",
      labelNames,
      buckets: SIZE_BUCKETS,
      registers,
    });
    this.#seconds = new Histogram({
      name: "extrophi_commit_duration_seconds",
      help: "From sending a batch until its commit was known, further attempts included",
      labelNames,
      buckets: SECONDS_BUCKETS,
      registers,
    });
    this.#failures = new Counter({
      name: "extrophi_commit_failures_total",
      help: "Batches, of one command or many, that ended with an error",
      labelNames,
      registers,
    });
    this.#splits = new Counter({
      name: "extrophi_commit_splits_total",
      help: "Batches whose commands were done one by one, because one of them made the batch fail",
      labelNames,
      registers,
    });
    this.#refusals = new Counter({
      name: "extrophi_commit_refusals_total",
      help: "Commands that were refused because too many waited",
      labelNames,
      registers,
    });
    const waiting = this.#waiting;
    new Gauge({
      name: "extrophi_commit_waiting_commands",
      help: "Commands that wait for a commit",
      labelNames,
      registers,
      collect() {
        for (const [kind, read] of waiting) this.set({ kind }, read());
      },
    });
  }

  /** What the line of this kind tells; `waiting` gives how many wait in it. */
  watch(kind: string, waiting: () => number): CommitWatch {
    this.#waiting.set(kind, waiting);
    const [sizes, seconds] = [this.#sizes.labels(kind), this.#seconds.labels(kind)];
    const [failures, splits, refusals] = [this.#failures, this.#splits, this.#refusals].map(each => each.labels(kind));
    // A counter that begins to exist at 1 has not increased, for whoever is to be alarmed by it.
    for (const counter of [failures, splits, refusals]) counter?.inc(0);
    return {
      origin: () => undefined,
      async around(origins, commit) {
        const startedMs = performance.now();
        try {
          return await commit();
        } catch (error) {
          failures?.inc();
          throw error;
        } finally {
          sizes.observe(origins.length);
          seconds.observe((performance.now() - startedMs) / 1000);
        }
      },
      onSplit: () => splits?.inc(),
      onRefusal: () => refusals?.inc(),
    };
  }
}
