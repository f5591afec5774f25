// What operators browse: every filter of everybody's entries, cards and attributions against brute force, pages that
// stay as they are, CSV, and who may read at all.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ListedCard } from "../src/admin/cards-model.ts";
import type { AccountEntry } from "../src/admin/ledger-model.ts";
import type { Attribution } from "../src/attributions/model.ts";
import { readBounded } from "../src/bounded-read.ts";
import type { Page } from "../src/cursor.ts";
import { makeWorld, readList, type World } from "./admin-support.ts";
import { type Api, createApi, newCard } from "./api-support.ts";

setDefaultTimeout(60_000);

let api: Api;
let world: World;
let entries: AccountEntry[];
let cards: ListedCard[];
let attributions: Attribution[];

beforeAll(async () => {
  api = await createApi();
  world = await makeWorld(api);
  entries = await readList(api, world.admin.key, LEDGER, {});
  cards = await readList(api, world.admin.key, CARDS, {});
  attributions = await readList(api, world.admin.key, ATTRIBUTIONS, {});
});

const LEDGER = "/api/admin/ledger";
const CARDS = "/api/admin/cards";
const ATTRIBUTIONS = "/api/admin/attributions";

const idsOf = (items: readonly { id: string }[]) => items.map(({ id }) => id);
const read = async <T>(path: string, filter: object, limit?: number) =>
  readList<T>(api, world.auditor.key, path, filter, limit);
const refusal = async (path: string) => {
  const { status, body } = await api.call("GET", path, { key: world.admin.key });
  return `${status} ${body.errors?.map(({ pointer }) => pointer).join(" ")}`;
};
const csv = (path: string, key = world.admin.key) => api.call("GET", path, { key, headers: { accept: "text/csv" } });

/** The middle one of some times. */
const middle = (times: readonly string[]) => [...times].sort()[Math.floor(times.length / 2)] ?? "";

describe("who may read", () => {
  test.each([LEDGER, CARDS, ATTRIBUTIONS])("%s: admins and auditors, no member, no stranger", async path => {
    const status = async (key?: string) => (await api.call("GET", `${path}?limit=1`, { key })).status;
    expect(await status(world.admin.key)).toBe(200);
    expect(await status(world.auditor.key)).toBe(200);
    expect(await status(world.writers[0]?.key)).toBe(403);
    expect(await status()).toBe(401);
    expect((await csv(path, world.writers[0]?.key)).status).toBe(403);
  });
});

