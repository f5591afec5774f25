// The whole HTTP server as one Elysia app: error handler first, then the slices.

import { type AnyElysia, Elysia } from "elysia";
import { createGuard, Gatekeeper, type Guard, UnreadableBody } from "./auth/guard.ts";
import { cardRoutes } from "./cards/routes.ts";
import type { Config } from "./config.ts";
import type { Sql } from "./db.ts";
import { healthRoutes } from "./health.ts";
import { BODY_BYTES_MAX, readJsonBody } from "./json-body.ts";
import type { Logger } from "./log.ts";
import { createErrorHandler } from "./on-error.ts";
import { beginRequest, stateOf } from "./request-state.ts";
import { userRoutes } from "./users/routes.ts";

/** What the app needs from the process that runs it. */
export type Deps = { config: Config; sql: Sql; log: Logger };

/** What the slices share. */
export type Services = Deps & {
  gatekeeper: Gatekeeper;
  guard: Guard;
  /** What addresses in answers begin with, without a slash at the end. */
  baseUrlOf(request: Request): string;
};

/** Builds the app; it listens nowhere yet. Tests call `app.handle(request)`. */
export function createApp({ config, sql, log }: Deps) {
  const gatekeeper = new Gatekeeper(sql, config);
  const services: Services = {
    config,
    sql,
    log,
    gatekeeper,
    guard: createGuard(gatekeeper),
    baseUrlOf: request => config.publicBaseUrl ?? new URL(request.url).origin,
  };

  const app = new Elysia({
    name: "extrophi",
    // Larger bodies than may be sent do reach the app, which reads no further than the limit and explains itself.
    serve: { maxRequestBodySize: BODY_BYTES_MAX * 16 },
  })
    .onRequest(({ request, set }) => {
      set.headers["x-request-id"] = beginRequest(request).id;
      set.headers["x-content-type-options"] = "nosniff";
    })
    .onParse(({ request }) => readJsonBody(request).catch(error => new UnreadableBody(error)))
    .onError(createErrorHandler((): AnyElysia => app, gatekeeper, log))
    .onAfterResponse(({ request, route, set, response }) => {
      const { id, startedMs, caller } = stateOf(request);
      const status = response instanceof Response ? response.status : set.status;
      const duration_ms = Math.round(performance.now() - startedMs);
      log.info(
        { request_id: id, method: request.method, route, status, duration_ms, user_id: caller?.userId },
        "request",
      );
    })
    .onStop(() => gatekeeper.close())
    .use(healthRoutes(services))
    .use(userRoutes(services))
    .use(cardRoutes(services));
  return app;
}
