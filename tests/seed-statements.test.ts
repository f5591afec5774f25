// Statements that operators know from the first description of this schema, as they would type them into psql.

import { beforeAll, expect, test } from "bun:test";
import type { Sql } from "../src/db.ts";
import { refusalOf } from "./books-support.ts";
import { createTestDatabase } from "./support.ts";

let sql: Sql;
beforeAll(async () => {
  ({ sql } = await createTestDatabase());
});

const BALANCE_INTEGRITY = `
  SELECT u.id, u.username, u.extropy_balance AS current_balance,
    (SELECT balance_after FROM extropy_ledger WHERE user_id = u.id ORDER BY created_at DESC LIMIT 1) AS ledger_balance
  FROM users u
  WHERE u.extropy_balance != (
    SELECT COALESCE(balance_after, 0) FROM extropy_ledger WHERE user_id = u.id ORDER BY created_at DESC LIMIT 1)`;

test("a user is inserted with a balance, which may fall but not below zero", async () => {
  await sql`
    INSERT INTO users (username, email, api_key_hash, api_key_prefix, extropy_balance)
    VALUES ('test', 'test@example.com', 'hash123', 'ext_test', 100.00)`;
  await sql`UPDATE users SET extropy_balance = 50.00 WHERE username = 'test'`;
  const overdraw = async () => sql`UPDATE users SET extropy_balance = -10.00 WHERE username = 'test'`;
  expect(overdraw()).rejects.toThrow("Insufficient $EXTROPY balance");
});

test("an entry is inserted once for each idempotency key", async () => {
  const [user] = await sql`
    INSERT INTO users (username, email, api_key_hash, api_key_prefix)
    VALUES ('keys', 'keys@example.com', 'hash124', 'ext_test') RETURNING id`;
  const insert = async () => sql`
    INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, idempotency_key)
    VALUES (${user?.id}, 'publish_reward', 10.00, 0.00, 10.00, 'unique-key-123')`;
  await insert();
  expect(await refusalOf(insert())).toBe("23505");
});

test("the balance integrity query finds nobody", async () => {
  expect([...(await sql.unsafe(BALANCE_INTEGRITY))]).toEqual([]);
});

test("the views answer for one user and for one card, without multiplying anything", async () => {
  const [author] = await sql<{ id: string }[]>`SELECT id FROM users WHERE username = 'test'`;
  const [reader] = await sql<{ id: string }[]>`SELECT id FROM users WHERE username = 'keys'`;
  const card = (userId: string, hash: string) => sql<{ id: string }[]>`
    INSERT INTO cards (user_id, title, content, content_hash, privacy_level, is_published, published_at, extropy_earned)
    VALUES (${userId}, ${hash}, 'text', ${hash}, 'IDEAS', true, now(), 1.00) RETURNING id`;
  const cited = [...(await card(author?.id as string, "a")), ...(await card(author?.id as string, "b"))];
  const citing = [...(await card(reader?.id as string, "c")), ...(await card(reader?.id as string, "d"))];
  for (const source of cited) {
    for (const target of citing) {
      await sql`
        INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type,
          extropy_amount)
        VALUES (${source.id}, ${author?.id as string}, ${target.id}, ${reader?.id as string}, 'citation', 0.10)`;
    }
  }
  expect(await sql`SELECT * FROM user_balance_summary WHERE username = 'test'`).toMatchObject([
    {
      extropy_balance: "50.00",
      total_cards_published: "2",
      total_attributions_received: "4",
      total_extropy_from_cards: "2.40",
      total_transactions: "2",
    },
  ]);
  expect(await sql`SELECT * FROM card_attribution_analytics WHERE card_id = ${cited[0]?.id as string}`).toMatchObject([
    {
      attribution_count: 2,
      extropy_earned: "1.20",
      attribution_breakdown_count: "2",
      total_attribution_payments: "0.20",
    },
  ]);
  expect(await sql`SELECT * FROM recent_transactions WHERE user_id = ${author?.id as string} LIMIT 10`).toMatchObject([
    { transaction_type: "admin_adjustment" },
    { transaction_type: "initial_grant" },
  ]);
});

test("the schema names its version and the system account can't be used", async () => {
  const [row] = await sql`SELECT value FROM schema_metadata WHERE key = 'schema_version'`;
  expect(row?.value).toMatch(/^\d+\.\d+\.\d+$/);
  expect(
    await sql`SELECT email, display_name, api_key_prefix, extropy_balance, is_active FROM users WHERE username = 'system'`,
  ).toMatchObject([
    {
      email: "system@extrophi.local",
      display_name: "System Account",
      api_key_prefix: "ext_sys",
      extropy_balance: "0.00",
      is_active: false,
    },
  ]);
});
