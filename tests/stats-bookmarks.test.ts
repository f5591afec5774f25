// Statistics of long ledgers: added up from a bookmark on, and the same as if they were added up from the first entry.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { SCOPES } from "../src/auth/scopes.ts";
import { createPool } from "../src/db.ts";
import type { Stats } from "../src/ledger/model.ts";
import { getStats } from "../src/ledger/stats-store.ts";
import { type Api, createApi, type Member } from "./api-support.ts";

setDefaultTimeout(60_000);

let api: Api;
let member: Member;
beforeAll(async () => {
  api = await createApi({ INITIAL_GRANT: "1.00" });
  member = await api.register();
});

/** Posts bonuses and, every seventh, a penalty. */
async function post(entries: number): Promise<void> {
  await api.sql`
    SELECT post_entries(array_agg(ROW(${member.id}::uuid, CASE WHEN n % 7 = 0 THEN 'penalty' ELSE 'bonus' END,
      CASE WHEN n % 7 = 0 THEN -0.03 ELSE 0.01 * (n % 5 + 1) END, NULL, NULL, uuid_v7(), 1, NULL, NULL, NULL
    )::ledger_posting ORDER BY n)) FROM generate_series(1, ${entries}::integer) n`;
}

async function stats(): Promise<Stats> {
  return (await api.call<Stats>("GET", "/api/stats", { key: member.key })).body;
}

async function bruteForce() {
  const [row] = await api.sql`
    SELECT u.extropy_balance AS balance, sum(l.amount) FILTER (WHERE l.amount > 0) AS earned,
      -sum(l.amount) FILTER (WHERE l.amount < 0) AS spent, sum(l.amount) AS net,
      (SELECT jsonb_object_agg(transaction_type, jsonb_build_object('count', count, 'sum', sum::text)) FROM (
        SELECT transaction_type, count(*), sum(amount) FROM extropy_ledger WHERE user_id = u.id GROUP BY 1) t) AS by_type
    FROM users u JOIN extropy_ledger l ON l.user_id = u.id WHERE u.id = ${member.id} GROUP BY u.id`;
  return row;
}

const bookmark = async () =>
  (await api.sql<{ user_seq: string }[]>`SELECT user_seq FROM stats_bookmarks WHERE user_id = ${member.id}`)[0]
    ?.user_seq;

test("a bookmark is set after a thousand entries, and moves when there are as many again", async () => {
  await post(998);
  expect(await stats()).toEqual((await bruteForce()) as Stats);
  expect(await bookmark()).toBeUndefined();
  await post(1);
  const all = await Promise.all([stats(), stats(), stats()]);
  for (const each of all) expect(each).toEqual((await bruteForce()) as Stats);
  expect(await bookmark()).toBe("1000");
  await post(20);
  expect(await stats()).toEqual((await bruteForce()) as Stats);
  expect(await bookmark()).toBe("1000");
  await post(980);
  expect(await stats()).toEqual((await bruteForce()) as Stats);
  expect(await bookmark()).toBe("2000");
  expect(await stats()).toEqual((await bruteForce()) as Stats);
});

test("a bookmark of another past than the ledger's is not believed", async () => {
  await api.sql`
    UPDATE stats_bookmarks SET entry_hash = ${"f".repeat(64)}, totals = '[{"type": "bonus", "count": 1, "earned": "1", "spent": "0"}]'
    WHERE user_id = ${member.id}`;
  expect(await stats()).toEqual((await bruteForce()) as Stats);
});

test("a database that is only read answers all the same", async () => {
  await api.sql`DELETE FROM stats_bookmarks`;
  const url = new URL(api.url);
  url.searchParams.set("default_transaction_read_only", "on");
  const replica = createPool(url.href, { max: 1 });
  const [user] = await api.sql<
    { keyId: string }[]
  >`SELECT account_key_id AS "keyId" FROM users WHERE id = ${member.id}`;
  const caller = { userId: member.id, keyId: user?.keyId ?? "", isAccountKey: true, scopes: new Set(SCOPES) };
  expect(await getStats(replica, caller)).toEqual((await bruteForce()) as Stats);
  expect(await bookmark()).toBeUndefined();
  await replica.end({ timeout: 1 });
});
