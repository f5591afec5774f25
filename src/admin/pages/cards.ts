// The pages of cards: all of them, each as readers see it with what it earned, and the graph around it.

import { Elysia } from "elysia";
import { NODES_DRAWN_MAX } from "../../../views/admin/graph-picture.tsx";
import { CardPage } from "../../../views/admin/pages/card.tsx";
import { CardsPage } from "../../../views/admin/pages/cards.tsx";
import { GraphPage } from "../../../views/admin/pages/graph.tsx";
import { getGraph } from "../../attributions/graph.ts";
import { graphQuery } from "../../attributions/model.ts";
import { listCardAttributions } from "../../attributions/store.ts";
import type { Services } from "../../services.ts";
import { listedCardColumns, listedCardQuery, toListedCardLine } from "../cards-model.ts";
import { getAnyCard, listAllCards } from "../cards-store.ts";
import { listAllEntries } from "../ledger-store.ts";
import { sendCsv } from "./csv-file.ts";
import { readList, readQuery, readRaw } from "./list-query.ts";
import { operatorPages, type View, type Visit } from "./operator-pages.ts";
import { requireId } from "./users.ts";
import { withoutPictures } from "./without-pictures.ts";

const hidden = { detail: { hide: true } };

/** Rows of each list on a card's own page. */
const ROWS = 10;

/** `/admin/cards` and what is below it. */
export function cardAdminPages(services: Services) {
  const { sql, markdown, baseUrlOf } = services;
  const pages = operatorPages(services);

  async function cards({ url }: Visit): Promise<View> {
    const raw = readRaw(url);
    const { found, problem, status } = await readList(listedCardQuery, raw, query => listAllCards(sql, query, query));
    const { items = [], next_cursor: next = null } = found ?? {};
    const body = CardsPage({ raw, cards: items, next, problem });
    return { title: "Cards", section: "cards", body, status, parameters: "checked" };
  }

  async function file(visit: Visit): Promise<Response> {
    const { cursor: _, limit: __, ...filter } = readQuery(listedCardQuery, readRaw(visit.url));
    const base = baseUrlOf(visit.request);
    return sendCsv(services, visit, {
      name: "cards",
      columns: listedCardColumns,
      list: page => listAllCards(sql, filter, page),
      toLine: card => toListedCardLine({ ...card, public_url: card.public_url && base + card.public_url }),
    });
  }

  async function card({ operator }: Visit, id: string): Promise<View> {
    const card = await getAnyCard(sql, id);
    const attributions = (direction: "received" | "made") =>
      listCardAttributions(sql, operator.caller, card.id, { direction }, { limit: ROWS });
    const [text, received, made, entries] = await Promise.all([
      card.content === null ? undefined : markdown.render(card.content),
      attributions("received"),
      attributions("made"),
      listAllEntries(sql, { card_id: card.id }, { limit: ROWS }),
    ]);
    const body = CardPage({
      card,
      text: text && withoutPictures(text.html),
      received: received.items,
      made: made.items,
      entries: entries.items,
    });
    return { title: card.title ?? "Card", section: "cards", body };
  }

  async function graph({ url, operator }: Visit, id: string): Promise<View> {
    const card = await getAnyCard(sql, id);
    const { found, problem, status } = await readList(
      graphQuery,
      readRaw(url),
      async ({ depth }) => ({ depth, graph: await getGraph(sql, operator.caller, id, depth, NODES_DRAWN_MAX) }),
      { defaults: {}, title: "This can't be drawn" },
    );
    const body = GraphPage({ card, found, problem });
    return { title: "Graph", section: "cards", body, status, parameters: "checked" };
  }

  return new Elysia({ name: "card-admin-pages" })
    .get("/admin/cards", async ({ request }) => pages.read(request, cards), hidden)
    .get("/admin/cards.csv", async ({ request }) => pages.read(request, file), hidden)
    .get(
      "/admin/cards/:id",
      async ({ request, params: { id } }) => pages.read(request, async visit => card(visit, requireId(id))),
      hidden,
    )
    .get(
      "/admin/cards/:id/graph",
      async ({ request, params: { id } }) => pages.read(request, async visit => graph(visit, requireId(id))),
      hidden,
    );
}