describe("everybody's entries", () => {
  test("are all there, newest first, each with its account", async () => {
    const rows = await api.sql<{ id: string; user_id: string; username: string }[]>`
      SELECT l.id, l.user_id, u.username FROM extropy_ledger l JOIN users u ON u.id = l.user_id
      ORDER BY l.created_at DESC, l.id DESC`;
    expect(idsOf(entries)).toEqual(idsOf(rows));
    expect(entries.map(({ user }) => user)).toEqual(rows.map(({ user_id, username }) => ({ id: user_id, username })));
    expect(entries.filter(({ note }) => note !== null)).toHaveLength(6);
    expect(await read<AccountEntry>(LEDGER, {}, 7)).toEqual(entries);
  });

  test("by each filter, and by two together, are what brute force finds", async () => {
    const [writer] = world.writers;
    const when = middle(entries.map(({ created_at }) => created_at));
    const of = (name: keyof AccountEntry) => entries.find(entry => entry[name] !== null)?.[name] as string;
    const filters: [Record<string, string>, (entry: AccountEntry) => boolean][] = [
      [{ user: writer?.id ?? "" }, entry => entry.user.id === writer?.id],
      [{ user: writer?.name ?? "" }, entry => entry.user.id === writer?.id],
      [{ user: writer?.name.toUpperCase() ?? "" }, entry => entry.user.id === writer?.id],
      [{ type: "transfer_sent" }, entry => entry.transaction_type === "transfer_sent"],
      [{ type: "publish_reward" }, entry => entry.transaction_type === "publish_reward"],
      [{ type: "penalty" }, () => false],
      [{ amount: "1" }, entry => entry.amount === "1.00"],
      [{ amount: "-0.5" }, entry => entry.amount === "-0.50"],
      [{ amount: "7.77" }, () => false],
      [{ amount_min: "0.50" }, entry => Number(entry.amount) >= 0.5],
      [{ amount_max: "-0.50" }, entry => Number(entry.amount) <= -0.5],
      [{ amount_min: "-1", amount_max: "0.10" }, entry => Number(entry.amount) >= -1 && Number(entry.amount) <= 0.1],
      [{ from: when }, entry => entry.created_at >= when],
      [{ to: when }, entry => entry.created_at < when],
      [{ card_id: of("card_id") }, entry => entry.card_id === of("card_id")],
      [{ card_id: crypto.randomUUID() }, () => false],
      [{ attribution_id: of("attribution_id") }, entry => entry.attribution_id === of("attribution_id")],
      [{ transaction_id: of("transaction_id") }, entry => entry.transaction_id === of("transaction_id")],
    ];
    for (const [filter, matches] of filters) {
      const found = await read<AccountEntry>(LEDGER, filter, 9);
      expect([filter, idsOf(found)]).toEqual([filter, idsOf(entries.filter(matches))]);
      for (const [other, alsoMatches] of filters) {
        const both = { ...other, ...filter };
        if (Object.keys(both).length !== Object.keys(filter).length + Object.keys(other).length) continue;
        const expected = entries.filter(entry => matches(entry) && alsoMatches(entry));
        const answer = await api.call<Page<AccountEntry>>(
          "GET",
          `${LEDGER}?${new URLSearchParams({ ...both, limit: "200" })}`,
          {
            key: world.admin.key,
          },
        );
        const isEmptyRange =
          (both.from !== undefined && both.from === both.to) || Number(both.amount_min) > Number(both.amount_max);
        if (isEmptyRange) expect(answer.status).toBe(422);
        else expect([both, idsOf(answer.body.items)]).toEqual([both, idsOf(expected)]);
      }
    }
  });

  test.each([
    ["user=", "/user"],
    ["user=nobody-at-all", "/user"],
    ["user=%00", "/user"],
    [`user=${"x".repeat(256)}`, "/user"],
    ["user=a&user=b", "/user"],
    ["type=gift", "/type"],
    ["type=", "/type"],
    ["amount=1e3", "/amount"],
    ["amount=NaN", "/amount"],
    ["amount=%2B1.00", "/amount"],
    ["amount=1.005", "/amount"],
    ["amount=", "/amount"],
    ["amount=1234567890123456789", "/amount"],
    ["amount_min=--1", "/amount_min"],
    ["amount_max=0x1", "/amount_max"],
    ["amount_min=2&amount_max=1", "/amount_max"],
    ["from=yesterday", "/from"],
    ["from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/to"],
    ["card_id=1", "/card_id"],
    ["attribution_id=x", "/attribution_id"],
    ["transaction_id=", "/transaction_id"],
    ["limit=0", "/limit"],
    ["limit=0x10", "/limit"],
    ["cursor=abc", "/cursor"],
    ["amount_least=1", "/amount_least"],
  ])("%s is 422", async (query, pointer) => {
    expect(await refusal(`${LEDGER}?${query}`)).toBe(`422 ${pointer}`);
  });

  test("a cursor continues its own list with its own filter, and nothing else", async () => {
    const cursorOf = async (path: string) =>
      (await api.call<Page<unknown>>("GET", path, { key: world.admin.key })).body.next_cursor;
    const cursor = await cursorOf(`${LEDGER}?limit=2&type=publish_reward`);
    expect(await refusal(`${LEDGER}?limit=9&cursor=${cursor}&type=publish_reward`)).toBe("200 undefined");
    for (const path of [
      `${LEDGER}?cursor=${cursor}`,
      `${LEDGER}?type=bonus&cursor=${cursor}`,
      `${LEDGER}?type=publish_reward&amount=1.00&cursor=${cursor}`,
      `${ATTRIBUTIONS}?cursor=${cursor}`,
      `${CARDS}?cursor=${cursor}`,
      `${CARDS}?cursor=${await cursorOf(`${CARDS}?limit=2&sort=most_cited`)}`,
      `${CARDS}?cursor=${await cursorOf(`${ATTRIBUTIONS}?limit=2`)}`,
      `${LEDGER}?cursor=${(await api.call<Page<unknown>>("GET", "/api/ledger?limit=2", { key: world.writers[0]?.key })).body.next_cursor}`,
    ]) {
      expect([path, await refusal(path)]).toEqual([path, "422 /cursor"]);
    }
  });

  test("a page stays as it is while entries are added", async () => {
    const own = await createApi({}, api);
    const first = (await own.call<Page<AccountEntry>>("GET", `${LEDGER}?limit=10`, { key: world.admin.key })).body;
    const before = await read<AccountEntry>(LEDGER, { limit: 200 });
    const adding = Promise.all([1, 2, 3].map(() => own.register()));
    const rest: AccountEntry[] = [];
    for (let cursor = first.next_cursor; cursor; ) {
      const query = `limit=10&cursor=${cursor}`;
      const { body } = await own.call<Page<AccountEntry>>("GET", `${LEDGER}?${query}`, { key: world.admin.key });
      rest.push(...body.items);
      cursor = body.next_cursor;
    }
    await adding;
    expect(idsOf([...first.items, ...rest])).toEqual(idsOf(before));
  });
});

