// Cards found by the words of their titles: what a word is, and pages of few and of many that have one.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { LOOKED_AT, listAllCards } from "../src/admin/cards-store.ts";
import { TitleIndex } from "../src/cards/title-index.ts";
import type { Sql } from "../src/db.ts";
import { createLogger } from "../src/log.ts";
import { signedIn } from "./admin-page-support.ts";
import { type Api, createApi, createApiWithoutDatabase, type Member, newCard } from "./api-support.ts";
import { insertUser } from "./books-support.ts";
import { behindTheTriggers } from "./integrity-support.ts";
import { select } from "./page-support.ts";
import { createServerPool, createTestDatabase } from "./support.ts";

setDefaultTimeout(60_000);

let api: Api;
let writer: Member;

const COUNT = LOOKED_AT[1] + 2_000;

/** A database with so many cards that no page looks at all of them; the newest is number 1. */
let many: Sql;

beforeAll(async () => {
  api = await createApi();
  writer = await api.register();
  many = (await createTestDatabase()).sql;
  const user = await insertUser(many);
  await behindTheTriggers(
    many,
    `INSERT INTO cards (user_id, title, content, content_hash, privacy_level, is_published, published_at, public_url,
        slug, change_no, attribution_count)
      SELECT '${user}', CASE WHEN n % 1000 = 999 THEN 'A Needle, ' WHEN n % 50 = 7 THEN 'Straw, ' ELSE 'Hay, ' END || n, 'text',
        lpad(n::text, 64, '0'), 'IDEAS', true, timestamptz '2026-01-01' - n * interval '1 second', '/cards/' || n, n, n, 0
      FROM generate_series(1, ${COUNT}) n;
    UPDATE cards SET title = 'One of many', attribution_count = (ARRAY[40, 40, 40, 40, 40, 40, 20, 9, 3, 0, 0])[change_no - 99]
      WHERE change_no BETWEEN 100 AND 110;
    INSERT INTO cards (user_id, title, content, content_hash, privacy_level, is_published, published_at, withdrawn_at,
        attribution_count)
      SELECT '${user}', 'One of many withdrawn', '', lpad(n::text, 64, 'e'), 'IDEAS', false, now(), now(), 5000
      FROM generate_series(1, 9) n`,
  );
});

async function publish(title: string): Promise<string> {
  return (await api.publishCard(writer.key, newCard({ title }))).id;
}

/** Whether a card with this title is found by these words. */
async function isFound(id: string, q: string): Promise<boolean> {
  const { items } = await listAllCards(api.pool, { q, sort: "newest", user: writer.id }, { limit: 200 });
  return items.some(card => card.id === id);
}

const FOUND: readonly [title: string, words: readonly string[], others?: readonly string[]][] = [
  ["The Quick brown fox", ["quick", "QUICK", "fox the", "bro", "qui fo", "  fox  "], ["uick", "quick dog", "foxes"]],
  ["“Quoted”—and dashed–words… to‑morrow", ["quoted", "and", "dashed", "words", "morrow", "“quoted”"]],
  ["Don't ask why", ["don't", "don’t", "don", "ask"]],
  ["Typographer’s ask", ["typographer's", "typographer’s"]],
  [
    "and/or well-known node.js <b>bold</b> Q&A; a@example.org +7 -5",
    ["or", "known", "js", "bold", "A", "example", "org", "7", "5"],
  ],
  ["On 2026-11-23, 5.25 of them", ["23", "11", "25", "2026-11"], ["26"]],
  ["ÀÉÎ Ελλάδα Прага", ["àé", "ελλ", "ПРАГ"], ["a"]],
  ["今日の夕食について", ["夕食", "今日", "について"], ["朝食"]],
  ["rock~roll ~tilde a~b_c", ["roll", "rock~roll", "tilde", "b", "c"]],
  ["🎉Party Rust→Go ★Star £5 €7 3×4 1°C", ["party", "go", "star", "5", "7", "4", "c", "£5", "rust→go"], ["🎉"]],
  ["100% of under_scores", ["100%", "100", "under_scores", "scores"], ["200%"]],
];

