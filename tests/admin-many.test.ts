// Lists of everybody's rows where there are more than a list looks at first: accounts with hundreds of cards, amounts
// that are not among the newest entries, cards with ranks. What they give is what brute force gives.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { AttributionAnalytics } from "../src/admin/analytics-store.ts";
import { listAllAttributions } from "../src/admin/attributions-store.ts";
import { listAllCards } from "../src/admin/cards-store.ts";
import { listAllEntries } from "../src/admin/ledger-store.ts";
import { rankOf } from "../src/admin/ranks.ts";
import type { Page, PageRequest } from "../src/cursor.ts";
import { insertUser } from "./books-support.ts";
import { behindTheTriggers } from "./integrity-support.ts";
import { createTestDatabase, type TestDatabase } from "./support.ts";

setDefaultTimeout(120_000);

/** More than are asked one by one. */
const CARDS = 320;
/** More than are looked through for those of one account. */
const ATTRIBUTIONS = 13_000;
/** More than are looked through for an amount. */
const ENTRIES = 2_600;

let database: TestDatabase;
let cited: string;
let citing: string;
let other: string;

beforeAll(async () => {
  database = await createTestDatabase();
  const { sql } = database;
  [cited, citing, other] = [await insertUser(sql), await insertUser(sql), await insertUser(sql)];
  await behindTheTriggers(
    sql,
    `INSERT INTO cards (user_id, title, content, content_hash, privacy_level, category, is_published, published_at,
        attribution_count, extropy_earned, public_url, slug, change_no)
      SELECT u.id, 'Title ' || n, 'text', md5(u.id || '-' || n) || repeat('0', 32), 'IDEAS',
        CASE n % 3 WHEN 0 THEN 'GRIT' ELSE 'PROGRAM' END, true, timestamptz '2026-01-01' + n * interval '1 minute',
        CASE WHEN n % 5 = 0 THEN n * 3 ELSE n % 7 END, CASE WHEN n % 4 = 0 THEN n / 2.0 ELSE 1 END,
        '/cards/' || u.no || '-' || n, u.no || '-' || n, n
      FROM unnest(ARRAY['${cited}', '${citing}', '${other}']::uuid[]) WITH ORDINALITY u (id, no), generate_series(1, ${CARDS}) n;
    -- The account 'other' is cited in the oldest third, with several of the same moment.
    INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type,
        extropy_amount, created_at, reversed_at)
      SELECT s.id, s.user_id, t.id, t.user_id, (ARRAY['citation', 'remix', 'reply', 'inspiration'])[1 + n % 4], 0.10,
        timestamptz '2026-02-01' + n / 3 * interval '1 second', CASE WHEN n % 97 = 0 THEN now() END
      FROM generate_series(1, ${ATTRIBUTIONS}) n
      JOIN cards s ON s.user_id = CASE WHEN n % 150 = 0 AND n < ${ATTRIBUTIONS} / 3 THEN '${other}'::uuid ELSE '${cited}' END
        AND s.change_no = 1 + n % ${CARDS}
      JOIN cards t ON t.user_id = '${citing}' AND t.change_no = 1 + n / ${CARDS} * 7 % ${CARDS};
    INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, created_at,
        transaction_id, leg, user_seq, prev_hash, entry_hash)
      SELECT '${other}', CASE WHEN n % 40 = 0 THEN 'bonus' ELSE 'publish_reward' END,
        CASE WHEN n % 400 = 0 THEN 7.77 WHEN n % 40 = 0 THEN 5.00 WHEN n < 300 AND n % 10 = 1 THEN 7.77 ELSE 1.00 END,
        0, 1, timestamptz '2026-01-01' + n / 2 * interval '1 minute', gen_random_uuid(), 1, 10 + n, repeat('0', 64),
        repeat('0', 64)
      FROM generate_series(1, ${ENTRIES}) n;
    ANALYZE cards, attributions, extropy_ledger`,
  );
});

/** All items of a list, read in pages. */
async function readAll<T>(limit: number, list: (page: PageRequest) => Promise<Page<T>>, pagesMax = 60): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < pagesMax; pages++) {
    const page = await list({ limit, cursor });
    items.push(...page.items);
    if (page.next_cursor === null) break;
    cursor = page.next_cursor;
  }
  return items;
}

const idsOf = (items: readonly { id: string }[]) => items.map(({ id }) => id);

test("attributions of accounts with many cards, whether they are among the newest or not", async () => {
  const { sql } = database;
  const filters = [
    { source_user: cited },
    { source_user: other },
    { target_user: citing },
    { target_user: other },
    { source_user: other, target_user: citing },
    { source_user: other, type: "reply" },
    { source_user: cited, reversed: "true" },
    { source_user: other, reversed: "true" },
    { source_user: cited, to: "2026-02-01T00:10:00Z" },
    { source_user: cited, from: "2026-02-01T01:00:00Z", reversed: "false" },
  ] as const;
  for (const filter of filters) {
    const { source_user, target_user, type, reversed, from, to }: Partial<Record<string, string>> = filter;
    const expected = await sql<{ id: string }[]>`
      SELECT id FROM attributions
      WHERE (${source_user ?? null}::uuid IS NULL OR source_user_id = ${source_user ?? null}::uuid)
        AND (${target_user ?? null}::uuid IS NULL OR target_user_id = ${target_user ?? null}::uuid)
        AND (${type ?? null}::text IS NULL OR attribution_type = ${type ?? null}::text)
        AND (${reversed ?? null}::text IS NULL OR (reversed_at IS NOT NULL) = (${reversed ?? null}::text = 'true'))
        AND created_at >= coalesce(${from ?? null}::timestamptz, '-infinity')
        AND created_at < coalesce(${to ?? null}::timestamptz, 'infinity')
      ORDER BY created_at DESC, id DESC LIMIT 400`;
    const found = await readAll(40, page => listAllAttributions(sql, filter, page), 10);
    expect([filter, idsOf(found)]).toEqual([filter, idsOf(expected)]);
  }
});

