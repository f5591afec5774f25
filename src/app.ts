// The whole HTTP server as one Elysia app: error handler first, then the slices.

import { type AnyElysia, Elysia } from "elysia";
import { analyticsRoutes } from "./admin/analytics-routes.ts";
import { auditRoutes } from "./admin/audit-routes.ts";
import { browseRoutes } from "./admin/browse-routes.ts";
import { integrityRoutes } from "./admin/integrity-routes.ts";
import { movementRoutes } from "./admin/movements-routes.ts";
import { noPages } from "./admin/pages/no-page.ts";
import { adminPages } from "./admin/pages.ts";
import { adminUserRoutes } from "./admin/users-routes.ts";
import { assetRoutes } from "./assets.ts";
import { attributionRoutes } from "./attributions/routes.ts";
import { UnreadableBody } from "./auth/guard.ts";
import { cardFeeds } from "./cards/feeds.ts";
import { cardPages } from "./cards/pages.ts";
import { cardRoutes } from "./cards/routes.ts";
import { sitemapRoutes } from "./cards/sitemap.ts";
import { Deadline } from "./deadline.ts";
import { documentationRoutes } from "./documentation.ts";
import { readForm, takesForm } from "./form-body.ts";
import { healthRoutes } from "./health.ts";
import { BODY_BYTES_MAX, readJsonBody } from "./json-body.ts";
import { ledgerRoutes } from "./ledger/routes.ts";
import { withoutRedaction } from "./log.ts";
import { metricsRoutes } from "./metrics/routes.ts";
import { asksForMonitored } from "./monitored.ts";
import { createErrorHandler } from "./on-error.ts";
import { createDescription, openapiRoutes } from "./openapi.ts";
import { pageRoutes } from "./pages.ts";
import { Problem } from "./problem.ts";
import { readQuery } from "./query.ts";
import { beginRequest, stateOf } from "./request-state.ts";
import { createServices, type Deps } from "./services.ts";
import { syncRoutes } from "./sync/routes.ts";
import { keyRoutes } from "./users/keys-routes.ts";
import { userRoutes } from "./users/routes.ts";

export type { Services } from "./services.ts";

/** Seconds in which a request must have come in whole, and in which an idle connection is kept. */
const REQUEST_S_MAX = 30;

/** Requests that are under way in this process, waiting pulls and streams (10,000) among them. */
export const REQUESTS_MAX = 20_000;

const HOST = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$/;

function hasSaneHost(request: Request): boolean {
  const host = request.headers.get("host");
  return (host === null || HOST.test(host)) && URL.canParse(request.url);
}

/** Builds the app; it listens nowhere yet. Tests call `app.handle(request)`. */
export function createApp(deps: Deps) {
  const services = createServices(deps);
  const { gatekeeper, log, metrics, tracing } = services;
  const requestLog = withoutRedaction(log);
  const deadline = new Deadline(request_id => log.warn({ request_id }, "no answer in time"));
  const describe = createDescription((): AnyElysia => app);
  const answerError = createErrorHandler((): AnyElysia => app, services, noPages(services));

  const app = new Elysia({
    name: "extrophi",
    // Larger bodies than may be sent do reach the app, which reads no further than the limit and explains itself.
    serve: { maxRequestBodySize: BODY_BYTES_MAX * 16, idleTimeout: REQUEST_S_MAX },
  })
    // Hooks take out of the context what they need. Handing on all of it would make Elysia read the cookies, the headers and
    // the query of every request, for nobody (tests/handlers.test.ts).
    .onRequest(({ request, server, set }) => {
      set.headers["x-request-id"] = beginRequest(request).id;
      set.headers["x-content-type-options"] = "nosniff";
      if (tracing) Object.assign(set.headers, tracing.headersOf(request));
      // Before anything else: every address that is made of the request needs a host that can be part of one.
      if (!hasSaneHost(request)) throw new Problem("bad-request", { detail: "The Host header names no host." });
      if (asksForMonitored(request)) return;
      // Bun counts them. Each holds memory, and waits for the same ten connections: more would only wait longer.
      if (server && server.pendingRequests > REQUESTS_MAX) throw new Problem("unavailable");
      gatekeeper.countStranger({ request, server, set });
    })
    .onParse(({ request }) =>
      (takesForm(request) ? readForm(request) : readJsonBody(request)).catch(error => new UnreadableBody(error)),
    )
    .onTransform(context => {
      context.query = readQuery(context.request.url) as typeof context.query;
    })
    .onError(async ({ error, code, request, server, set }) => {
      const response = await answerError({ error, code, request, server });
      // For the log line: after an error, onAfterResponse is not given this Response.
      set.status = response.status;
      return response;
    })
    .onAfterResponse(({ request, route, set, response }) => {
      const { id, startedMs, caller } = stateOf(request);
      const status = response instanceof Response ? response.status : set.status;
      const durationMs = performance.now() - startedMs;
      const duration_ms = Math.round(durationMs);
      metrics.requests.count(request.method, route, Number(status), durationMs / 1000);
      tracing?.end(request, { route, status: Number(status), requestId: id });
      requestLog.info(
        { request_id: id, method: request.method, route, status, duration_ms, user_id: caller?.userId },
        "request",
      );
    })
    .onStart(() => void services.titleIndex.start())
    .onStop(() => gatekeeper.close())
    .onStop(() => services.rates.close())
    .onStop(() => services.markdown.close())
    .onStop(() => services.titleIndex.close())
    .use(healthRoutes(services))
    .use(metricsRoutes(services))
    .use(openapiRoutes(services, describe))
    .use(documentationRoutes(services, describe))
    .use(userRoutes(services))
    .use(keyRoutes(services))
    .use(cardRoutes(services))
    .use(attributionRoutes(services))
    .use(ledgerRoutes(services))
    .use(adminUserRoutes(services))
    .use(movementRoutes(services))
    .use(auditRoutes(services))
    .use(syncRoutes(services))
    .use(browseRoutes(services))
    .use(analyticsRoutes(services))
    .use(integrityRoutes(services))
    .use(adminPages(services))
    .use(cardPages(services))
    .use(cardFeeds(services))
    .use(sitemapRoutes(services))
    .use(pageRoutes(services))
    .use(assetRoutes());
  app.wrap((handle, request) => (...given: unknown[]) => {
    const answer = handle(...given);
    return answer instanceof Promise ? deadline.keep(request, answer) : answer;
  });
  metrics.read({
    name: "extrophi_http_requests_in_flight",
    help: "Requests that were not answered to their end yet: the scrape itself, waiting pulls and streams among them",
    type: "gauge",
    // An app that listens nowhere is asked without a server.
    read: () => (app.server ? [[app.server.pendingRequests]] : []),
  });
  // Around everything, the hooks included.
  if (tracing) {
    app.wrap(
      (handle, request) =>
        (...given: unknown[]) =>
          tracing.handle(request, () => handle(...given)),
    );
  }
  return app;
}
