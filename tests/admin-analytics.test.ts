// Analytics of attributions against brute force: what counts, which days, and that an old report says how old it is.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Analytics, DAYS_MAX, lastDays } from "../src/admin/analytics-model.ts";
import { AttributionAnalytics } from "../src/admin/analytics-store.ts";
import { sumAmounts } from "../src/money.ts";
import { makeWorld, type World } from "./admin-support.ts";
import { type Api, createApi, newCard } from "./api-support.ts";

setDefaultTimeout(60_000);

const PATH = "/api/admin/analytics/attributions";

let api: Api;
let world: World;
beforeAll(async () => {
  api = await createApi();
  world = await makeWorld(api);
  // Over some days of the past, the evening of one and the first moment of another among them.
  const times = ["2026-03-01T00:00:00Z", "2026-03-01T23:59:59.999999Z", "2026-03-02T00:00:00Z", "2026-03-20T12:00:00Z"];
  for (const [no, id] of world.attributions.entries()) {
    await api.sql`UPDATE attributions SET created_at = ${times[no % times.length] ?? ""} WHERE id = ${id}`;
  }
});

async function get(query: Record<string, string> = {}, key = world.auditor.key): Promise<Analytics> {
  const { status, body, text } = await api.call<Analytics>("GET", `${PATH}?${new URLSearchParams(query)}`, { key });
  if (status !== 200) throw new Error(text);
  return body;
}

type Standing = {
  created_at: string;
  attribution_type: string;
  extropy_amount: string;
  source_card_id: string;
  source_user_id: string;
  target_user_id: string;
};

/** Of the attributions that stand within the time: the count and amount of each group, the largest first. */
async function bruteForce(from: string, to: string, groupOf: (row: Standing) => string) {
  const rows = await api.sql<Standing[]>`
    SELECT * FROM attributions WHERE reversed_at IS NULL AND created_at >= ${from} AND created_at < ${to}`;
  return [...Map.groupBy(rows, groupOf)]
    .map(([group, members]) => ({
      group,
      count: members.length,
      amount: sumAmounts(members.map(({ extropy_amount }) => extropy_amount)),
    }))
    .sort((a, b) => Number(b.amount) - Number(a.amount) || b.count - a.count || (a.group < b.group ? -1 : 1));
}

