// Traces for OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT names a collector. Without it nothing of it is loaded, and
// nobody is asked for anything.

import type { Config } from "../config.ts";
import type { Sql } from "../db.ts";
import type { Logger } from "../log.ts";
import type { Tracing } from "./tracing.ts";

/** Traces as the process is configured to send them; undefined where it is not. */
export async function openTracing(
  { tracing }: Pick<Config, "tracing">,
  deps: { sql: Sql; log: Logger },
): Promise<Tracing | undefined> {
  if (!tracing) return undefined;
  const { startTracing } = await import("./spans.ts");
  return startTracing(tracing, deps);
}
