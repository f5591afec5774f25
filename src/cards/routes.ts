// HTTP of publishing and of cards.

import { Elysia } from "elysia";
import { z } from "zod";
import { answers, noQuery } from "../contract.ts";
import { pageOf, pageQuery } from "../cursor.ts";
import { readIdempotencyKey } from "../idempotency.ts";
import { Problem } from "../problem.ts";
import type { Services } from "../services.ts";
import { card, cardChange, cardFilter, publishAnswer, publishRequest } from "./model.ts";
import { publishKind, toPublishAnswer, toPublishCommand, withoutPrivateText } from "./publish.ts";
import { type CardRow, changeCard, getCard, listOwnCards, versionOf, withdrawCard } from "./store.ts";

const idParam = z.object({ id: z.guid() });
const tags = ["Publishing"];

/** `POST /api/publish` and `/api/cards`. The pages for readers are in pages.ts. */
export function cardRoutes({ config, sql, gatekeeper, guard, shareCommits, baseUrlOf }: Services) {
  const rules = { reward: config.amounts.publishReward, rewardsPerDay: config.publishRewardsPerDay };
  const publishing = shareCommits(publishKind(sql, rules));

  /** The row as the wire contract has it: without the server's own columns, with an absolute address. */
  const present = (row: CardRow, request: Request) => ({ ...row, public_url: baseUrlOf(request) + row.public_url });

  return new Elysia({ name: "cards" })
    .use(guard)
    .post(
      "/api/publish",
      async ({ caller, body, request, set }) => {
        const idempotency = readIdempotencyKey(request, "POST /api/publish", withoutPrivateText(body));
        const outcome = await publishing.submit(toPublishCommand(caller, body, idempotency));
        const answer = toPublishAnswer(outcome, baseUrlOf(request));
        if (outcome.rows[0]?.state === "replayed") set.headers["idempotency-replayed"] = "true";
        set.status = answer.cards_published > 0 ? 201 : 200;
        return answer;
      },
      {
        auth: "publish",
        body: publishRequest,
        response: answers({ 200: publishAnswer, 201: publishAnswer }, [400, 401, 403, 413, 415, 422, 429]),
        detail: {
          tags,
          summary: "Publish cards",
          description:
            "1 to 100 cards, all or nothing. Only BUSINESS and IDEAS are published; cards of any other level are left out, unstored, and the answer says so. A card whose title and content are those of one of the caller's cards already is a `duplicate` and earns nothing again. 201 when something was published, else 200.",
        },
      },
    )
    .get(
      "/api/cards",
      async ({ caller, query, request }) => {
        const page = await listOwnCards(sql, caller, query, query);
        if (page.items.length === 0) await gatekeeper.confirm(request);
        return { ...page, items: page.items.map(row => present(row, request)) };
      },
      {
        auth: "read",
        query: z.strictObject({ ...pageQuery, ...cardFilter }),
        response: answers({ 200: pageOf(card) }, [401, 403, 422, 429]),
        detail: { tags, summary: "One's own published cards, newest first" },
      },
    )
    .get(
      "/api/cards/:id",
      async ({ caller, params, request, set }) => {
        const row = await getCard(sql, caller, params.id);
        set.headers.etag = `"${versionOf(row)}"`;
        return present(row, request);
      },
      {
        auth: "read",
        params: idParam,
        query: noQuery,
        response: answers({ 200: card }, [401, 403, 404, 410, 422, 429]),
        detail: {
          tags,
          summary: "Any published card",
          description: "Its `ETag` is what a change must name in `If-Match`.",
        },
      },
    )
    .patch(
      "/api/cards/:id",
      async ({ caller, params, body, request, set }) => {
        const matches = parseIfMatch(request.headers.get("if-match"));
        const row = await changeCard(sql, caller, params.id, matches, body);
        set.headers.etag = `"${versionOf(row)}"`;
        return present(row, request);
      },
      {
        auth: "publish",
        params: idParam,
        body: cardChange,
        response: answers({ 200: card }, [400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 428, 429]),
        detail: {
          tags,
          summary: "Change one's card",
          description: "Needs `If-Match` with the ETag that was read. The address stays.",
        },
      },
    )
    .delete(
      "/api/cards/:id",
      async ({ caller, params }) => {
        await withdrawCard(sql, caller, params.id);
        return new Response(null, { status: 204 });
      },
      {
        auth: "publish",
        params: idParam,
        response: answers({ 204: z.void() }, [401, 403, 404, 410, 429]),
        detail: {
          tags,
          summary: "Withdraw one's card",
          description: "Its text is erased; its page answers 410 from now on.",
        },
      },
    );
}

/** Reads If-Match (RFC 9110, section 13.1.1) into a test of a version. Weak tags never match. Throws `precondition-required`. */
function parseIfMatch(header: string | null): (version: string) => boolean {
  if (header === null) throw new Problem("precondition-required");
  if (header.trim() === "*") return () => true;
  const tags = new Set(header.split(",").map(tag => tag.trim()));
  return version => tags.has(`"${version}"`);
}