for (const [title, words, others = []] of FOUND) {
  test(`${title}: found by each of ${words.length} and by none of ${others.length}`, async () => {
    const id = await publish(title);
    const found: Record<string, boolean> = {};
    for (const q of [...words, ...others]) found[q] = await isFound(id, q);
    const expected = [...words.map(q => [q, true]), ...others.map(q => [q, false])];
    expect(found).toEqual(Object.fromEntries(expected));
  });
}

test("what is a sign in a query or a pattern is none in what is looked for", async () => {
  const id = await publish("A harmless sign");
  for (const q of [
    "sign:*",
    "'sign'",
    "\\sign",
    "sign & !nothing",
    "(sign | nothing)",
    "%sign%",
    "_sign_",
    "sign <-> sign",
  ]) {
    expect([q, await isFound(id, q)]).toEqual([q, !q.includes("nothing")]);
  }
});

test("signs alone are no words: those of ASCII are refused, and others find nothing", async () => {
  await publish("Signs ... — alone");
  const admin = await api.registerOperator("admin");
  for (const [q, status] of [
    ...["...", "%", "'", "\\", "<>", "!!!"].map(q => [q, 422] as const),
    ...["—", "«»"].map(q => [q, 200] as const),
  ]) {
    const path = `/api/admin/cards?q=${encodeURIComponent(q)}`;
    const { status: answered, body } = await api.call<{ items?: unknown[] }>("GET", path, { key: admin.key });
    expect([q, answered, body.items ?? []]).toEqual([q, status, []]);
    if (status === 422) expect(body.errors).toEqual([{ pointer: "/q", detail: "a word: signs alone are none" }]);
  }
});

test("of a title the first 200 characters are looked through", async () => {
  const id = await publish(`${"x".repeat(194)} inner beyond`);
  expect([await isFound(id, "inner"), await isFound(id, "beyond")]).toEqual([true, false]);
});

test("the longest word that there can be is published, and found by its beginning", async () => {
  const id = await publish("𐐷".repeat(500) + "ü".repeat(499));
  expect(await isFound(id, "𐐷".repeat(100))).toBe(true);
});

test("a title of signs is taken to pieces in little more time than one of words, however they follow each other", async () => {
  const timeOf = async (part: string) => {
    const times: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const [row] = await many`
        EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON)
        SELECT length(title_words(${part.repeat(500).slice(0, 990)} || n)) FROM generate_series(1, 9) n`;
      times.push(row?.["QUERY PLAN"][0]["Execution Time"]);
    }
    return Math.min(...times);
  };
  const words = await timeOf("a 1 b 2 ");
  for (const part of ["a@1", "a_", "_a", "1e@", "@", "~a", "a-", "a.", "/a", "a:", "<a", "a+1", "-1e", "http://a."]) {
    expect([part, Math.max(20, (await timeOf(part)) / words)]).toEqual([part, 20]);
  }
});

test("a card that was edited is found by its new title only, and a withdrawn one by none", async () => {
  const id = await publish("Formerly called so");
  const { headers } = await api.call("GET", `/api/cards/${id}`, { key: writer.key });
  const ifMatch = { "if-match": headers.get("etag") ?? "" };
  const edited = await api.call("PATCH", `/api/cards/${id}`, {
    key: writer.key,
    headers: ifMatch,
    body: { title: "Newly called" },
  });
  expect([edited.status, await isFound(id, "formerly"), await isFound(id, "newly")]).toEqual([200, false, true]);
  expect((await api.call("DELETE", `/api/cards/${id}`, { key: writer.key })).status).toBe(204);
  expect(await isFound(id, "newly")).toBe(false);
  const withdrawn = await listAllCards(api.pool, { q: "newly", sort: "newest", status: "withdrawn" }, { limit: 10 });
  expect(withdrawn).toEqual({ items: [], next_cursor: null });
});

/** All pages of a search, card by card. */
async function walk(q: string, sort: "newest" | "most_cited", limit: number) {
  const found: { title: string | null; attribution_count: number }[] = [];
  for (let cursor: string | undefined, pages = 0; pages < 300; pages++) {
    const page = await listAllCards(many, { q, sort }, { limit, cursor });
    found.push(...page.items);
    if (page.next_cursor === null) return found;
    cursor = page.next_cursor;
  }
  throw new Error("the list has no end");
}

