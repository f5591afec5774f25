// HTTP of the check of the books.

import { Elysia } from "elysia";
import { answers, noQuery } from "../contract.ts";
import { allowTime } from "../deadline.ts";
import type { Services } from "../services.ts";
import { integrityReport } from "./integrity-model.ts";

const tags = ["Admin"];

/** `/api/admin/integrity`. */
export function integrityRoutes({ integrity: checks, guard }: Services) {
  return new Elysia({ name: "integrity" })
    .use(guard)
    .get(
      "/api/admin/integrity",
      async ({ request, server }) => {
        allowTime({ request, server }, 0);
        return checks.checkNew();
      },
      {
        operator: "read",
        query: noQuery,
        response: answers({ 200: integrityReport }, [401, 403, 422, 429]),
        detail: {
          tags,
          summary: "Check what came since the last clean check of everything",
          description:
            "As of now, account by account; everything where there was no clean check yet. Writes nothing. What is wrong with the books is told in the answer, with status 200.",
        },
      },
    )
    .post(
      "/api/admin/integrity",
      async ({ request, server }) => {
        allowTime({ request, server }, 0);
        return checks.checkAll();
      },
      {
        operator: "write",
        query: noQuery,
        response: answers({ 200: integrityReport }, [401, 403, 409, 413, 415, 422, 429]),
        detail: {
          tags,
          summary: "Check everything",
          description:
            "Every invariant over every entry, and every hash computed anew: minutes for millions of entries. A clean check is recorded with its root, which `bun run integrity --expect` takes. One runs at a time.",
        },
      },
    );
}