test("analytics of many attributions are not waited for, and there when they are made", async () => {
  const analytics = new AttributionAnalytics(database.sql, () => {});
  const [days, few] = [
    { from: "2026-02-01", to: "2026-02-03" },
    { from: "2026-01-30", to: "2026-02-01" },
  ];
  expect((await analytics.getSoon(few))?.totals.count).toBe(0);
  expect(await analytics.getSoon(days)).toBeUndefined();
  let made = await analytics.getSoon(days);
  while (made === undefined) {
    await Bun.sleep(20);
    made = await analytics.getSoon(days);
  }
  expect(made.totals).toEqual((await analytics.get(days)).totals);
  expect(made.totals.count).toBeGreaterThan(10_000);
});

test("entries of an amount, usual or not, of rare types or not, all or of an account", async () => {
  const { sql } = database;
  for (const filter of [
    { amount: "1.00" },
    { amount: "7.77" },
    { amount: "7.77", type: "publish_reward" },
    { amount: "7.77", type: "bonus" },
    { amount: "5.00", user: other },
    { amount: "7.77", user: other },
    { amount_min: "2.00" },
    { amount_max: "-1.00" },
    { amount_min: "6.00", amount_max: "9.00", to: "2026-01-01T20:00:00Z" },
    { amount: "7.77", from: "2026-01-01T00:20:00Z", to: "2026-01-01T10:00:00Z" },
  ] as const) {
    const { amount, amount_min, amount_max, type, user, from, to }: Partial<Record<string, string>> = filter;
    const expected = await sql<{ id: string }[]>`
      SELECT id FROM extropy_ledger
      WHERE amount >= coalesce(${amount ?? amount_min ?? null}::decimal, -99999)
        AND amount <= coalesce(${amount ?? amount_max ?? null}::decimal, 99999)
        AND (${type ?? null}::text IS NULL OR transaction_type = ${type ?? null}::text)
        AND (${user ?? null}::uuid IS NULL OR user_id = ${user ?? null}::uuid)
        AND created_at >= coalesce(${from ?? null}::timestamptz, '-infinity')
        AND created_at < coalesce(${to ?? null}::timestamptz, 'infinity')
      ORDER BY created_at DESC, id DESC LIMIT 140`;
    const found = await readAll(7, page => listAllEntries(sql, filter, page), 20);
    expect([filter, idsOf(found)]).toEqual([filter, idsOf(expected)]);
  }
});

test("cards that are cited or earn most, from those with the highest ranks to those without any", async () => {
  const { sql } = database;
  for (const filter of [{}, { category: "GRIT" }, { status: "published" }, { status: "withdrawn" }] as const) {
    for (const [sort, column] of [
      ["most_cited", "attribution_count"],
      ["most_earned", "extropy_earned"],
    ] as const) {
      const { category, status }: Partial<Record<string, string>> = filter;
      const expected = await sql<{ id: string }[]>`
        SELECT id FROM cards WHERE (${category ?? null}::text IS NULL OR category = ${category ?? null}::text)
          AND (${status ?? null}::text IS NULL OR is_published = (${status ?? null}::text = 'published'))
        ORDER BY ${sql(column)} DESC, id DESC`;
      const found = await readAll(30, page => listAllCards(sql, { ...filter, sort }, page));
      expect([filter, sort, idsOf(found)]).toEqual([filter, sort, idsOf(expected)]);
    }
  }
});

test("a card's rank is one more each time that its number doubles, in the database as in the cursor", async () => {
  const cards = await database.sql<{ cited: number; cited_rank: number; earned: string; earned_rank: number }[]>`
    SELECT attribution_count AS cited, coalesce(citation_rank, 0) AS cited_rank, extropy_earned AS earned,
      coalesce(earning_rank, 0) AS earned_rank
    FROM cards`;
  for (const { cited, cited_rank, earned, earned_rank } of cards) {
    expect([cited, rankOf(cited, 8)]).toEqual([cited, cited_rank]);
    expect([earned, rankOf(Number(earned), 4)]).toEqual([earned, earned_rank]);
  }
  expect([7, 8, 15, 16, 2 ** 20, 2 ** 20 - 1, 2 ** 30].map(value => rankOf(value, 8))).toEqual([
    0, 1, 1, 2, 18, 17, 18,
  ]);
});

test("a payment writes into no index of cards, unless it doubles the number", async () => {
  const counts = await database.sql.begin(async tx => {
    const countIndexless = async (count: number) => {
      await tx`UPDATE cards SET attribution_count = ${count} WHERE user_id = ${other} AND change_no = 7`;
      const [row] = await tx<{ count: number }[]>`
        SELECT pg_stat_get_xact_tuples_hot_updated('cards'::regclass)::float8 AS count`;
      return row?.count;
    };
    return [await countIndexless(16), await countIndexless(17), await countIndexless(31), await countIndexless(32)];
  });
  // The first one gives it a rank, and the last one the next.
  expect(counts).toEqual([0, 1, 2, 2]);
});