describe("everybody's cards", () => {
  test("are all there, newest first, without their texts, and withdrawn ones without anything of them", async () => {
    const rows = await api.sql<{ id: string }[]>`SELECT id FROM cards ORDER BY published_at DESC, id DESC`;
    expect(idsOf(cards)).toEqual(idsOf(rows));
    expect(JSON.stringify(cards)).not.toContain('"content"');
    const [gone] = world.withdrawn;
    const shown = cards.find(({ id }) => id === gone?.id);
    expect(shown).toMatchObject({ status: "withdrawn", title: null, slug: null, public_url: null, tags: [] });
    expect(cards.find(({ id }) => id === world.cards[0]?.[0])).toMatchObject({
      status: "published",
      title: "Title 0 0",
      tags: ["one", "two"],
      public_url: expect.stringMatching(/^http:\/\/localhost\/cards\/title-0-0-/),
    });
    expect(await read<ListedCard>(CARDS, {}, 2)).toEqual(cards);
  });

  test("what psql left private shows nowhere", async () => {
    const [writer] = world.writers;
    await api.sql`
      INSERT INTO cards (user_id, title, content, content_hash, privacy_level)
      VALUES (${writer?.id ?? ""}, 'A private title', 'private text', ${"0".repeat(64)}, 'PRIVATE')`;
    expect(JSON.stringify(await read(CARDS, { user: writer?.id }))).not.toContain("rivate t");
    expect(idsOf(await read<ListedCard>(CARDS, {}))).toEqual(idsOf(cards));
  });

  test("by each filter in each order are what brute force finds", async () => {
    const [writer] = world.writers;
    const filters: [Record<string, string>, (card: ListedCard) => boolean][] = [
      [{}, () => true],
      [{ user: writer?.name ?? "" }, card => card.author.id === writer?.id],
      [{ category: "GRIT" }, card => card.category === "GRIT"],
      [{ privacy_level: "BUSINESS" }, card => card.privacy_level === "BUSINESS"],
      [{ status: "published" }, card => card.status === "published"],
      [{ status: "withdrawn" }, card => card.status === "withdrawn"],
      [{ q: "1 TITL" }, card => /\b1/.test(card.title ?? "")],
      [
        { user: writer?.name ?? "", status: "withdrawn" },
        ({ author, status }) => author.id === writer?.id && status === "withdrawn",
      ],
      [
        { user: writer?.name ?? "", category: "PROGRAM", q: "title" },
        ({ author, category, title }) => author.id === writer?.id && category === "PROGRAM" && title !== null,
      ],
    ];
    const orders: [string, (a: ListedCard, b: ListedCard) => number][] = [
      ["newest", () => 0],
      ["most_cited", (a, b) => b.attribution_count - a.attribution_count || (a.id < b.id ? 1 : -1)],
      ["most_earned", (a, b) => Number(b.extropy_earned) - Number(a.extropy_earned) || (a.id < b.id ? 1 : -1)],
    ];
    for (const [filter, matches] of filters) {
      for (const [sort, compare] of orders) {
        const found = await read<ListedCard>(CARDS, { ...filter, sort }, 3);
        const expected = cards.filter(matches).sort(compare);
        expect([filter, sort, idsOf(found)]).toEqual([filter, sort, idsOf(expected)]);
      }
    }
  });

  test.each([
    ["user=nobody-at-all", "/user"],
    ["category=grit", "/category"],
    ["privacy_level=PRIVATE", "/privacy_level"],
    ["status=deleted", "/status"],
    ["q=", "/q"],
    [`q=${"x".repeat(201)}`, "/q"],
    ["q=%00", "/q"],
    ["sort=oldest", "/sort"],
    ["from=2026-01-01T00:00:00Z", "/from"],
  ])("%s is 422", async (query, pointer) => {
    expect(await refusal(`${CARDS}?${query}`)).toBe(`422 ${pointer}`);
  });
});

