// What the slices share: made once for each app from what the process gives it.

import { AttributionAnalytics } from "./admin/analytics-store.ts";
import { IntegrityChecks } from "./admin/integrity-checks.ts";
import { Movements } from "./admin/movements.ts";
import { createGuard, Gatekeeper, type Guard } from "./auth/guard.ts";
import { MarkdownRenderer } from "./cards/markdown-renderer.ts";
import { TitleIndex } from "./cards/title-index.ts";
import { CommitSharing, type ShareCommits, type SharedKind } from "./commit-sharing.ts";
import type { Config } from "./config.ts";
import type { Sql } from "./db.ts";
import { type Logger, nameAndCode } from "./log.ts";
import { Metrics } from "./metrics/metrics.ts";
import { addReadings } from "./metrics/readings.ts";
import { Rates } from "./rates/exchange.ts";
import type { Tracing } from "./tracing/tracing.ts";

/** What the app needs from the process that runs it. */
export type Deps = {
  config: Config;
  sql: Sql;
  log: Logger;
  /** Makes traces, where they are wanted. */
  tracing?: Tracing | undefined;
  /** Aborted when the process is about to stop: what has no end of its own ends then. */
  stopping?: AbortSignal;
};

export type Services = Deps & {
  /** Limits by key and address, counted over all processes. */
  rates: Rates;
  gatekeeper: Gatekeeper;
  guard: Guard;
  /** What this process counts, for Prometheus. */
  metrics: Metrics;
  /** How the commands of a kind share their commits. */
  shareCommits: ShareCommits;
  /** Adjustments and reversals, by the API and by the admin pages. */
  movements: Movements;
  /** Analytics of attributions, by the API and by the admin pages. */
  analytics: AttributionAnalytics;
  /** Checks of the books, by the API and by the admin pages. */
  integrity: IntegrityChecks;
  /** Keeps the index of titles in order while the server runs. */
  titleIndex: TitleIndex;
  /** Card texts as HTML, for readers and for the admin pages. */
  markdown: MarkdownRenderer;
  /** What addresses in answers begin with, without a slash at the end. */
  baseUrlOf(request: Request): string;
};

/** Makes the services of one app; `close()` of `gatekeeper`, `markdown`, `rates` and `titleIndex` ends what they started. */
export function createServices(deps: Deps): Services {
  const rates = new Rates(deps.sql);
  const gatekeeper = new Gatekeeper(deps.sql, deps.config, rates);
  const metrics = new Metrics();
  const markdown = new MarkdownRenderer(deps.log);
  addReadings(metrics, { ...deps, rates, gatekeeper, markdown });
  function shareCommits<Command, Outcome>(kind: SharedKind<Command, Outcome>): CommitSharing<Command, Outcome> {
    const counted = metrics.watchCommits(kind.name, () => line.waiting);
    const watch = deps.tracing?.watchCommits(kind.name, counted) ?? counted;
    const line: CommitSharing<Command, Outcome> = new CommitSharing(kind, deps.config.commitSharing, watch);
    return line;
  }
  const warnOfAnalytics = (error: unknown) => {
    deps.log.warn({ error: nameAndCode(error) }, "analytics could not be brought up to date");
  };
  return {
    ...deps,
    rates,
    gatekeeper,
    guard: createGuard(gatekeeper),
    metrics,
    shareCommits,
    movements: new Movements(deps.sql, shareCommits),
    analytics: new AttributionAnalytics(deps.sql, warnOfAnalytics),
    integrity: new IntegrityChecks(deps.sql),
    titleIndex: new TitleIndex(deps.sql, deps.log),
    markdown,
    baseUrlOf: request => deps.config.publicBaseUrl ?? new URL(request.url).origin,
  };
}
