// The overview's figures: sums of closed days and what came since, which must be what the ledger itself adds up to.

import { expect, test } from "bun:test";
import { OverviewFigures } from "../src/admin/overview-store.ts";
import { signedIn } from "./admin-page-support.ts";
import { makeWorld } from "./admin-support.ts";
import { createApi } from "./api-support.ts";
import { behindTheTriggers } from "./integrity-support.ts";
import { adjust } from "./operator-support.ts";
import { select } from "./page-support.ts";

const api = await createApi();
const { admin, writers } = await makeWorld(api);
const { sql } = api;

/** Dates all entries and accounts some days back, which only whoever owns the tables can do. */
function age(days: number): Promise<void> {
  const back = `- interval '${days} days'`;
  return behindTheTriggers(
    sql,
    `UPDATE extropy_ledger SET created_at = created_at ${back}; UPDATE users SET head_at = head_at ${back}`,
  );
}

async function expectRight() {
  const overview = await new OverviewFigures(sql).get();
  const [row] = await sql<{ issued: string; burned: string; held: string; entries: number }[]>`
    SELECT (SELECT sum(issued) FROM extropy_supply) AS issued, (SELECT sum(burned) FROM extropy_supply) AS burned,
      (SELECT sum(extropy_balance) FROM users) AS held, (SELECT count(*)::float8 FROM extropy_ledger) AS entries`;
  expect(overview.supply).toEqual({
    issued: row?.issued ?? "",
    burned: row?.burned ?? "",
    circulating: row?.held ?? "",
  });
  expect([overview.entries, overview.adds_up]).toEqual([row?.entries ?? 0, true]);
  return overview;
}

const closedDays = async () => (await sql`SELECT FROM ledger_days`).length;

test("figures are those of the ledger, whether its days are closed or not, and follow each new entry", async () => {
  await expectRight();
  expect(await closedDays()).toBe(0);
  await age(3);
  await expectRight();
  expect(await closedDays()).toBeGreaterThan(0);
  await adjust(api, admin, writers[0]?.id ?? "", { amount: "4.44" });
  await expectRight();
});

test("entries that came into closed days behind its back make the sums be made anew", async () => {
  await age(2);
  await expectRight();
  await sql`UPDATE ledger_days SET entries = entries + 1, supply = '{}'`;
  await expectRight();
});

test("what was counted is not counted again, and an entry that came behind that is noticed", async () => {
  const figures = new OverviewFigures(sql);
  await behindTheTriggers(sql, "UPDATE extropy_ledger SET created_at = created_at + interval '1 day'");
  const before = await figures.get();
  await adjust(api, admin, writers[0]?.id ?? "", { amount: "2.22" });
  await behindTheTriggers(
    sql,
    "UPDATE extropy_ledger SET created_at = created_at - interval '1 hour' WHERE id = (SELECT max(id) FROM extropy_ledger)",
  );
  const after = await figures.get();
  expect(after).toMatchObject({ entries: before.entries + 1, adds_up: true });
  expect(after.supply).toEqual((await expectRight()).supply);
});

test("several who ask at once get the same figures", async () => {
  await sql`DELETE FROM ledger_days`;
  const all = await Promise.all(Array.from({ length: 4 }, () => new OverviewFigures(sql).get()));
  expect(new Set(all.map(({ supply }) => JSON.stringify(supply))).size).toBe(1);
  expect(all.map(({ adds_up }) => adds_up)).toEqual([true, true, true, true]);
});

test("the page shows them, and how many of the days had what", async () => {
  const { get } = await signedIn(api, admin);
  const { html } = await get("/admin");
  const overview = await expectRight();
  expect(select(html, ".figures dd > span")[0]?.text).toBe(overview.supply.circulating);
  expect(overview.days).toHaveLength(30);
  const published = overview.days.reduce((sum, day) => sum + day.published, 0);
  expect(published).toBe(overview.cards);
});

test("a year that nobody has added up yet is added up behind a page that is there at once", async () => {
  const own = await createApi();
  const { admin } = await makeWorld(own);
  await behindTheTriggers(own.sql, "UPDATE extropy_ledger SET created_at = created_at - interval '300 days'");
  const { get, cookie } = await signedIn(own, admin);
  const { html } = await get("/admin");
  expect(select(html, "#figures[hx-get='/admin'][hx-trigger=load]")).toHaveLength(1);
  expect(select(html, ".figures")).toHaveLength(0);
  expect(select(html, "#latest")).toHaveLength(1);

  // What the page then asks for is answered when the figures are there.
  const headers = { cookie, "hx-request": "true" };
  const answer = await own.app.handle(new Request("http://localhost/admin", { headers }));
  expect(select(await answer.text(), "#figures .figures dd")).toHaveLength(6);
  expect(select((await get("/admin")).html, "#figures .figures dd")).toHaveLength(6);
});

test("books that don't add up are told of at once, and again", async () => {
  const own = await createApi();
  const { admin } = await makeWorld(own);
  const { get } = await signedIn(own, admin);
  await get("/admin");
  await behindTheTriggers(own.sql, "UPDATE users SET entry_count = entry_count + 1 WHERE role = 'auditor'");
  const alerts = async () => select((await get("/admin")).html, "#figures [role=alert]").map(({ text }) => text.trim());
  while ((await alerts()).length === 0) await Bun.sleep(20);
  expect((await alerts())[0]).toStartWith("The entries don't make the number that the accounts count.");
});
