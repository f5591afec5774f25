// What this process counts for Prometheus: one registry for each app, and the instruments that others write to. What
// has its number at hand anyway is read when somebody asks (`readings`), and costs requests nothing.

import { Counter, Gauge, Registry } from "prom-client";
import { version } from "../../package.json";
import type { CommitWatch } from "../commit-sharing.ts";
import { type ProblemSlug, problems } from "../problem.ts";
import { CommitMetrics } from "./commits.ts";
import { processRegistry } from "./process.ts";
import { RequestMetrics } from "./requests.ts";

/** A number and what it is of. */
type Sample = readonly [number: number, labels?: Readonly<Record<string, string>>];

/** Numbers that are kept elsewhere, read at each scrape. */
export type Reading = Readonly<{
  name: string;
  help: string;
  /** Counters only ever grow, and their names end in `_total`. */
  type: "counter" | "gauge";
  /** Their values must be few and fixed: no ids, no names of people, no addresses. */
  labels?: readonly string[];
  /** No samples where nothing is known. */
  read(): readonly Sample[];
}>;

export class Metrics {
  readonly #registry = new Registry();
  readonly requests = new RequestMetrics(this.#registry);
  readonly #commits = new CommitMetrics(this.#registry);
  readonly #problems = new Counter({
    name: "extrophi_problems_total",
    help: "Problem documents that were answered, by the last part of their type",
    labelNames: ["type"],
    registers: [this.#registry],
  });
  /** Asked before the numbers are read. */
  readonly #refreshes: (() => Promise<void>)[] = [];

  constructor() {
    // A counter that begins to exist at 1 has not increased, for whoever is to be alarmed by it.
    for (const slug of Object.keys(problems)) this.#problems.inc({ type: slug }, 0);
    this.read({
      name: "extrophi_build_info",
      help: "Always 1; the label tells which release runs",
      type: "gauge",
      labels: ["version"],
      read: () => [[1, { version }]],
    });
  }

  /** Counts a refusal that is about to be answered. */
  countProblem(slug: ProblemSlug): void {
    this.#problems.inc({ type: slug });
  }

  /** What a line of commands of this kind tells of its commits. */
  watchCommits(kind: string, waiting: () => number): CommitWatch {
    return this.#commits.watch(kind, waiting);
  }

  /** Adds numbers that are kept elsewhere. */
  read({ name, help, type, labels = [], read }: Reading): void {
    const collect = () => {
      metric.reset();
      const samples = read();
      // A reset number without labels is 0, and not unknown.
      if (samples.length === 0 && labels.length === 0) metric.remove();
      for (const [number, labels = {}] of samples) metric.inc(labels, number);
    };
    const options = { name, help, labelNames: [...labels], collect, registers: [this.#registry] };
    const metric: Counter | Gauge = type === "counter" ? new Counter(options) : new Gauge(options);
  }

  /** Does something before the numbers are read, such as asking the database. It must not reject. */
  beforeReading(refresh: () => Promise<void>): void {
    this.#refreshes.push(refresh);
  }

  /** Everything in the text format of Prometheus, and its content type. */
  async expose(): Promise<{ text: string; type: string }> {
    await Promise.all(this.#refreshes.map(refresh => refresh()));
    const [own, ofProcess] = await Promise.all([this.#registry.metrics(), processRegistry().metrics()]);
    return { text: `${own}${ofProcess}`, type: this.#registry.contentType };
  }
}
