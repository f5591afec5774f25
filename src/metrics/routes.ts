// `GET /metrics` for Prometheus: open where no METRICS_TOKEN is set, since the server listens on loopback by itself.

import { timingSafeEqual } from "node:crypto";
import { Elysia } from "elysia";
import { bearerOf } from "../auth/bearer.ts";
import { answers } from "../contract.ts";
import { Problem } from "../problem.ts";
import type { Services } from "../services.ts";
import { sha256 } from "../sha256.ts";

const EXAMPLE = `# HELP extrophi_http_requests_total Requests that were answered, by route and status
# TYPE extrophi_http_requests_total counter
extrophi_http_requests_total{method="POST",route="/api/publish",status="201"} 42
`;

/** `/metrics`. */
export function metricsRoutes({ config, metrics }: Services) {
  return new Elysia({ name: "metrics" }).get(
    "/metrics",
    async ({ request }) => {
      if (config.metricsToken !== undefined) requireToken(request, config.metricsToken);
      const { text, type } = await metrics.expose();
      return new Response(text, { headers: { "content-type": type, "cache-control": "no-store" } });
    },
    {
      response: answers({}, [401]),
      detail: {
        tags: ["System"],
        summary: "Metrics for Prometheus",
        description:
          "Of this process alone, in Prometheus' text format. Where the server has a METRICS_TOKEN, it must come as a bearer token.",
        security: [{ metricsToken: [] }, {}],
        responses: {
          200: {
            description: "All metrics.",
            content: { "text/plain": { schema: { type: "string" }, example: EXAMPLE } },
          },
        },
      },
    },
  );
}

/** Throws `unauthenticated`. Digests are compared, in constant time: they have one length whatever was sent. */
function requireToken(request: Request, token: string): void {
  const sent = bearerOf(request) ?? "";
  if (timingSafeEqual(Buffer.from(sha256(sent)), Buffer.from(sha256(token)))) return;
  throw new Problem("unauthenticated", { detail: "The metrics are behind the bearer token METRICS_TOKEN." });
}