test("rare words are found however far back, newest first, page by page", async () => {
  const needles = Array.from({ length: 7 }, (_, no) => `A Needle, ${no}999`.replace(" 0", " "));
  for (const limit of [1, 3, 200]) {
    expect((await walk("needle", "newest", limit)).map(({ title }) => title)).toEqual(needles);
  }
});

test("usual words, and those of every fiftieth card, are found page by page, without one missing or twice", async () => {
  const numbers = Array.from({ length: COUNT }, (_, no) => no + 1).filter(n => n < 100 || n > 110);
  for (const [q, limit, has] of [
    ["hay", 200, (n: number) => n % 1000 !== 999 && n % 50 !== 7],
    ["straw", 25, (n: number) => n % 50 === 7],
    ["straw", 50, (n: number) => n % 50 === 7],
    ["straw", 120, (n: number) => n % 50 === 7],
  ] as const) {
    const found = (await walk(q, "newest", limit)).map(({ title }) => Number(title?.split(" ")[1]));
    expect([q, limit, found]).toEqual([q, limit, numbers.filter(has)]);
  }
});

test("in order of citations all that have it follow each other, those with ranks and those without, and no withdrawn one", async () => {
  const expected = [...Array.from({ length: 6 }, () => 40), 20, 9, 3, 0, 0];
  for (const limit of [2, 5, 200]) {
    expect((await walk("of many", "most_cited", limit)).map(card => card.attribution_count)).toEqual(expected);
  }
  expect(await walk("needle", "most_cited", 3)).toHaveLength(7);
});

test("the page shows what was found, and says where nothing was", async () => {
  await publish("Shown on the page");
  const visitor = await signedIn(api, await api.registerOperator("auditor"));
  const found = await visitor.get("/admin/cards?q=page+shown");
  expect(select(found.html, "#list tbody tr")).toHaveLength(1);
  expect((await visitor.get("/admin/cards?q=straw")).html).toContain("No card is like that. Take a filter away.");
});

test("new words are found at once, and once they were sorted in", async () => {
  const { sql, url } = await createTestDatabase();
  const app = await createApi({}, { sql, url, pool: createServerPool(url) });
  const { id, key } = await app.register();
  await app.publish(
    key,
    Array.from({ length: 20 }, (_, no) => newCard({ title: `Unsorted ${no}` })),
  );
  const count = async () =>
    (await listAllCards(sql, { q: "unsorted", sort: "newest", user: id }, { limit: 50 })).items.length;
  expect(await count()).toBe(20);
  const index = new TitleIndex(app.pool, createLogger("silent"));
  await index.start();
  index.close();
  const [left] = await sql`SELECT gin_clean_pending_list('cards_title_words')::integer AS pages`;
  expect([left?.pages, await count()]).toEqual([0, 20]);
});

test("a server that listens sorts words in", async () => {
  const { sql, url } = await createTestDatabase();
  const pool = createServerPool(url);
  const asked = Promise.withResolvers<void>();
  pool.options.debug = (_connection, text) => {
    if (text.includes("sort_in_title_words")) asked.resolve();
  };
  const { app } = await createApi({}, { sql, url, pool });
  app.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    await asked.promise;
  } finally {
    await app.stop(true);
  }
});

/** An index whose log lines are kept. */
function logged(pool: Sql) {
  const lines: string[] = [];
  const index = new TitleIndex(pool, createLogger("warn", { write: line => void lines.push(line) }));
  return { index, lines };
}

test("without a database words wait, and nobody is warned a second time", async () => {
  const { index, lines } = logged(createApiWithoutDatabase().pool);
  await index.start();
  index.close();
  expect(lines).toEqual([]);
});

test("what else goes wrong is said once, until it works again", async () => {
  const { sql } = await createTestDatabase();
  const { index, lines } = logged(sql);
  index.close();
  await sql`ALTER FUNCTION sort_in_title_words() RENAME TO missing`;
  await index.start();
  await index.start();
  await sql`ALTER FUNCTION missing() RENAME TO sort_in_title_words`;
  await index.start();
  await sql`ALTER FUNCTION sort_in_title_words() RENAME TO missing`;
  await index.start();
  expect(lines.length).toBe(2);
  expect(lines[0]).toContain("the words of titles could not be sorted in");
});
