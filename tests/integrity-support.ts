// What the tests of the integrity check share: books with everything in them, and ways to falsify them that
// only a superuser has.

import type { Sql, Tx } from "../src/db.ts";
import { checkIntegrity, type Integrity, type IntegrityOptions } from "../src/ledger/integrity/check.ts";
import { insertCard, insertUser } from "./books-support.ts";
import { createTestDatabase, type TestDatabase } from "./support.ts";

const opened: TestDatabase[] = [];

/** A database with all migrations and books in it; `dropBooks` drops it. */
export async function openBooks(): Promise<{ sql: Sql; url: string; books: Books }> {
  const database = await openEmpty();
  return { ...database, books: await fillBooks(database.sql) };
}

export async function openEmpty(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  opened.push(database);
  return database;
}

/** For afterEach: a server has few connections, and each of these databases holds some. */
export async function dropBooks(): Promise<void> {
  await Promise.all(opened.splice(0).map(database => database.drop()));
}

export type Books = { alice: string; bob: string; carol: string; cited: string; citing: string; attribution: string };

/** Three users with grants, a paid attribution of bob's card by alice, two transfers of which one is reversed, a penalty. */
async function fillBooks(sql: Sql): Promise<Books> {
  const [alice, bob, carol] = [await insertUser(sql), await insertUser(sql), await insertUser(sql, "5.00")];
  const [cited, citing] = [await insertCard(sql, bob), await insertCard(sql, alice)];
  const attribution = await cite(sql, { alice, bob, cited, citing });
  await transfer(sql, alice, bob, "1.00");
  const undone = await transfer(sql, bob, carol, "2.00");
  await reverse(sql, undone);
  await sql`INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
    SELECT id, 'penalty', -0.50, extropy_balance, extropy_balance - 0.50 FROM users WHERE id = ${alice}`;
  return { alice, bob, carol, cited, citing, attribution };
}

/** Alice's card cites bob's, and she pays 0.10 for it. */
async function cite(sql: Sql, { alice, bob, cited, citing }: Omit<Books, "carol" | "attribution">): Promise<string> {
  const id = crypto.randomUUID();
  await sql.begin(async tx => {
    await tx`
      INSERT INTO attributions (id, source_card_id, source_user_id, target_card_id, target_user_id, attribution_type,
        extropy_amount)
      VALUES (${id}, ${cited}, ${bob}, ${citing}, ${alice}, 'citation', 0.10)`;
    await tx`
      SELECT post_entries(ARRAY[
        ROW(${alice}::uuid, 'attribution_payment', -0.10, ${citing}::uuid, ${id}::uuid, ${id}::uuid, 1, NULL, NULL, 'Paid'),
        ROW(${bob}::uuid, 'attribution_received', 0.10, ${cited}::uuid, ${id}::uuid, ${id}::uuid, 2, NULL, NULL, 'Got')
      ]::ledger_posting[])`;
  });
  return id;
}

/** Returns the transaction_id. */
export async function transfer(sql: Sql | Tx, from: string, to: string, amount: string): Promise<string> {
  const id = crypto.randomUUID();
  await sql`
    SELECT post_entries(ARRAY[
      ROW(${from}::uuid, 'transfer_sent', -${amount}::numeric, NULL, NULL, ${id}::uuid, 1, NULL, NULL, 'Sent'),
      ROW(${to}::uuid, 'transfer_received', ${amount}::numeric, NULL, NULL, ${id}::uuid, 2, NULL, NULL, 'Received')
    ]::ledger_posting[])`;
  return id;
}

/** Posts the opposite of every leg, as the server does. */
export async function reverse(sql: Sql | Tx, transactionId: string): Promise<void> {
  await sql`
    SELECT post_entries(array_agg(ROW(user_id, 'reversal', -amount, card_id, attribution_id, ${crypto.randomUUID()}::uuid,
      leg, id, NULL, 'Reversal')::ledger_posting ORDER BY leg))
    FROM extropy_ledger WHERE transaction_id = ${transactionId}`;
}

/** Does what only a superuser can do who means harm, and puts the triggers back as they were. Sums are not checked either. */
export async function behindTheTriggers(sql: Sql, statements: string): Promise<void> {
  const tables = ["users", "cards", "attributions", "extropy_ledger"];
  await sql.begin(async tx => {
    for (const table of tables) await tx.unsafe(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
    await tx`ALTER TABLE extropy_ledger DROP CONSTRAINT IF EXISTS extropy_ledger_sound`;
    await tx.unsafe(statements);
    for (const table of tables) await tx.unsafe(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
    await tx.unsafe(`ALTER TABLE extropy_ledger ENABLE ALWAYS TRIGGER extropy_ledger_append_only,
      ENABLE ALWAYS TRIGGER extropy_ledger_no_truncate`);
  });
}

/** SQL that makes a user's chain and head right again after its entries were changed: what a careful forger does. */
export const rechain = (userId: string) => `
  DO $$
  DECLARE e record; before text := repeat('0', 64); balance numeric := 0; hash text; seq bigint := 0;
  BEGIN
    FOR e IN SELECT * FROM extropy_ledger WHERE user_id = '${userId}' ORDER BY user_seq LOOP
      UPDATE extropy_ledger SET prev_hash = before, balance_before = balance, balance_after = balance + amount
        WHERE id = e.id;
      SELECT sha256_hex(ledger_entry_text(prev_hash, id, user_id, user_seq, transaction_id, transaction_type, amount,
        balance_before, balance_after, card_id, attribution_id, reverses_id, idempotency_key, description, metadata,
        created_at)) INTO hash FROM extropy_ledger WHERE id = e.id;
      UPDATE extropy_ledger SET entry_hash = hash WHERE id = e.id;
      before := hash; balance := balance + e.amount; seq := e.user_seq;
    END LOOP;
    UPDATE users SET extropy_balance = balance, entry_count = seq, head_hash = before,
      head_at = (SELECT max(created_at) FROM extropy_ledger WHERE user_id = '${userId}') WHERE id = '${userId}';
  END $$;`;

export function checkFull(sql: Sql, options: Omit<IntegrityOptions, "full"> = {}): Promise<Integrity> {
  return checkIntegrity(sql, { full: true, ...options });
}

export function checkSince(sql: Sql, options: Omit<IntegrityOptions, "full"> = {}): Promise<Integrity> {
  return checkIntegrity(sql, { full: false, ...options });
}

/** What violates each invariant, by its name; those that hold are left out. */
export function violationsOf({ ok, invariants }: Integrity): Record<string, string[]> {
  const violated = invariants.filter(({ violations }) => violations > 0);
  if (ok !== (violated.length === 0)) throw new Error(`ok is ${ok} with ${violated.length} violated invariants`);
  return Object.fromEntries(
    violated.map(({ name, examples }) => [name, examples.map(({ offender, problem }) => `${offender}: ${problem}`)]),
  );
}
