// HTTP of what operators browse: the entries, cards and attributions of everybody, as pages or as CSV files.

import { Elysia } from "elysia";
import { preferredType } from "../accept.ts";
import { attribution } from "../attributions/model.ts";
import { confirmOperator } from "../auth/operator.ts";
import type { Caller } from "../auth/scopes.ts";
import { answers } from "../contract.ts";
import { type CsvColumns, csvResponse } from "../csv.ts";
import { type Page, type PageRequest, pageOf } from "../cursor.ts";
import { nameAndCode } from "../log.ts";
import { requirePeriod } from "../moment.ts";
import { stateOf } from "../request-state.ts";
import type { Services } from "../services.ts";
import { attributionColumns, listedAttributionQuery, toAttributionLine } from "./attributions-model.ts";
import { listAllAttributions } from "./attributions-store.ts";
import {
  type ListedCardFilter,
  listedCard,
  listedCardColumns,
  listedCardQuery,
  toListedCardLine,
} from "./cards-model.ts";
import { listAllCards } from "./cards-store.ts";
import {
  accountEntry,
  accountEntryColumns,
  accountEntryQuery,
  requireRange,
  toAccountEntryLine,
} from "./ledger-model.ts";
import { listAllEntries } from "./ledger-store.ts";

const tags = ["Admin"];

/** What all these lists say of themselves in the documentation. */
const CSV_NOTE =
  "With `Accept: text/csv` all that the filters let through come as one file, whatever `limit` is; in it, a text that begins with = + - or @ has an apostrophe in front. A file that breaks off is not complete. Filters that find nothing within 5 seconds are 422, and ask to be narrowed down.";

const csvAnswer = {
  200: {
    description: "A page, or all of them as CSV.",
    content: { "text/csv": { schema: { type: "string" as const } } },
  },
};

type Listed<Item, Line> = {
  /** The name of the file. */
  name: string;
  list(page: PageRequest): Promise<Page<Item>>;
  columns: CsvColumns<Line>;
  toLine(item: Item): Line;
};

type Incoming = { request: Request; caller: Caller; query: PageRequest; set: { headers: { vary?: string } } };

/** `/api/admin/ledger`, `/api/admin/cards` and `/api/admin/attributions`. */
export function browseRoutes({ sql, guard, log, baseUrlOf }: Services) {
  /** The page that was asked for, or the file where the client likes CSV better. */
  function answer<Item, Line extends object>(
    incoming: Incoming,
    listed: Listed<Item, Line>,
  ): Promise<Page<Item>> | Promise<Response> {
    const { request, caller, query, set } = incoming;
    set.headers.vary = "Accept";
    if (preferredType(request, ["application/json", "text/csv"]) !== "text/csv") return listed.list(query);
    return csvResponse({
      name: listed.name,
      columns: listed.columns,
      list: async ({ limit, cursor = query.cursor }) => {
        const page = await listed.list({ limit, cursor });
        return { ...page, items: page.items.map(listed.toLine) };
      },
      confirm: () => confirmOperator(sql, caller, "read"),
      onError: error => {
        log.warn({ request_id: stateOf(request).id, error: nameAndCode(error) }, "a CSV file broke off");
      },
    });
  }

  /** Cards with absolute addresses. */
  async function listCards(filter: ListedCardFilter, page: PageRequest, request: Request) {
    const { items, next_cursor } = await listAllCards(sql, filter, page);
    const base = baseUrlOf(request);
    return {
      items: items.map(item => ({ ...item, public_url: item.public_url && base + item.public_url })),
      next_cursor,
    };
  }

  return new Elysia({ name: "admin-browse" })
    .use(guard)
    .get(
      "/api/admin/ledger",
      ({ request, caller, query, set }) => {
        requirePeriod(query);
        requireRange(query);
        return answer(
          { request, caller, query, set },
          {
            name: "ledger",
            list: page => listAllEntries(sql, query, page),
            columns: accountEntryColumns,
            toLine: toAccountEntryLine,
          },
        );
      },
      {
        operator: "read",
        query: accountEntryQuery,
        response: answers({ 200: pageOf(accountEntry) }, [401, 403, 422, 429]),
        detail: { tags, summary: "Everybody's entries, newest first", description: CSV_NOTE, responses: csvAnswer },
      },
    )
    .get(
      "/api/admin/cards",
      ({ request, caller, query, set }) =>
        answer(
          { request, caller, query, set },
          {
            name: "cards",
            list: page => listCards(query, page, request),
            columns: listedCardColumns,
            toLine: toListedCardLine,
          },
        ),
      {
        operator: "read",
        query: listedCardQuery,
        response: answers({ 200: pageOf(listedCard) }, [401, 403, 422, 429]),
        detail: {
          tags,
          summary: "Everybody's cards, also those that were withdrawn",
          description: `Without their texts. A page found by \`q\` may be short, or empty, before the list is at its end: that is where \`next_cursor\` is null. ${CSV_NOTE}`,
          responses: csvAnswer,
        },
      },
    )
    .get(
      "/api/admin/attributions",
      ({ request, caller, query, set }) => {
        requirePeriod(query);
        return answer(
          { request, caller, query, set },
          {
            name: "attributions",
            list: page => listAllAttributions(sql, query, page),
            columns: attributionColumns,
            toLine: toAttributionLine,
          },
        );
      },
      {
        operator: "read",
        query: listedAttributionQuery,
        response: answers({ 200: pageOf(attribution) }, [401, 403, 422, 429]),
        detail: {
          tags,
          summary: "All attributions, newest first, also those that were reversed",
          description: CSV_NOTE,
          responses: csvAnswer,
        },
      },
    );
}
