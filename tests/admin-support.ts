// What the tests of the admin reads share: a small world of users, cards, citations and movements, and lists read in
// pages to their end.

import type { Page } from "../src/cursor.ts";
import { type Api, type Member, newCard } from "./api-support.ts";

export type World = {
  admin: Member;
  auditor: Member;
  writers: Member[];
  /** Each writer's cards, in the writers' order. */
  cards: string[][];
  attributions: string[];
  /** Cards that were withdrawn, with the title that each had. */
  withdrawn: { id: string; title: string }[];
};

const TYPES = ["citation", "remix", "reply", "inspiration"] as const;

/** Three writers with four cards each, citations between all of them, transfers, a reversed one, a withdrawn card. */
export async function makeWorld(api: Api): Promise<World> {
  const admin = await api.registerOperator("admin");
  const auditor = await api.registerOperator("auditor");
  const writers = [await api.register(), await api.register(), await api.register()];
  const cards: string[][] = [];
  for (const [no, writer] of writers.entries()) {
    const made = [0, 1, 2, 3].map(card =>
      newCard({
        title: card === 3 ? null : `Title ${no} ${card}`,
        category: card === 0 ? "GRIT" : "PROGRAM",
        privacy_level: card === 1 ? "BUSINESS" : "IDEAS",
        tags: ["one", "two"],
      }),
    );
    const { body } = await api.publish(writer.key, made);
    cards.push(body.cards.map(({ id }) => id ?? ""));
  }
  const attributions: string[] = [];
  for (const [cited, sources] of cards.entries()) {
    for (const [citing, targets] of cards.entries()) {
      if (cited === citing) continue;
      for (const [no, source] of sources.entries()) {
        const { body, text } = await api.call<{ attribution: { id: string } }>("POST", "/api/attributions", {
          key: writers[citing]?.key,
          body: {
            source_card_id: source,
            target_card_id: targets[(no + cited) % targets.length],
            attribution_type: TYPES[(no + citing) % TYPES.length],
          },
        });
        if (!body.attribution) throw new Error(text);
        attributions.push(body.attribution.id);
      }
    }
  }
  const [one, two, three] = writers as [Member, Member, Member];
  for (const [from, to, amount] of [
    [one, two, "3.33"],
    [two, three, "0.50"],
    [three, one, "1.00"],
  ] as const) {
    const body = { to_user: to.name, amount, note: "between us" };
    await api.call("POST", "/api/transfers", { key: from.key, body, headers: { "idempotency-key": "one" } });
  }
  await api.sql`UPDATE attributions SET reversed_at = now() WHERE id = ${attributions[0] ?? ""}`;
  const gone = await api.publishCard(one.key, newCard({ title: "A title that is withdrawn", tags: ["secret-tag"] }));
  await api.call("DELETE", `/api/cards/${gone.id}`, { key: one.key });
  return {
    admin,
    auditor,
    writers,
    cards,
    attributions,
    withdrawn: [{ id: gone.id, title: "A title that is withdrawn" }],
  };
}

/** All items of a list, read in pages of `limit`. Throws what is not a 200. */
export async function readList<T>(api: Api, key: string, path: string, filter: object, limit = 200): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ ...filter, limit: String(limit), ...(cursor === null ? {} : { cursor }) });
    const { status, body, text } = await api.call<Page<T>>("GET", `${path}?${query}`, { key });
    if (status !== 200) throw new Error(text);
    if (body.items.length > limit) throw new Error("a page is longer than its limit");
    items.push(...body.items);
    cursor = body.next_cursor;
  } while (cursor !== null);
  return items;
}
