// HTTP of attributions: who cites whom, and what it brought.

import { Elysia } from "elysia";
import { z } from "zod";
import { answers, noQuery } from "../contract.ts";
import { pageOf, pageQuery } from "../cursor.ts";
import { readIdempotencyKey } from "../idempotency.ts";
import type { Services } from "../services.ts";
import { attributeKind, toAttributed } from "./attribute.ts";
import { getGraph } from "./graph.ts";
import {
  attributed,
  attribution,
  attributionFilter,
  attributionRequest,
  graph,
  graphQuery,
  userReceived,
} from "./model.ts";
import { getAttribution, getReceivedByUser, listCardAttributions } from "./store.ts";

const idParam = z.object({ id: z.guid() });
const tags = ["Attribution"];

/** `/api/attributions`, and what cards and users have of them. */
export function attributionRoutes({ config, sql, guard, shareCommits }: Services) {
  const attributing = shareCommits(attributeKind(sql));

  return new Elysia({ name: "attributions" })
    .use(guard)
    .post(
      "/api/attributions",
      async ({ caller, body, request, set }) => {
        const outcome = await attributing.submit({
          caller,
          idempotency: readIdempotencyKey(request, "POST /api/attributions", body),
          sourceCardId: body.source_card_id,
          targetCardId: body.target_card_id,
          type: body.attribution_type,
          amount: config.amounts.attribution[body.attribution_type],
          note: body.attribution_note || null,
          metadata: body.metadata ?? {},
        });
        const answer = toAttributed(outcome);
        if (outcome.outcome === "replayed") set.headers["idempotency-replayed"] = "true";
        set.status = 201;
        return answer;
      },
      {
        auth: "attribute",
        body: attributionRequest,
        response: answers({ 201: attributed }, [400, 401, 402, 403, 404, 409, 410, 413, 415, 422, 429]),
        detail: {
          tags,
          summary: "Cite, remix, reply to or be inspired by a card",
          description:
            "The author of the citing card (`target_card_id`, one of the caller's own) pays the author of the cited one (`source_card_id`). Once for each pair of cards and type.",
        },
      },
    )
    .get("/api/attributions/:id", async ({ caller, params }) => getAttribution(sql, caller, params.id), {
      auth: "read",
      params: idParam,
      query: noQuery,
      response: answers({ 200: attribution }, [401, 403, 404, 422, 429]),
      detail: { tags, summary: "One attribution" },
    })
    .get(
      "/api/cards/:id/attributions",
      async ({ caller, params, query }) => listCardAttributions(sql, caller, params.id, query, query),
      {
        auth: "read",
        params: idParam,
        query: z.strictObject({ ...pageQuery, ...attributionFilter }),
        response: answers({ 200: pageOf(attribution) }, [401, 403, 404, 422, 429]),
        detail: {
          tags,
          summary: "Who cites a card, or whom it cites, newest first",
          description:
            "Attributions stay when a card is withdrawn, its own ones too, and when a payment is undone, with `reversed_at`.",
        },
      },
    )
    .get("/api/cards/:id/graph", async ({ caller, params, query }) => getGraph(sql, caller, params.id, query.depth), {
      auth: "read",
      params: idParam,
      query: graphQuery,
      response: answers({ 200: graph }, [401, 403, 404, 422, 429]),
      detail: {
        tags,
        summary: "The cards around a card",
        description:
          "All cards that attributions lead to, in either direction, and all attributions among them; those that were reversed don't count. Cards come nearest first.",
      },
    })
    .get(
      "/api/users/:id/attributions",
      async ({ caller, params, query }) => getReceivedByUser(sql, caller, params.id, query),
      {
        auth: "read",
        params: idParam,
        query: z.strictObject(pageQuery),
        response: answers({ 200: userReceived }, [401, 403, 404, 422, 429]),
        detail: {
          tags,
          summary: "What a user's cards have received, card by card",
          description: "Newest cards first. Reversed attributions don't count.",
        },
      },
    );
}
