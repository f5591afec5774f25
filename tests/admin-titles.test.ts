// Cards by a part of their title, where there are more of them than one page looks through.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { LOOKED_AT, listAllCards } from "../src/admin/cards-store.ts";
import type { PageRequest } from "../src/cursor.ts";
import { signedIn, type Visitor } from "./admin-page-support.ts";
import { createApi } from "./api-support.ts";
import { insertUser } from "./books-support.ts";
import { behindTheTriggers } from "./integrity-support.ts";
import { select } from "./page-support.ts";
import { createTestDatabase, type TestDatabase } from "./support.ts";

setDefaultTimeout(120_000);

/** The newest is number 1: these stand around the end of what the first page looks through. */
const AT_THE_END = [LOOKED_AT - 1, LOOKED_AT, LOOKED_AT + 1, LOOKED_AT + 2] as const;

let database: TestDatabase;
let visitor: Visitor;

beforeAll(async () => {
  database = await createTestDatabase();
  const user = await insertUser(database.sql);
  await behindTheTriggers(
    database.sql,
    `INSERT INTO cards (user_id, title, content, content_hash, privacy_level, is_published, published_at, public_url,
        slug, change_no, withdrawn_at)
      SELECT '${user}', CASE WHEN n IN (${AT_THE_END.join()}) THEN 'A Needle, ' ELSE 'Hay, ' END || n, 'text',
        lpad(n::text, 64, '0'), 'IDEAS', true, timestamptz '2026-01-01' - n * interval '1 second', '/cards/' || n, n, n, NULL
      FROM generate_series(1, ${LOOKED_AT + 50}) n;
    UPDATE cards SET title = 'One of many', attribution_count = (ARRAY[40, 40, 40, 40, 40, 40, 20, 9, 3, 0, 0])[change_no - 99]
      WHERE change_no BETWEEN 100 AND 110;
    INSERT INTO cards (user_id, title, content, content_hash, privacy_level, is_published, published_at, withdrawn_at,
        attribution_count)
      SELECT '${user}', 'One of many withdrawn', '', lpad(n::text, 64, 'e'), 'IDEAS', false, now(), now(), 5000
      FROM generate_series(1, 9) n;
    INSERT INTO cards (user_id, title, content, content_hash, privacy_level, is_published, published_at, withdrawn_at)
      SELECT '${user}', 'A needle in what was withdrawn', '', repeat('f', 64), 'IDEAS', false, now(), now();
    ANALYZE cards`,
  );
  const api = await createApi({}, database);
  visitor = await signedIn(api, await api.createAdmin());
});

async function list(q: string, page: PageRequest) {
  const { items, next_cursor } = await listAllCards(database.sql, { q, sort: "newest" }, page);
  return { titles: items.map(({ title }) => title), cursor: next_cursor ?? undefined };
}

test("a page is what there is among so many of the newest, and its cursor goes on behind them", async () => {
  const first = await list("needle", { limit: 10 });
  expect(first.titles).toEqual([`A Needle, ${LOOKED_AT - 1}`, `A Needle, ${LOOKED_AT}`]);
  const second = await list("needle", { limit: 10, ...first });
  expect(second).toEqual({ titles: [`A Needle, ${LOOKED_AT + 1}`, `A Needle, ${LOOKED_AT + 2}`], cursor: undefined });
});

test("a full page goes on behind its last card, however few were looked at", async () => {
  const first = await list("needle", { limit: 1 });
  expect(first.titles).toEqual([`A Needle, ${LOOKED_AT - 1}`]);
  const second = await list("needle", { limit: 1, ...first });
  expect(second.titles).toEqual([`A Needle, ${LOOKED_AT}`]);
  const third = await list("needle", { limit: 3, ...second });
  expect(third).toEqual({ titles: [`A Needle, ${LOOKED_AT + 1}`, `A Needle, ${LOOKED_AT + 2}`], cursor: undefined });
});

test("what no title has is looked for to the end, and only there", async () => {
  const first = await list("straw", { limit: 10 });
  expect([first.titles, first.cursor === undefined]).toEqual([[], false]);
  expect(await list("straw", { limit: 10, ...first })).toEqual({ titles: [], cursor: undefined });
});

test("the title of what was withdrawn finds nothing", async () => {
  expect(await list("in what was withdrawn", { limit: 10 }).then(({ titles }) => titles)).toEqual([]);
  const withdrawn = await listAllCards(
    database.sql,
    { q: "needle", sort: "newest", status: "withdrawn" },
    { limit: 10 },
  );
  expect(withdrawn.next_cursor).toBeNull();
});

test("in order of citations all that have it follow each other, those with ranks and those without, and no withdrawn one", async () => {
  const cited = async (q: string, limit: number) => {
    const counts: number[] = [];
    for (let cursor: string | undefined, pages = 0; pages < 20; pages++) {
      const page = await listAllCards(database.sql, { q, sort: "most_cited" }, { limit, cursor });
      counts.push(...page.items.map(({ attribution_count }) => attribution_count));
      if (page.next_cursor === null) return counts;
      cursor = page.next_cursor;
    }
    throw new Error("the list has no end");
  };
  const expected = [...Array.from({ length: 6 }, () => 40), 20, 9, 3, 0, 0];
  expect(await cited("of many", 2)).toEqual(expected);
  expect(await cited("of many", 5)).toEqual(expected);
  expect(await cited("of many", 200)).toEqual(expected);
});

test("an empty page goes on by itself, and by a link where no script runs, until the list is at its end", async () => {
  const first = await visitor.get("/admin/cards?q=straw");
  const [further] = select(first.html, "#list [hx-trigger=load]");
  const [link] = select(first.html, "#pager-next");
  expect(link?.text).toContain("Look further back");
  expect(further?.attributes["hx-get"]).toBe(link?.attributes.href);
  const second = await visitor.get((link?.attributes.href ?? "").replaceAll("&amp;", "&"));
  expect(select(second.html, "#list [hx-trigger=load]")).toEqual([]);
  expect(second.html).toContain("No card further back is like that");
});

test("an empty page behind one that had cards does not say that there are none", async () => {
  // All ten that have it stand among those that are looked through first, and older cards are left.
  const first = await visitor.get("/admin/cards?q=Hay%2C+1999");
  expect(select(first.html, "#list tbody tr").length).toBe(10);
  const [link] = select(first.html, "#pager-next");
  const second = await visitor.get((link?.attributes.href ?? "").replaceAll("&amp;", "&"));
  expect(select(second.html, "#list tbody tr")).toEqual([]);
  expect(second.html).toContain("No card further back is like that");
  expect(second.html).not.toContain("No card is like that");
});
