// The whole HTTP server as one Elysia app: error handler first, then the slices.

import { Elysia } from "elysia";
import type { Config } from "./config.ts";
import type { Sql } from "./db.ts";
import type { Logger } from "./log.ts";

/** What the app needs from the process that runs it. */
export type Deps = { config: Config; sql: Sql; log: Logger };

/** Builds the app; it listens nowhere yet. Tests call `app.handle(request)`. */
export function createApp(_deps: Deps) {
  return new Elysia({ name: "extrophi" }).get("/healthz", () => ({ status: "ok" }));
}