describe("the figures of a time", () => {
  test.each([
    ["2026-03-01", "2026-03-02"],
    ["2026-03-02", "2026-03-21"],
    ["2026-02-01", "2026-04-01"],
    ["2026-03-03", "2026-03-04"],
  ])("are those of brute force: %s to %s", async (from, to) => {
    const found = await get({ from, to });
    const brute = (groupOf: (row: Standing) => string) => bruteForce(`${from}T00:00:00Z`, `${to}T00:00:00Z`, groupOf);
    const top = <T extends { count: number; amount: string }>(figures: readonly T[], nameOf: (figure: T) => string) =>
      figures.map(figure => ({ group: nameOf(figure), count: figure.count, amount: figure.amount }));
    expect(top(found.top_cards, ({ card }) => card.id)).toEqual(
      (await brute(({ source_card_id }) => source_card_id)).slice(0, 20),
    );
    expect(top(found.top_authors, ({ author }) => author.id)).toEqual(await brute(row => row.source_user_id));
    expect(top(found.flows, ({ payer, payee }) => `${payer.id} ${payee.id}`)).toEqual(
      await brute(row => `${row.target_user_id} ${row.source_user_id}`),
    );
    const days = found.days.flatMap(({ day, by_type }) =>
      Object.entries(by_type).map(([type, figure]) => ({ group: `${day} ${type}`, ...figure })),
    );
    const byName = (a: { group: string }, b: { group: string }) => (a.group < b.group ? -1 : 1);
    expect(days.sort(byName)).toEqual(
      (await brute(row => `${row.created_at.slice(0, 10)} ${row.attribution_type}`)).sort(byName),
    );
    expect(found.totals).toEqual({
      count: days.reduce((sum, { count }) => sum + count, 0),
      amount: sumAmounts(days.map(({ amount }) => amount)),
    });
    expect(found).toMatchObject({ from: `${from}T00:00:00.000000Z`, to: `${to}T00:00:00.000000Z` });
  });

  test("are of whole days, whatever moments of them are named", async () => {
    expect(await get({ from: "2026-03-01T18:00:00Z", to: "2026-03-01T20:00:00Z" })).toMatchObject({
      from: "2026-03-01T00:00:00.000000Z",
      to: "2026-03-02T00:00:00.000000Z",
    });
  });

  test("are of the last thirty days unless a time is said, today included", async () => {
    const writer = await api.register();
    const card = await api.publishCard(writer.key);
    const body = { source_card_id: world.cards[1]?.[2], target_card_id: card.id, attribution_type: "remix" };
    expect((await api.call("POST", "/api/attributions", { key: writer.key, body })).status).toBe(201);
    const found = await get();
    expect(Date.parse(found.to) - Date.parse(found.from)).toBe(30 * 86_400_000);
    expect(Date.parse(found.to)).toBeGreaterThan(Date.now());
    expect(found.flows).toContainEqual(
      expect.objectContaining({ payer: expect.objectContaining({ id: writer.id }), count: 1, amount: "0.50" }),
    );
  });

  test("show nothing of a card that is withdrawn", async () => {
    const [one, two] = [await api.register(), await api.register()];
    const cited = await api.publishCard(one.key, newCard({ title: "A title of before" }));
    const citing = await api.publishCard(two.key);
    const body = { source_card_id: cited.id, target_card_id: citing.id, attribution_type: "reply" };
    await api.call("POST", "/api/attributions", { key: two.key, body });
    await api.sql`UPDATE attributions SET created_at = '2025-01-01T00:00:00Z' WHERE source_card_id = ${cited.id}`;
    expect(JSON.stringify(await get({ from: "2025-01-01", to: "2025-01-02" }))).toContain("A title of before");
    await api.sql`UPDATE attribution_reports SET duration_ms = 5000 WHERE from_day = '2025-01-01'`;
    await api.call("DELETE", `/api/cards/${cited.id}`, { key: one.key });
    const { top_cards } = await get({ from: "2025-01-01", to: "2025-01-02" });
    expect(top_cards).toMatchObject([{ card: { id: cited.id, title: null, slug: null, withdrawn: true } }]);
  });

  test("leave out what was reversed", async () => {
    const { totals } = await get({ from: "2026-03-19", to: "2026-03-21" });
    await api.sql`
      UPDATE attributions SET reversed_at = now() WHERE id = (
        SELECT id FROM attributions WHERE created_at = '2026-03-20T12:00:00Z' AND reversed_at IS NULL LIMIT 1)`;
    await api.sql`DELETE FROM attribution_reports`;
    expect((await get({ from: "2026-03-19", to: "2026-03-21" })).totals.count).toBe(totals.count - 1);
  });
});

