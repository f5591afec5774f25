// What the tests of the books share: users in SQL, and the proof that the books balance.

import { expect } from "bun:test";
import { type Sql, sqlState } from "../src/db.ts";
import { checkInvariant, invariants } from "../src/ledger/invariants.ts";

/** A user made by a plain INSERT, as psql would; the balance becomes an initial_grant entry. */
export async function insertUser(sql: Sql, balance = "100.00"): Promise<string> {
  const name = `user-${crypto.randomUUID()}`;
  const [row] = await sql<{ id: string }[]>`
    INSERT INTO users (username, email, api_key_hash, api_key_prefix, extropy_balance)
    VALUES (${name}, ${`${name}@example.org`}, ${name}, 'ext_test', ${balance}) RETURNING id`;
  if (!row) throw new Error("no user was inserted");
  return row.id;
}

/** A published card made by a plain INSERT. */
export async function insertCard(sql: Sql, userId: string): Promise<string> {
  const [row] = await sql<{ id: string }[]>`
    INSERT INTO cards (user_id, content, content_hash, privacy_level, is_published, published_at)
    VALUES (${userId}, 'text', ${crypto.randomUUID()}, 'IDEAS', true, now()) RETURNING id`;
  if (!row) throw new Error("no card was inserted");
  return row.id;
}

/** The user's balance and the entries that explain it, in order. */
export async function bookOf(sql: Sql, userId: string) {
  const [user] = await sql<{ extropy_balance: string; entry_count: string; head_hash: string }[]>`
    SELECT extropy_balance, entry_count, head_hash FROM users WHERE id = ${userId}`;
  const entries = await sql<Record<string, string>[]>`
    SELECT * FROM extropy_ledger WHERE user_id = ${userId} ORDER BY user_seq`;
  return { balance: user?.extropy_balance, count: Number(user?.entry_count), head: user?.head_hash, entries };
}

/** Every invariant over the whole database, and every hash recomputed from its text. */
export async function expectBalancedBooks(sql: Sql): Promise<void> {
  for (const invariant of invariants) {
    expect({ name: invariant.name, ...(await checkInvariant(sql, invariant)) }).toEqual({
      name: invariant.name,
      violations: 0,
      examples: [],
    });
  }
  const wrong = await sql`
    SELECT id FROM extropy_ledger WHERE entry_hash <> sha256_hex(ledger_entry_text(prev_hash, id, user_id, user_seq,
      transaction_id, transaction_type, amount, balance_before, balance_after, card_id, attribution_id, reverses_id,
      idempotency_key, description, metadata, created_at))`;
  expect([...wrong]).toEqual([]);
}

/** The SQLSTATE with which the database refuses; fails where it does not. */
export async function refusalOf(work: PromiseLike<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return sqlState(error) ?? String(error);
  }
  throw new Error("it was not refused");
}
