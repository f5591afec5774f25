// How many there are of something, in words: one is no plural.

import { expect, test } from "bun:test";
import { signedIn } from "./admin-page-support.ts";
import { createApi } from "./api-support.ts";
import { select } from "./page-support.ts";

const api = await createApi();
const visitor = await signedIn(api, await api.registerOperator("admin"));
const [cited, citing] = [await api.register(), await api.register()];

test("none, one and several cards and attributions", async () => {
  const source = await api.publishCard(cited.key);
  const graphOf = async () => select((await visitor.get(`/admin/cards/${source.id}/graph`)).html, "nav .soft")[0]?.text;
  const totalOf = async () => {
    // On a busy machine a report takes long enough to be shown for a minute.
    await api.sql`DELETE FROM attribution_reports`;
    return select((await visitor.get("/admin/attributions")).html, "main p.soft")[0]?.text;
  };
  for (const [graph, total] of [
    ["1 card, 0 attributions", "0 attributions that stand"],
    ["2 cards, 1 attribution", "1 attribution that stands"],
    ["3 cards, 2 attributions", "2 attributions that stand"],
  ] as const) {
    expect(await graphOf()).toBe(graph);
    expect(await totalOf()).toContain(`: ${total}, `);
    const target = await api.publishCard(citing.key);
    await api.call("POST", "/api/attributions", {
      key: citing.key,
      body: { source_card_id: source.id, target_card_id: target.id, attribution_type: "citation" },
    });
  }
});
