// HTTP of what operators do to the books: adjusting a balance, reversing a movement.

import { Elysia } from "elysia";
import { z } from "zod";
import { answers } from "../contract.ts";
import { requireIdempotencyKey } from "../idempotency.ts";
import { entryId } from "../ledger/model.ts";
import { stateOf } from "../request-state.ts";
import type { Services } from "../services.ts";
import { adjustmentRequest, moved, reversalRequest } from "./movements-model.ts";
import { getMovement } from "./movements-store.ts";

const tags = ["Admin"];

/** `/api/admin/users/{id}/adjustments` and `/api/admin/ledger/{id}/reversal`. */
export function movementRoutes({ sql, guard, movements }: Services) {
  return new Elysia({ name: "movements" })
    .use(guard)
    .post(
      "/api/admin/users/:id/adjustments",
      async ({ caller, params, body, request, set }) => {
        const userId = params.id.toLowerCase();
        const { transactionId, isReplay } = await movements.adjust({
          caller,
          idempotency: requireIdempotencyKey(request, `POST /api/admin/users/${userId}/adjustments`, body),
          requestId: stateOf(request).id,
          userId,
          ...body,
        });
        if (isReplay) set.headers["idempotency-replayed"] = "true";
        set.status = 201;
        return getMovement(sql, transactionId);
      },
      {
        operator: "write",
        params: z.object({ id: z.guid() }),
        body: adjustmentRequest,
        response: answers({ 201: moved }, [400, 401, 402, 403, 404, 413, 415, 422, 429]),
        detail: {
          tags,
          summary: "Correct what an account holds",
          description:
            "Issues or burns tokens. Any account can be corrected, a deactivated one too, except the system's and erased ones. Needs an `Idempotency-Key`.",
        },
      },
    )
    .post(
      "/api/admin/ledger/:id/reversal",
      async ({ caller, params, body, request, set }) => {
        const { transactionId, isReplay } = await movements.reverse({
          caller,
          idempotency: requireIdempotencyKey(request, `POST /api/admin/ledger/${params.id}/reversal`, body),
          requestId: stateOf(request).id,
          entryId: params.id,
          reason: body.reason,
        });
        if (isReplay) set.headers["idempotency-replayed"] = "true";
        set.status = 201;
        return getMovement(sql, transactionId);
      },
      {
        operator: "write",
        params: z.object({ id: entryId }),
        body: reversalRequest,
        response: answers({ 201: moved }, [400, 401, 402, 403, 404, 409, 413, 415, 422, 429]),
        detail: {
          tags,
          summary: "Undo a movement",
          description:
            "Posts the opposite of every leg of the movement that the entry belongs to. An attribution stays, marked as reversed, and can't be made again; what it or a reward had added to a card is taken off. Needs an `Idempotency-Key`.",
        },
      },
    );
}