describe("all attributions", () => {
  test("are there, newest first, reversed ones too", async () => {
    const rows = await api.sql<{ id: string }[]>`SELECT id FROM attributions ORDER BY created_at DESC, id DESC`;
    expect(idsOf(attributions)).toEqual(idsOf(rows));
    expect(attributions.filter(({ reversed_at }) => reversed_at !== null)).toHaveLength(1);
    expect(await read<Attribution>(ATTRIBUTIONS, {}, 5)).toEqual(attributions);
  });

  test("by each filter, and by two together, are what brute force finds", async () => {
    const [one, two] = world.writers;
    const card = world.cards[0]?.[1] ?? "";
    const when = middle(attributions.map(({ created_at }) => created_at));
    const filters: [Record<string, string>, (attribution: Attribution) => boolean][] = [
      [{ type: "remix" }, ({ attribution_type }) => attribution_type === "remix"],
      [{ source_user: one?.name ?? "" }, ({ source_card }) => source_card.author.id === one?.id],
      [{ target_user: two?.id ?? "" }, ({ target_card }) => target_card.author.id === two?.id],
      [{ card_id: card }, ({ source_card, target_card }) => source_card.id === card || target_card.id === card],
      [{ from: when }, ({ created_at }) => created_at >= when],
      [{ to: when }, ({ created_at }) => created_at < when],
      [{ reversed: "true" }, ({ reversed_at }) => reversed_at !== null],
      [{ reversed: "false" }, ({ reversed_at }) => reversed_at === null],
    ];
    for (const [filter, matches] of filters) {
      for (const [other, alsoMatches] of filters) {
        const both = { ...filter, ...other };
        if (both.from !== undefined && both.to !== undefined) continue;
        const expected = attributions.filter(
          item => (matches(item) || Object.keys(other)[0] === Object.keys(filter)[0]) && alsoMatches(item),
        );
        const found = await read<Attribution>(ATTRIBUTIONS, both, 3);
        expect([both, idsOf(found)]).toEqual([both, idsOf(expected)]);
      }
    }
  });

  test.each([
    ["type=quote", "/type"],
    ["source_user=nobody-at-all", "/source_user"],
    ["target_user=", "/target_user"],
    ["card_id=x", "/card_id"],
    ["reversed=yes", "/reversed"],
    ["from=2026-01-01", "/from"],
    ["from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "/to"],
  ])("%s is 422", async (query, pointer) => {
    expect(await refusal(`${ATTRIBUTIONS}?${query}`)).toBe(`422 ${pointer}`);
  });
});

describe("as CSV", () => {
  test("each list is a file of all that the filter lets through, whatever the limit is", async () => {
    const lines = async (path: string) => {
      const { status, headers, text } = await csv(path);
      expect([status, headers.get("content-type")]).toEqual([200, "text/csv; charset=utf-8"]);
      return text.trimEnd().split("\r\n");
    };
    const ledger = await lines(`${LEDGER}?limit=1&type=publish_reward`);
    expect(ledger[0]).toStartWith("id,user_id,username,user_seq,created_at,transaction_type,amount,");
    expect(ledger).toHaveLength(1 + entries.filter(entry => entry.transaction_type === "publish_reward").length);
    expect(await lines(`${CARDS}?limit=1`)).toHaveLength(1 + cards.length);
    expect(await lines(`${ATTRIBUTIONS}?limit=1`)).toHaveLength(1 + attributions.length);
    expect(await lines(`${LEDGER}?type=penalty`)).toHaveLength(1);
  });

  test("no text becomes a formula", async () => {
    const hostile = await createApi({}, api);
    const [writer, other] = [await hostile.register(), await hostile.register()];
    const titles = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x","y")', "\t=1", 'fine, or "not"'];
    const published = await hostile.publish(
      writer.key,
      titles.map(title => newCard({ title, tags: ["=1+1"] })),
    );
    const { text } = await csv(`${CARDS}?user=${writer.name}`);
    for (const start of [",=", ",+", ",-", ",@", ',"=']) expect(text).not.toContain(start);
    expect(text).toContain(`,'=1+1,`);
    expect(text).toContain(`,"'=HYPERLINK(""http://x"",""y"")",`);

    const target = await hostile.publishCard(other.key);
    await hostile.call("POST", "/api/attributions", {
      key: other.key,
      body: {
        source_card_id: published.body.cards[0]?.id,
        target_card_id: target.id,
        attribution_type: "reply",
        attribution_note: "@note",
      },
    });
    expect((await csv(`${ATTRIBUTIONS}?target_user=${other.name}`)).text).toMatch(/,'=1\+1,.*,'@note,/);

    const body = { to_user: other.name, amount: "1.00", note: "=cmd|' /C calc'!A0" };
    await hostile.call("POST", "/api/transfers", { key: writer.key, body, headers: { "idempotency-key": "h" } });
    const ledger = (await csv(`${LEDGER}?user=${writer.name}&type=transfer_sent`)).text;
    expect(ledger).toContain(`,-1.00,`);
    expect(ledger).toContain(`,'=cmd|' /C calc'!A0,`);
  });

  test("an auditor who is none any more gets no end of the file", async () => {
    const auditor = await api.registerOperator("auditor");
    const response = await api.app.handle(
      new Request(`http://localhost${CARDS}`, {
        headers: { authorization: `Bearer ${auditor.key}`, accept: "text/csv" },
      }),
    );
    await response.text();
    await api.sql`UPDATE users SET role = 'member' WHERE id = ${auditor.id}`;
    expect((await csv(CARDS, auditor.key)).status).toBe(403);
  });
});

test("a read that takes too long is ended, and says what to do", async () => {
  const slow = readBounded(api.sql, tx => tx`SELECT pg_sleep(5)`, { maxMs: 50 });
  expect(await slow.catch(error => error)).toMatchObject({
    slug: "validation",
    message: expect.stringContaining("Narrow it down"),
  });
  const rows = await readBounded<{ statement_timeout: string }>(api.sql, tx => tx`SHOW statement_timeout`);
  expect(rows[0]?.statement_timeout).toBe("5s");
});
