// What admin pages touch in the database does not grow with it: every statement of every page is explained in two demos,
// of which one is ten times as large, and the blocks that its plans read are counted. Times depend on the machine, blocks
// on nothing but plans and rows.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { listPlaces, type Place } from "../bench/pages/places.ts";
import { readConfig } from "../src/config.ts";
import type { Sql } from "../src/db.ts";
import { seedDemo } from "../src/demo/seed.ts";
import { Progress } from "../src/progress.ts";
import { signedIn, type Visitor } from "./admin-page-support.ts";
import { createApi } from "./api-support.ts";
import { select } from "./page-support.ts";
import { createServerPool, createTestDatabase } from "./support.ts";

setDefaultTimeout(240_000);

const SMALL = { users: 40, entries: 4_000 };
const LARGE = { users: 400, entries: 40_000 };

/** Pages that look at all of something, and say so in docs/admin-pages.md. */
const LOOKING_AT_ALL = new Set([
  // What the last two days have, of which there is ten times as much.
  "overview",
  // Where too few cards have ranks.
  "cards, most earned of a category",
]);

/** What reads more until it comes to a limit of its own, with the most blocks that it reads then. */
const LIMITED: Readonly<Record<string, number>> = {
  // 300 cards, and the attributions among them.
  "graph, the most cited": 3_000,
  "graph, the most cited, 2 steps": 6_000,
  // Each of 300 cards, or the newest 12,000 attributions.
  "attributions, remixes of the busiest": 3_500,
  "attributions, of the busiest's cards": 3_500,
  "user, the busiest": 3_500,
  "user, who cites most": 3_500,
  // As far back in the account as a page of the amount needs.
  "ledger, a usual amount of the busiest": 1_500,
};

/** Pages may read so many blocks more than in the small database; the ledger alone has 1,700 of them in the large one. */
const MORE_BLOCKS_MAX = 600;

type Statement = { text: string; parameters: unknown[] };
type Demo = { sql: Sql; visitor: Visitor; places: Place[]; statements: Statement[] };

let small: Demo;
let large: Demo;

beforeAll(async () => {
  [small, large] = [await makeDemo(SMALL), await makeDemo(LARGE)];
});

async function makeDemo(size: { users: number; entries: number }): Promise<Demo> {
  const { url, sql } = await createTestDatabase();
  const progress = new Progress({ write: () => {}, isTerminal: false, now: () => 0 });
  await seedDemo(url, readConfig({ BCRYPT_COST: "4" }), { ...size, seed: 1, untilMs: Date.now(), keys: 0 }, progress);
  const statements: Statement[] = [];
  const pool = createServerPool(url);
  pool.options.debug = (_connection, text, parameters) => void statements.push({ text, parameters });
  const api = await createApi({}, { sql, url, pool });
  const visitor = await signedIn(api, await api.createAdmin());
  return { sql, visitor, places: await listPlaces(sql), statements };
}

/** The blocks that a page's statements read. */
async function blocksOfPage({ sql, visitor, statements }: Demo, path: string): Promise<number> {
  // The first visit closes days, keeps reports and asks the driver's own questions.
  await visitor.get(path);
  statements.length = 0;
  const { status } = await visitor.get(path);
  expect([path, [200, 303].includes(status)]).toEqual([path, true]);
  const asked = statements
    .splice(0)
    .filter(({ text }) => /^\s*(SELECT|WITH)\b/i.test(text) && !/set_config/.test(text));
  expect([path, asked.length > 0]).toEqual([path, true]);
  let blocks = 0;
  for (const { text, parameters } of asked) blocks += await blocksOf(sql, text, parameters);
  return blocks;
}

type Plan = { Plan: Record<"Shared Hit Blocks" | "Shared Read Blocks", number> };

async function blocksOf(sql: Sql, text: string, parameters: unknown[]): Promise<number> {
  const [row] = await sql.begin(async tx => {
    await tx`SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
      set_config('max_parallel_workers_per_gather', '0', true)`;
    return tx.unsafe<{ "QUERY PLAN": [Plan] }[]>(
      `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ${text}`,
      parameters as never[],
    );
  });
  const plan = row?.["QUERY PLAN"][0].Plan;
  return (plan?.["Shared Hit Blocks"] ?? 0) + (plan?.["Shared Read Blocks"] ?? 0);
}

test("no page reads more because there is more", async () => {
  const grown: string[] = [];
  for (const [no, { name, path }] of large.places.entries()) {
    // Not even visited: what it goes on adding up would count for the page after it.
    if (LOOKING_AT_ALL.has(name)) continue;
    const [few, many] = [await blocksOfPage(small, small.places[no]?.path ?? ""), await blocksOfPage(large, path)];
    if (many > (LIMITED[name] ?? 2 * few + MORE_BLOCKS_MAX)) grown.push(`${name}: ${few} blocks, then ${many}`);
  }
  expect(grown).toEqual([]);
});

test("a payment is found by amount and day without looking at other days", async () => {
  const place = large.places.find(({ name }) => name === "ledger, a rare amount and its day");
  const shown = await large.visitor.get(place?.path ?? "");
  expect(select(shown.html, "#list tbody tr").length).toBeGreaterThan(0);
  expect(await blocksOfPage(large, place?.path ?? "")).toBeLessThan(200);
});
