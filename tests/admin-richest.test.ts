// Accounts by their balance, from those with the highest ranks to those without any.

import { beforeAll, expect, test } from "bun:test";
import { RANK_MAX, rankOf } from "../src/admin/ranks.ts";
import { listAccounts } from "../src/admin/users-store.ts";
import { behindTheTriggers } from "./integrity-support.ts";
import { createTestDatabase, type TestDatabase } from "./support.ts";

const RANKED_FROM = 64;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  // Most have less than what a rank takes; several have the same.
  await behindTheTriggers(
    database.sql,
    `INSERT INTO users (username, email, role, is_active, extropy_balance, api_key_hash, api_key_prefix)
      SELECT 'rich' || n, 'rich' || n || '@example.org', CASE n % 60 WHEN 0 THEN 'auditor' ELSE 'member' END::user_role,
        n % 9 > 0, CASE WHEN n % 4 = 0 THEN (n / 3) ^ 2 ELSE n % 70 END, 'rich' || n, 'x'
      FROM generate_series(1, 400) n;
    INSERT INTO users (username, email, extropy_balance, api_key_hash, api_key_prefix)
      SELECT 'edge' || n, 'edge' || n || '@example.org', ${RANKED_FROM} * 2.0 ^ (n / 2) - CASE n % 2 WHEN 0 THEN 0.01 ELSE 0 END, 'edge' || n, 'x'
      FROM generate_series(0, 40) n`,
  );
});

test("pages in order of the balance leave out nobody", async () => {
  const { sql } = database;
  for (const filter of [{}, { role: "auditor" }, { role: "member" }, { active: false }, { q: "edge" }] as const) {
    const { role, active, q }: { role?: string; active?: boolean; q?: string } = filter;
    const expected = await sql<{ id: string }[]>`
      SELECT id FROM users WHERE (${role ?? null}::user_role IS NULL OR role = ${role ?? null}::user_role)
        AND (${active ?? null}::boolean IS NULL OR is_active = ${active ?? null}::boolean)
        AND starts_with(username, ${q ?? ""})
      ORDER BY extropy_balance DESC, id DESC`;
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { limit: number; cursor?: string } = { limit: 7, ...(cursor ? { cursor } : {}) };
      const { items, next_cursor }: Awaited<ReturnType<typeof listAccounts>> = await listAccounts(
        sql,
        { ...filter, sort: "-balance" },
        page,
      );
      found.push(...items.map(({ id }) => id));
      cursor = next_cursor;
    } while (cursor !== null);
    expect([filter, found]).toEqual([filter, expected.map(({ id }) => id)]);
  }
});

test("an account's rank is one more each time that its balance doubles, in the database as in the cursor", async () => {
  const accounts = await database.sql<{ balance: string; rank: number }[]>`
    SELECT extropy_balance AS balance, coalesce(balance_rank, 0) AS rank FROM users`;
  for (const { balance, rank } of accounts) {
    expect([balance, rankOf(Number(balance), RANKED_FROM)]).toEqual([balance, rank]);
  }
  expect(accounts.some(({ rank }) => rank === RANK_MAX)).toBe(true);
});

test("a payment writes into no index of accounts, unless it doubles the balance", async () => {
  const counts: unknown[] = [];
  const { sql } = database;
  await sql.begin(async tx => {
    await tx`SET LOCAL session_replication_role = replica`;
    for (const balance of ["128.00", "200.00", "255.99", "256.00"]) {
      await tx`UPDATE users SET extropy_balance = ${balance} WHERE username = 'rich1'`;
      const [row] = await tx`SELECT pg_stat_get_xact_tuples_hot_updated('users'::regclass)::float8 AS count`;
      counts.push(row?.count);
    }
  });
  // The first one gives it a rank, and the last one the next.
  expect(counts).toEqual([0, 1, 2, 2]);
});
