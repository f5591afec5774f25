// What the search box finds beside accounts, cards and entries: keys by what is public of them, and the way to titles.

import { expect, test } from "bun:test";
import { signedIn } from "./admin-page-support.ts";
import { createApi, newCard } from "./api-support.ts";
import { select } from "./page-support.ts";

const api = await createApi();
const admin = await api.registerOperator("admin");
const writer = await api.register();
const visitor = await signedIn(api, admin);
const find = (text: string) => visitor.get(`/admin/search?${new URLSearchParams({ q: text })}`);

test("the public beginning of a key, or a named key's id, leads to its account", async () => {
  const { body } = await api.call<{ id: string; api_key: string }>("POST", "/api/keys", {
    key: writer.key,
    body: { name: "laptop" },
  });
  for (const text of [writer.key.slice(0, 12), body.api_key.slice(0, 12), body.id, ` ${body.id.toUpperCase()} `]) {
    expect([text, (await find(text)).location]).toEqual([text, `/admin/users/${writer.id}`]);
  }
});

test("less than the public beginning finds nothing", async () => {
  const prefix = writer.key.slice(0, 12);
  for (const text of [prefix.slice(0, 11), "erased", "system", "ext_%%%%%%%%"]) {
    const { html, location } = await find(text);
    expect([text, location, html.includes(writer.id)]).toEqual([text, text === "system" ? location : null, false]);
  }
});

test("more of a key does not stay in the address, and leads to the search for its beginning", async () => {
  const prefix = writer.key.slice(0, 12);
  for (const text of [`${prefix}_`, writer.key, `Bearer ${writer.key}`, writer.key.slice(0, 20)]) {
    const { html, location } = await find(text);
    expect([text, location, html]).toEqual([text, `/admin/search?q=${prefix}`, ""]);
  }
});

test("what is found nowhere leads on to the titles of cards", async () => {
  const { html } = await find("a b&c");
  const ways = select(html, ".empty a").map(({ attributes }) => attributes.href);
  expect(ways).toEqual(["/admin/cards?q=a+b%26c"]);
});

test("so does a title of any length: titles are looked through for as much of it as may be asked for", async () => {
  const title = `${"🎈 balloons and ".repeat(20)}more`;
  const { id } = await api.publishCard(writer.key, newCard({ title }));
  const { html } = await find(title);
  const list = await visitor.get(select(html, "main a[href^='/admin/cards?']")[0]?.attributes.href ?? "");
  expect([list.status, select(list.html, `#list a[href='/admin/cards/${id}']`)]).toMatchObject([200, [{}]]);
});

test("devices and what they could not bring in step can be told apart by their ids", async () => {
  const device = "device-4711";
  await api.sql`
    INSERT INTO sync_state (user_id, client_id, device_name, entity_type, entity_id, sync_status, error_message)
    VALUES (${writer.id}, ${device}, 'Laptop', 'settings', 'key-of-a-setting-that-is-long', 'failed', 'x')`;
  for (const path of ["/admin/sync", `/admin/sync?user=${writer.name}`, `/admin/users/${writer.id}`]) {
    const { html } = await visitor.get(path);
    const links = select(html, `a[title="${device}"]`).map(({ attributes }) => attributes.href ?? "");
    expect([path, links.length > 0]).toEqual([path, true]);
    for (const link of links) {
      const list = await visitor.get(link);
      expect([link, list.status, select(list.html, "#list tbody tr").length > 0]).toEqual([link, 200, true]);
    }
  }
  const { html } = await visitor.get("/admin/sync");
  const copied = select(html, "#list [data-copy]").map(({ attributes }) => attributes["data-copy"]);
  expect(copied).toEqual(["key-of-a-setting-that-is-long"]);
});

test("ids that an operator hands on are copied by a button: of accounts, keys, movements and attributions", async () => {
  const [source, target] = [await api.publishCard((await api.register()).key), await api.publishCard(writer.key)];
  const { body } = await api.call<{ attribution: { id: string } }>("POST", "/api/attributions", {
    key: writer.key,
    body: { source_card_id: source.id, target_card_id: target.id, attribution_type: "citation" },
  });
  const [entry] = await api.sql<{ id: string; transaction_id: string }[]>`
    SELECT id, transaction_id FROM extropy_ledger WHERE attribution_id = ${body.attribution.id} LIMIT 1`;
  const copiedOn = async (path: string) =>
    select((await visitor.get(path)).html, "[data-copy]").map(({ attributes }) => attributes["data-copy"]);
  const onEntry = await copiedOn(`/admin/ledger/${entry?.id}`);
  expect(onEntry).toContain(body.attribution.id);
  expect(onEntry).toContain(entry?.transaction_id);
  const onAccount = await copiedOn(`/admin/users/${writer.id}`);
  expect(onAccount).toContain(writer.id);
  expect(onAccount).toContain(writer.key.slice(0, 12));
});
