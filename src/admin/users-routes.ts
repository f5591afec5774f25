// HTTP of accounts for operators.

import { Elysia } from "elysia";
import { z } from "zod";
import type { Caller } from "../auth/scopes.ts";
import { answers, noQuery } from "../contract.ts";
import { pageOf, pageQuery } from "../cursor.ts";
import { stateOf } from "../request-state.ts";
import type { Services } from "../services.ts";
import { issueKey } from "../users/issue-key.ts";
import { type ChangeOrder, setAccountKey, setActive, setRole } from "./change-account.ts";
import { account, accountFilter, accountWithKey, changeRequest, roleRequest } from "./users-model.ts";
import { getAccount, listAccounts } from "./users-store.ts";

const tags = ["Admin"];
const idParam = z.object({ id: z.guid() });

type Asked = { caller: Caller; request: Request; params: { id: string }; body: { reason: string } };

function orderOf({ caller, request, params, body }: Asked): ChangeOrder {
  return { caller, requestId: stateOf(request).id, userId: params.id, reason: body.reason };
}

/** `/api/admin/users`. */
export function adminUserRoutes({ sql, gatekeeper, guard }: Services) {
  return new Elysia({ name: "admin-users" })
    .use(guard)
    .get("/api/admin/users", async ({ query }) => listAccounts(sql, query, query), {
      operator: "read",
      query: z.strictObject({ ...pageQuery, ...accountFilter }),
      response: answers({ 200: pageOf(account) }, [401, 403, 422, 429]),
      detail: { tags, summary: "Find accounts", description: "The newest first, unless `sort` says otherwise." },
    })
    .get("/api/admin/users/:id", async ({ params }) => getAccount(sql, params.id), {
      operator: "read",
      params: idParam,
      query: noQuery,
      response: answers({ 200: account }, [401, 403, 404, 422, 429]),
      detail: { tags, summary: "Any account" },
    })
    .post(
      "/api/admin/users/:id/deactivate",
      async ({ caller, request, params, body }) => setActive(sql, orderOf({ caller, request, params, body }), false),
      {
        operator: "write",
        params: idParam,
        body: changeRequest,
        response: answers({ 200: account }, [400, 401, 403, 404, 409, 413, 415, 422, 429]),
        detail: {
          tags,
          summary: "Deactivate an account",
          description:
            "Its keys stop working at once, and nobody can pay it directly. Its cards stay, and can still be cited.",
        },
      },
    )
    .post(
      "/api/admin/users/:id/activate",
      async ({ caller, request, params, body }) => setActive(sql, orderOf({ caller, request, params, body }), true),
      {
        operator: "write",
        params: idParam,
        body: changeRequest,
        response: answers({ 200: account }, [400, 401, 403, 404, 413, 415, 422, 429]),
        detail: { tags, summary: "Activate an account again", description: "Its keys work again." },
      },
    )
    .post(
      "/api/admin/users/:id/rotate-key",
      async ({ caller, request, params, body }) => {
        const order = orderOf({ caller, request, params, body });
        const issued = await issueKey(gatekeeper.bcrypt);
        const changed = await setAccountKey(sql, order, issued);
        return { ...changed, api_key: issued.key };
      },
      {
        operator: "write",
        params: idParam,
        body: changeRequest,
        response: answers({ 200: accountWithKey }, [400, 401, 403, 404, 413, 415, 422, 429]),
        detail: {
          tags,
          summary: "Give an account a new key",
          description:
            "The old account key stops working at once; named keys stay. The new one is in this answer only: asked again, there is another one.",
        },
      },
    )
    .post(
      "/api/admin/users/:id/role",
      async ({ caller, request, params, body }) => setRole(sql, orderOf({ caller, request, params, body }), body.role),
      {
        operator: "write",
        params: idParam,
        body: roleRequest,
        response: answers({ 200: account }, [400, 401, 403, 404, 409, 413, 415, 422, 429]),
        detail: { tags, summary: "Give an account another role", description: "It counts from the next request on." },
      },
    );
}
