// Numbers of the process as a whole, under the names that dashboards for prom-client know: CPU time, memory, open
// files, start time, and how late the event loop was. One registry for the process, however many apps it holds.

import { collectDefaultMetrics, Registry } from "prom-client";

/** How often the lag of the event loop is looked at; this costs some 0.2 % of a core. */
const LAG_PRECISION_MS = 50;

/** What Bun's engine has no numbers for, or numbers that mean something else, or none where nothing was looked at yet. */
const MEANINGLESS = /^(nodejs_(heap_|version_|active_|external_|gc_|eventloop_lag_(min|mean|stddev))|process_heap_)/;

let registry: Registry | undefined;

/** The registry of the process, made when it is first asked for. */
export function processRegistry(): Registry {
  if (registry) return registry;
  registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_PRECISION_MS });
  for (const { name } of registry.getMetricsAsArray()) {
    if (MEANINGLESS.test(name)) registry.removeSingleMetric(name);
  }
  return registry;
}
