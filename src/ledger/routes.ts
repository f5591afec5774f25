// HTTP of balances, entries and statistics: everybody sees their own account only.

import { Elysia } from "elysia";
import { z } from "zod";
import { preferredType } from "../accept.ts";
import { confirmKey } from "../auth/live-key.ts";
import type { Caller } from "../auth/scopes.ts";
import { answers, noQuery } from "../contract.ts";
import { csvResponse } from "../csv.ts";
import { type PageRequest, pageOf, pageQuery } from "../cursor.ts";
import { requireIdempotencyKey } from "../idempotency.ts";
import { nameAndCode } from "../log.ts";
import { requirePeriod } from "../moment.ts";
import { stateOf } from "../request-state.ts";
import type { Services } from "../services.ts";
import { balanceKind, requireBalance } from "./balance.ts";
import { ledgerColumns } from "./csv.ts";
import {
  balance,
  balanceQuery,
  entryId,
  type LedgerFilter,
  ledgerEntry,
  ledgerEntryDetail,
  ledgerFilter,
  stats,
  transferRequest,
  transferred,
} from "./model.ts";
import { getBalanceAt, getEntry, listEntries } from "./reads.ts";
import { getStats } from "./stats-store.ts";
import { requireSent, transferKind } from "./transfer.ts";

const tags = ["Tokens"];
const entryParam = z.object({ id: entryId });

/** `/api/balance`, `/api/ledger`, `/api/stats` and `/api/transfers`. */
export function ledgerRoutes({ sql, gatekeeper, guard, shareCommits, log }: Services) {
  const transfers = shareCommits(transferKind(sql));
  const balances = shareCommits(balanceKind(sql));

  async function showEntries(request: Request, caller: Caller, query: LedgerFilter & PageRequest) {
    const page = await listEntries(sql, caller, query, query);
    if (page.items.length === 0) await gatekeeper.confirm(request);
    return page;
  }

  function exportEntries(request: Request, caller: Caller, query: LedgerFilter & PageRequest) {
    return csvResponse({
      name: "ledger",
      columns: ledgerColumns,
      list: ({ limit, cursor = query.cursor }) => listEntries(sql, caller, query, { limit, cursor }),
      confirm: () => confirmKey(sql, caller),
      onError: error => {
        log.warn({ request_id: stateOf(request).id, error: nameAndCode(error) }, "a CSV file broke off");
      },
    });
  }

  return new Elysia({ name: "ledger" })
    .use(guard)
    .get(
      "/api/balance",
      async ({ caller, query }) =>
        query.at === undefined ? requireBalance(await balances.submit(caller)) : getBalanceAt(sql, caller, query.at),
      {
        auth: "read",
        query: balanceQuery,
        response: answers({ 200: balance }, [401, 403, 422, 429]),
        detail: {
          tags,
          summary: "One's balance, now or at a moment of the past",
          description: "A moment includes the entries of that very microsecond. Before the first entry it is 0.00.",
        },
      },
    )
    .get(
      "/api/ledger",
      ({ caller, query, request, set }) => {
        requirePeriod(query);
        set.headers.vary = "Accept";
        const type = preferredType(request, ["application/json", "text/csv"]);
        // Elysia reads this text to see whether to wait: it knows a call that is returned, and not one inside of `? :`.
        if (type === "text/csv") return exportEntries(request, caller, query);
        return showEntries(request, caller, query);
      },
      {
        auth: "read",
        query: z.strictObject({ ...pageQuery, ...ledgerFilter }),
        response: answers({ 200: pageOf(ledgerEntry) }, [401, 403, 422, 429]),
        detail: {
          tags,
          summary: "One's entries, newest first",
          description:
            "With `Accept: text/csv` all of them that the filters let through come as one file, whatever `limit` is; in it, a text that begins with = + - or @ has an apostrophe in front. A file that breaks off is not complete.",
          responses: {
            200: {
              description: "A page of entries, or all of them as CSV.",
              content: { "text/csv": { schema: { type: "string" } } },
            },
          },
        },
      },
    )
    .get("/api/ledger/:id", async ({ caller, params }) => getEntry(sql, caller, params.id), {
      auth: "read",
      params: entryParam,
      query: noQuery,
      response: answers({ 200: ledgerEntryDetail }, [401, 403, 404, 422, 429]),
      detail: {
        tags,
        summary: "One of one's entries, with all that its hash covers",
        description:
          "The other leg of a movement is shown as far as it concerns both: whose it is, type, amount and hash.",
      },
    })
    .get("/api/stats", async ({ caller }) => getStats(sql, caller), {
      auth: "read",
      query: noQuery,
      response: answers({ 200: stats }, [401, 403, 422, 429]),
      detail: { tags, summary: "What one earned and spent" },
    })
    .post(
      "/api/transfers",
      async ({ caller, body, request, set }) => {
        const { to_user, amount } = body;
        const idempotency = requireIdempotencyKey(request, "POST /api/transfers", body);
        const outcome = await transfers.submit({
          caller,
          idempotency,
          toUser: to_user,
          amount,
          note: body.note || null,
        });
        const { transaction_id, balance } = requireSent(outcome, amount);
        if (outcome.outcome === "replayed") set.headers["idempotency-replayed"] = "true";
        set.status = 201;
        return { transaction_id, amount, to_user, balance };
      },
      {
        auth: "transfer",
        body: transferRequest,
        response: answers({ 201: transferred }, [400, 401, 402, 403, 404, 413, 415, 422, 429]),
        detail: {
          tags,
          summary: "Send $EXTROPY to another user",
          description: "Needs an `Idempotency-Key`: the same request again gives the first answer and moves nothing.",
        },
      },
    );
}
