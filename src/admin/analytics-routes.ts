// HTTP of the analytics of attributions, and the timer that keeps the reports ready that are asked for most.

import { Elysia } from "elysia";
import { answers } from "../contract.ts";
import type { Services } from "../services.ts";
import { analytics, analyticsQuery, DAYS_MAX, readDays } from "./analytics-model.ts";

/** How often it is looked whether reports are missing, after midnight for instance; the first time soon after the start. */
const LOOK_MS = 600_000;
const FIRST_LOOK_MS = 30_000;

/** `/api/admin/analytics/attributions`. */
export function analyticsRoutes({ analytics: attributions, guard }: Services) {
  let timer: Timer | undefined;

  function lookIn(ms: number): void {
    timer = setTimeout(async () => {
      await attributions.keepReady();
      if (timer !== undefined) lookIn(LOOK_MS);
    }, ms).unref();
  }

  return new Elysia({ name: "admin-analytics" })
    .use(guard)
    .onStart(() => lookIn(FIRST_LOOK_MS))
    .onStop(() => {
      clearTimeout(timer);
      timer = undefined;
    })
    .get("/api/admin/analytics/attributions", ({ query }) => attributions.get(readDays(query, Date.now())), {
      operator: "read",
      query: analyticsQuery,
      response: answers({ 200: analytics }, [401, 403, 422, 429]),
      detail: {
        tags: ["Admin"],
        summary: "Who is cited, and what flows between authors",
        description: `Of whole days (UTC), at most ${DAYS_MAX}; attributions that were reversed don't count. \`as_of\` is the moment of which the figures are: where adding them up takes long, they may be up to two hours old, and newer ones are made meanwhile. Those of the last 7, 30, 90 and 365 days are kept ready.`,
      },
    });
}
