// The way of spans to the collector: in batches, behind everybody's back. What the collector does not take is dropped.

import { DiagLogLevel, diag, type Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { version } from "../../package.json";
import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";

/** Spans that wait to be sent: a few megabytes. */
const QUEUE_MAX = 4096;
const SEND_EVERY_MS = 2_000;
const SEND_MS_MAX = 5_000;
/** As many as a commit carries commands. */
const LINKS_MAX = 256;
const CLOSE_MS = 1_000;
/** A collector that is away is told of this often. */
const WARN_EVERY_MS = 60_000;

const NAME = "extrophi-backend";

/** A tracer whose spans are sent to the collector's `/v1/traces`, and what sends the last ones. */
export function openExporter(
  { endpoint, ratio }: NonNullable<Config["tracing"]>,
  log: Logger,
): { tracer: Tracer; close(): Promise<void> } {
  warnThrough(log);
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: SEND_MS_MAX });
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": NAME, "service.version": version }))
      // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanLimits: { linkCountLimit: LINKS_MAX },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: QUEUE_MAX,
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: SEND_MS_MAX,
      }),
    ],
  });
  return {
    tracer: provider.getTracer(NAME, version),
    close: () => Promise.race([provider.shutdown().catch(() => {}), Bun.sleep(CLOSE_MS)]),
  };
}

/** The library's complaints as one line now and then, without their texts, in which addresses and headers may stand. */
function warnThrough(log: Logger): void {
  let warnedAt = Number.NEGATIVE_INFINITY;
  const warn = () => {
    if (performance.now() - warnedAt < WARN_EVERY_MS) return;
    warnedAt = performance.now();
    log.warn("traces can't be sent: the collector is away, or refuses them");
  };
  const ignore = () => {};
  diag.setLogger(
    { error: warn, warn, info: ignore, debug: ignore, verbose: ignore },
    {
      logLevel: DiagLogLevel.WARN,
      suppressOverrideMessage: true,
    },
  );
}
