// What the search box finds beside accounts, cards and entries: keys by what is public of them, devices, what operators did,
// and the way to titles.

import { expect, test } from "bun:test";
import { signedIn } from "./admin-page-support.ts";
import { createApi, newCard } from "./api-support.ts";
import { select } from "./page-support.ts";
import { deviceOf, entity } from "./sync-support.ts";

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

test("a device's id leads to what that device has not in step, and to a choice of five where several people's have it", async () => {
  const [one, other] = [await api.register(), await api.register()];
  const { client_id, pushOne } = deviceOf(api, one);
  await pushOne(entity("settings", "theme", { dark: true }));
  const address = (user: string) => `/admin/sync?user=${user}&client_id=${client_id}`;
  expect((await find(client_id)).location).toBe(address(one.id));
  await deviceOf(api, other, client_id).pushOne(entity("settings", "theme", { dark: true }));
  const listed = async () => {
    const { html, location } = await find(client_id);
    const ways = select(html, "section[aria-label=Devices] a[href*=client_id]").map(link => link.attributes.href);
    return [location, ways];
  };
  expect(await listed()).toEqual([null, [one.id, other.id].map(address)]);
  const more = await Promise.all(Array.from({ length: 4 }, () => api.register()));
  for (const member of more) await deviceOf(api, member, client_id).pushOne(entity("settings", "theme", {}));
  const firstFive = [one, other, ...more]
    .map(({ id }) => id)
    .toSorted()
    .slice(0, 5);
  expect(await listed()).toEqual([null, firstFive.map(address)]);
});

test("a device that is called like an account does not come before it", async () => {
  const famous = await api.register();
  await deviceOf(api, writer, famous.name).pushOne(entity("settings", "theme", { dark: true }));
  expect((await find(famous.name)).location).toBe(`/admin/users/${famous.id}`);
});

test("a request's id, or that of its record in the audit log, leads to what an operator did by it", async () => {
  for (const requestId of ["ticket-4711:a", crypto.randomUUID()]) {
    await api.call("POST", `/api/admin/users/${writer.id}/adjustments`, {
      key: admin.key,
      body: { type: "bonus", amount: "1.00", reason: "To be found." },
      headers: { "x-request-id": requestId, "idempotency-key": requestId },
    });
    const { body } = await api.call<{ items: { id: string }[] }>("GET", `/api/admin/audit?request_id=${requestId}`, {
      key: admin.key,
    });
    const [record, ...others] = body.items;
    expect(others).toEqual([]);
    for (const text of [requestId, record?.id ?? ""]) {
      const { location } = await find(text);
      expect([text, location]).toEqual([text, `/admin/audit?request_id=${encodeURIComponent(requestId)}`]);
      const { html } = await visitor.get(location ?? "");
      expect(select(html, "#list tbody tr").length).toBe(1);
    }
  }
});
