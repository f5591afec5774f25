// HTTP of accounts for operators.

import { Elysia } from "elysia";
import { z } from "zod";
import { answers, noQuery } from "../contract.ts";
import type { Services } from "../services.ts";
import { account } from "./users-model.ts";
import { getAccount } from "./users-store.ts";

const tags = ["Admin"];
const idParam = z.object({ id: z.guid() });

/** `/api/admin/users`. */
export function adminUserRoutes({ sql, guard }: Services) {
  return new Elysia({ name: "admin-users" })
    .use(guard)
    .get("/api/admin/users/:id", async ({ params }) => getAccount(sql, params.id), {
      operator: "read",
      params: idParam,
      query: noQuery,
      response: answers({ 200: account }, [401, 403, 404, 422, 429]),
      detail: { tags, summary: "Any account" },
    });
}
