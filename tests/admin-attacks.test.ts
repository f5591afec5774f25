// Texts by strangers on the admin pages: whatever is stored or typed, and wherever it stands, it is shown as text.

import { expect, setDefaultTimeout, test } from "bun:test";
import { adminPaths, problemOf, signedIn } from "./admin-page-support.ts";
import { makeWorld } from "./admin-support.ts";
import { createApi } from "./api-support.ts";
import { ATTACKS } from "./attacks.ts";
import { lastEntryOf } from "./operator-support.ts";
import { select } from "./page-support.ts";

setDefaultTimeout(120_000);

const api = await createApi();
const { admin, writers, cards } = await makeWorld(api);
const visitor = await signedIn(api, admin);
const [writer] = writers as [(typeof writers)[0]];
const card = cards[0]?.[0] ?? "";
const OWN_SCRIPT = /^\/assets\/[a-z]+\.[0-9a-f]{16}\.js$/;

/** What could script, restyle, load or send something elsewhere. */
function dangersIn(html: string): string[] {
  return select(html, "*").flatMap(({ tag, attributes }) => {
    const dangers = [];
    if (/^(iframe|object|embed|base|img|style|video|audio|template|noscript)$/.test(tag)) dangers.push(`<${tag}>`);
    if (tag === "script" && !OWN_SCRIPT.test(attributes.src ?? "")) dangers.push(`<script src=${attributes.src}>`);
    if (tag === "meta" && attributes["http-equiv"]) dangers.push("<meta http-equiv>");
    for (const [name, value] of Object.entries(attributes)) {
      if (/^(on|hx-on|style$|srcset$|srcdoc$|formaction$)/.test(name)) dangers.push(`${tag} ${name}=${value}`);
      if (name.startsWith("hx-") && /^(js|javascript):/i.test(value.trim())) dangers.push(`${tag} ${name}=${value}`);
      if (name === "href" && !/^(https?:\/\/|mailto:|\/(?!\/)|#)/i.test(value)) dangers.push(`${tag} href=${value}`);
      if (name === "action" && !/^\/(?!\/)/.test(value)) dangers.push(`${tag} action=${value}`);
      if (name.startsWith("hx-") && /^(hx-get|hx-post)$/.test(name) && !/^\/admin/.test(value)) dangers.push(name);
    }
    return dangers;
  });
}

async function expectSafe(path: string): Promise<string> {
  const { html, status, headers } = await visitor.get(path);
  expect([path, status < 500]).toEqual([path, true]);
  const policy = headers.get("content-security-policy") ?? "";
  expect([path, policy]).toEqual([path, expect.stringContaining("script-src 'self';")]);
  expect([path, policy]).toEqual([path, expect.not.stringContaining("unsafe")]);
  expect([path, dangersIn(html)]).toEqual([path, []]);
  return html;
}

/** The rows that the live list begins with, which a script puts into the page. */
async function liveRows(): Promise<string> {
  const headers = { cookie: visitor.cookie };
  const answer = await api.app.handle(new Request("http://localhost/admin/ledger/tail?limit=50", { headers }));
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const [, data] = /^data: (.*)\n\n/m.exec(text) ?? [];
    if (data) return (JSON.parse(data) as { html: string }[]).map(({ html }) => html).join("");
  }
  throw new Error("the live list has no rows");
}

test("texts that are stored are texts on every page", async () => {
  const { sql } = api;
  const storable = ATTACKS.map(attack => attack.replaceAll("\0", ""));
  const [{ id: attribution } = { id: "" }] = await sql<{ id: string }[]>`
    SELECT id FROM attributions WHERE source_card_id = ${card} LIMIT 1`;
  const transfer = await sql<{ id: string; transaction_id: string }[]>`
    SELECT id, transaction_id FROM extropy_ledger WHERE transaction_type = 'transfer_sent' LIMIT 1`;
  await api.call("POST", `/api/admin/users/${writer.id}/deactivate`, { key: admin.key, body: { reason: "x" } });
  await sql`
    INSERT INTO sync_state (user_id, client_id, device_name, entity_type, entity_id, sync_status, error_message)
    VALUES (${writer.id}, 'device', 'a', 'settings', 'one', 'failed', 'a')`;
  await sql`INSERT INTO api_keys (user_id, name, key_hash, key_prefix, scopes) VALUES (${writer.id}, 'a', 'a', 'a', '{read}')`;
  const entry = await lastEntryOf(api, writer.id);
  const paths = [...adminPaths({ user: writer.id, entry, card }), `/admin/ledger/${transfer[0]?.id}`];
  // Each alone on the two pages that show most of it, and on all pages several in one text.
  const together = Array.from({ length: Math.ceil(storable.length / 6) }, (_, no) =>
    storable.slice(no * 6, no * 6 + 6).join(" "),
  );
  const rounds = [
    ...together.map(attack => ({ attack, shown: paths })),
    ...storable.map(attack => ({ attack, shown: [`/admin/users/${writer.id}`, `/admin/cards/${card}`] })),
  ];
  for (const { attack, shown } of rounds) {
    await sql`
      UPDATE users SET display_name = ${attack}, bio = ${attack}, username = ${attack.slice(0, 255)},
        email = ${attack.slice(0, 255)} WHERE id = ${writer.id}`;
    await sql`UPDATE cards SET title = ${attack}, content = ${attack}, tags = ARRAY[${attack}], slug = ${attack.slice(0, 255)},
      public_url = ${`/cards/${encodeURIComponent(attack.slice(0, 255))}`} WHERE id = ${card}`;
    await sql`UPDATE attributions SET attribution_note = ${attack} WHERE id = ${attribution}`;
    await sql`UPDATE transaction_notes SET note = ${attack} WHERE transaction_id = ${transfer[0]?.transaction_id ?? ""}`;
    await sql`UPDATE sync_state SET client_id = ${attack.slice(0, 255)}, device_name = ${attack.slice(0, 255)},
      entity_id = ${attack.slice(0, 255)}, error_message = ${attack} WHERE user_id = ${writer.id}`;
    await sql`UPDATE api_keys SET name = ${attack.slice(0, 100)} WHERE user_id = ${writer.id}`;
    await api.call("POST", `/api/admin/users/${writer.id}/activate`, { key: admin.key, body: { reason: attack } });
    await api.call("POST", `/api/admin/users/${writer.id}/deactivate`, { key: admin.key, body: { reason: attack } });
    for (const path of shown) await expectSafe(path);
    expect(dangersIn(await liveRows())).toEqual([]);
  }
  expect(await expectSafe(`/admin/users/${writer.id}`)).toContain("&lt;script");
});

test("texts that are typed into filters, searches and forms are texts in the answer", async () => {
  const lists = {
    users: ["q", "role", "active", "sort", "cursor"],
    ledger: ["user", "type", "amount", "amount_min", "amount_max", "from", "to", "card_id", "cursor"],
    cards: ["q", "user", "status", "privacy_level", "category", "sort", "cursor"],
    attributions: ["from", "to"],
    "attributions/all": ["type", "source_user", "target_user", "card_id", "from", "to", "reversed", "cursor"],
    sync: ["user", "client_id", "status", "entity_type", "cursor"],
    audit: ["actor_id", "user_id", "action", "from", "to", "cursor"],
  };
  const typed = [...ATTACKS, "\0", "\uD800", "' OR 1=1 --", "%00", "1e999", "x".repeat(3000)];
  for (const [no, attack] of typed.entries()) {
    await expectSafe(`/admin/search?${new URLSearchParams({ q: attack })}`);
    const [list = "", names = []] = Object.entries(lists)[no % Object.keys(lists).length] ?? [];
    await expectSafe(`/admin/${list}?${new URLSearchParams(Object.fromEntries(names.map(name => [name, attack])))}`);
    await expectSafe(`/admin/users?${new URLSearchParams({ q: attack, [attack.slice(0, 40) || "x"]: "1" })}`);
    const { id } = writers[1] ?? writer;
    const path = [`/admin/users/${id}/adjust`, `/admin/users/${id}/role`, "/admin/ledger/1/reverse"][no % 3] ?? "";
    const form = { type: attack, amount: attack, reason: "", confirm: attack, role: attack, idempotency_key: attack };
    const { html, status } = await visitor.post(path, form);
    expect([path, status < 500, dangersIn(html)]).toEqual([path, true, []]);
    const signIn = await visitor.post("/sign-in", { username: attack, api_key: attack, next: attack });
    expect([signIn.status < 500, dangersIn(signIn.html)]).toEqual([true, []]);
    expect(dangersIn((await visitor.get(`/sign-in?${new URLSearchParams({ next: attack })}`)).html)).toEqual([]);
  }
});

test("each parameter alone may be nonsense: a message that people understand, never an error of the server", async () => {
  const nonsense = ["", "x", "-1", "%00", "2026-13-45", "9999-12-31", "[]", "9".repeat(30)];
  const programmers = /\b(invalid|expected|received|undefined|null|NaN|next_cursor|9007199254740991)\b/i;
  for (const [path, names] of Object.entries({
    "/admin/users": ["q", "role", "active", "sort", "cursor", "limit", "nothing"],
    "/admin/search": ["q"],
    "/admin/ledger": [
      "user",
      "type",
      "amount",
      "amount_min",
      "from",
      "to",
      "card_id",
      "transaction_id",
      "cursor",
      "limit",
      "nothing",
    ],
    "/admin/cards": ["q", "user", "status", "privacy_level", "category", "sort", "cursor", "limit"],
    "/admin/attributions": ["from", "to", "nothing"],
    "/admin/attributions/all": [
      "card_id",
      "type",
      "from",
      "to",
      "source_user",
      "target_user",
      "reversed",
      "cursor",
      "limit",
    ],
    "/admin/sync": ["user", "status", "entity_type", "cursor", "client_id", "limit"],
    "/admin/audit": ["user_id", "actor_id", "action", "transaction_id", "request_id", "from", "to", "cursor", "limit"],
    [`/admin/cards/${card}/graph`]: ["depth"],
    "/admin/ledger.csv": ["amount", "cursor", "from"],
  })) {
    for (const name of names) {
      for (const value of nonsense) {
        const { status, html } = await visitor.get(`${path}?${name}=${value}`);
        const asked = [path, name, value];
        expect([...asked, [200, 303, 404, 422].includes(status)]).toEqual([...asked, true]);
        const message = problemOf(html);
        expect([...asked, message !== ""]).toEqual([...asked, status >= 400]);
        expect([...asked, programmers.exec(message)?.[0]]).toEqual([...asked, undefined]);
      }
    }
  }
});

test("what is wrong with a filter is told of by the names that the form has for them", async () => {
  for (const [address, message] of [
    [`/admin/users?q=${"x".repeat(256)}`, "Name, e-mail or id: at most 255 characters"],
    [`/admin/cards?q=${"x".repeat(201)}`, "Title: text of 1 to 200 characters"],
    ["/admin/cards?user=nobody-has-this", "Author: the id or username of an account that there is"],
    ["/admin/attributions/all?source_user=nobody-has-this", "Was paid: the id or username of an account that there is"],
    ["/admin/audit?actor_id=nobody-has-this", "Operator: the id or username of an account that there is"],
    ["/admin/sync?entity_type=x", "What: one of "],
    [`/admin/search?q=${"x".repeat(2049)}`, "Text: at most 2048 characters"],
    ["/admin/ledger?amount_min=5&amount_max=1", "To amount: an amount that is not below “From amount”"],
    ["/admin/ledger?from=2026-05-05&to=2026-01-01", "To day: a moment after “From day”"],
    ["/admin/attributions?from=2026-05-05&to=2026-01-01", "To day: a moment after “From day”"],
    ["/admin/attributions/all?from=2026-05-05&to=2026-01-01", "To day: a moment after “From day”"],
    ["/admin/audit?from=2026-05-05&to=2026-01-01", "To day: a moment after “From day”"],
  ] as const) {
    const { status, html } = await visitor.get(address);
    expect([address, status, problemOf(html)]).toEqual([address, 422, expect.stringContaining(message)]);
  }
});