describe("a report that takes long to make", () => {
  const days = { from: "2024-05-01", to: "2024-05-10" };
  const remember = (age: string, duration_ms: number) => api.sql`
    INSERT INTO attribution_reports (from_day, to_day, as_of, duration_ms, report)
    VALUES (${days.from}, ${days.to}, now() - ${age}::interval, ${duration_ms}, ${api.sql.json({
      totals: { count: 7, amount: "0.70" },
      top_cards: [],
      top_authors: [],
      flows: [],
      days: [],
    })})
    ON CONFLICT (from_day, to_day) DO UPDATE SET as_of = excluded.as_of, duration_ms = excluded.duration_ms,
      report = excluded.report`;

  test("is remembered for a minute, and says of which moment it is", async () => {
    await remember("30 seconds", 2000);
    const { as_of, totals } = await get(days);
    expect(totals.count).toBe(7);
    expect(Date.now() - Date.parse(as_of)).toBeGreaterThan(29_000);
  });

  test("is shown as it was, once more, while a newer one is made", async () => {
    await remember("2 minutes", 2000);
    expect((await get(days)).totals.count).toBe(7);
    // One that is made while nobody waits replaces the old one.
    while ((await get(days)).totals.count === 7) await Bun.sleep(20);
  });

  test("is as old as twenty times what it takes before it is made anew", async () => {
    await remember("9 minutes", 30_000);
    expect((await get(days)).totals.count).toBe(7);
    await Bun.sleep(100);
    expect((await get(days)).totals.count).toBe(7);
  });

  test("is never shown when it is more than two hours old", async () => {
    await remember("119 minutes", 2000);
    expect((await get(days)).totals.count).toBe(7);
    await remember("121 minutes", 2000);
    expect((await get(days)).totals.count).toBe(0);
  });

  test("is made for every answer where it is quick", async () => {
    await remember("1 second", 100);
    const { as_of, totals } = await get(days);
    expect(totals.count).toBe(0);
    expect(Date.now() - Date.parse(as_of)).toBeLessThan(30_000);
  });

  test("is forgotten after a week in which nobody made it", async () => {
    await remember("8 days", 2000);
    await api.sql`UPDATE attribution_reports SET from_day = '2024-04-01' WHERE from_day = ${days.from}`;
    await remember("2 minutes", 2000);
    await get(days);
    const isKept = async () =>
      (await api.sql`SELECT FROM attribution_reports WHERE from_day = '2024-04-01'`).length > 0;
    while (await isKept()) await Bun.sleep(20);
  });
});

test("the times that are asked for most are made before somebody asks", async () => {
  const own = await createApi();
  const reports = new AttributionAnalytics(own.sql, () => {});
  const range = lastDays(30, Date.now());
  const remember = (age: string) => own.sql`
    INSERT INTO attribution_reports (from_day, to_day, as_of, duration_ms, report)
    VALUES (${range.from}, ${range.to}, now() - ${age}::interval, 5000, '{}')
    ON CONFLICT (from_day, to_day) DO UPDATE SET as_of = excluded.as_of, duration_ms = excluded.duration_ms`;
  const ageMs = async () =>
    (
      await own.sql<
        { age: number }[]
      >`SELECT extract(epoch FROM now() - as_of)::float8 * 1000 AS age FROM attribution_reports`
    )[0]?.age;
  await remember("59 minutes");
  await reports.keepReady();
  expect(await ageMs()).toBeGreaterThan(3_500_000);
  await remember("61 minutes");
  await reports.keepReady();
  expect(await ageMs()).toBeLessThan(60_000);
});

describe("a time that makes no sense", () => {
  test.each([
    ["from=yesterday", "/from"],
    ["from=", "/from"],
    ["to=2026-13-01", "/to"],
    ["from=2026-03-02&to=2026-03-02", "/to"],
    ["from=2026-03-02&to=2026-03-01", "/to"],
    ["from=2026-03-01T18:00:00Z&to=2026-03-01T12:00:00Z", "/to"],
    ["from=0000-01-01", "/from"],
    ["to=0001-01-01", "/to"],
    ["to=9999-12-31T23:59:59.999999Z", "/to"],
    ["from=9999-12-31", "/to"],
    ["days=3", "/days"],
    ["from=2026-01-01&from=2026-01-02", "/from"],
  ])("is 422: %s", async (query, pointer) => {
    const { status, body } = await api.call("GET", `${PATH}?${query}`, { key: world.admin.key });
    expect([status, body.errors?.[0]?.pointer]).toEqual([422, pointer]);
  });

  test(`is longer than ${DAYS_MAX} days`, async () => {
    const call = (to: string) => api.call("GET", `${PATH}?from=2024-01-01&to=${to}`, { key: world.admin.key });
    expect((await call("2025-01-01")).status).toBe(200);
    expect((await call("2025-01-02")).status).toBe(422);
    expect((await call("2025-01-01T00:00:01Z")).status).toBe(422);
  });

  test("and is not read by members and strangers", async () => {
    expect((await api.call("GET", PATH, { key: world.writers[0]?.key })).status).toBe(403);
    expect((await api.call("GET", PATH)).status).toBe(401);
  });
});
