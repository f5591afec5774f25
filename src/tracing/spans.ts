// The spans: one for each request, one for each shared commit with links to the requests that it carried, and one for
// each statement. They hold names, templates, numbers and ids of requests: no texts, values, addresses or keys.

import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Context,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { Config } from "../config.ts";
import { type Sql, sqlState } from "../db.ts";
import type { Logger } from "../log.ts";
import { openExporter } from "./exporter.ts";
import { watchStatements } from "./statements.ts";
import type { Tracing } from "./tracing.ts";

const propagator = new W3CTraceContextPropagator();
const HEADERS = {
  get: (headers: Headers, name: string) => headers.get(name) ?? undefined,
  keys: (headers: Headers) => [...headers.keys()],
};

/** Begins to trace, and to send what was traced. */
export function startTracing(config: NonNullable<Config["tracing"]>, { sql, log }: { sql: Sql; log: Logger }): Tracing {
  const { tracer, close } = openExporter(config, log);
  /** Whatever is done in a request or a commit has its span here. */
  const current = new AsyncLocalStorage<Context>();
  const spans = new WeakMap<Request, Span>();

  const unwatch = watchStatements(sql, name => {
    const context = current.getStore();
    if (!context) return undefined;
    const attributes = { "db.system.name": "postgresql", "db.query.summary": name };
    const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, context);
    return error => {
      if (error !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR });
        span.setAttribute("db.response.status_code", sqlState(error) ?? "none");
      }
      span.end();
    };
  });

  return {
    handle(request, work) {
      const parent = propagator.extract(ROOT_CONTEXT, request.headers, HEADERS);
      const span = tracer.startSpan(request.method, { kind: SpanKind.SERVER }, parent);
      spans.set(request, span);
      return current.run(trace.setSpan(ROOT_CONTEXT, span), work);
    },

    headersOf(request) {
      const headers: Record<string, string> = {};
      const span = spans.get(request);
      if (span) propagator.inject(trace.setSpan(ROOT_CONTEXT, span), headers, defaultTextMapSetter);
      return headers;
    },

    end(request, { route, status, requestId }) {
      const span = spans.get(request);
      if (!span) return;
      const template = route || "unmatched";
      span.updateName(`${request.method} ${template}`);
      span.setAttributes({
        "http.request.method": request.method,
        "http.route": template,
        "http.response.status_code": status,
        "extrophi.request_id": requestId,
      });
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },

    watchCommits: (kind, watch) => ({
      ...watch,
      origin: () => trace.getSpan(current.getStore() ?? ROOT_CONTEXT),
      async around(origins, commit) {
        const carried = (origins as (Span | undefined)[]).filter(span => span?.isRecording());
        if (carried.length === 0) return current.exit(() => watch.around(origins, commit));
        const links = carried.flatMap(span => (span ? [{ context: span.spanContext() }] : []));
        const attributes = { "extrophi.commit.kind": kind, "extrophi.commit.commands": origins.length };
        const span = tracer.startSpan(`commit ${kind}`, { root: true, links, attributes });
        // And back, so that from a request one finds what it waited for.
        for (const request of carried) request?.addLink({ context: span.spanContext() });
        try {
          return await current.run(trace.setSpan(ROOT_CONTEXT, span), () => watch.around(origins, commit));
        } catch (error) {
          span.setStatus({ code: SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
        }
      },
    }),

    async close() {
      unwatch();
      await close();
    },
  };
}
