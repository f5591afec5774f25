// The integrity check finds every way in which the books can be wrong, names it, and finds nothing else.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import type { Sql } from "../src/db.ts";
import { RULES } from "../src/ledger/invariants.ts";
import { insertUser } from "./books-support.ts";
import {
  type Books,
  behindTheTriggers,
  checkFull,
  dropBooks,
  openBooks,
  openEmpty,
  rechain,
  reverse,
  transfer,
  violationsOf,
} from "./integrity-support.ts";

setDefaultTimeout(60_000);
afterEach(dropBooks);

test("a clean database: every invariant holds, with the supply, a count of entries and a root that stays", async () => {
  const { sql } = await openBooks();
  const result = await checkFull(sql);
  expect(result).toMatchObject({ ok: true, full: true, entries_checked: 12, recorded: true });
  expect(result.invariants).toEqual(RULES.map(({ name }) => ({ name, violations: 0, examples: [] })));
  expect(result.supply).toEqual({
    issued: "205.00",
    burned: "0.50",
    circulating: "204.50",
    by_type: {
      initial_grant: { issued: "205.00", burned: "0.00", entries: 3 },
      penalty: { issued: "0.00", burned: "0.50", entries: 1 },
    },
  });
  expect(await checkFull(sql, { connections: 1 })).toEqual({ ...result, checked_at: expect.any(String) });
  expect(await checkFull(sql, { stretch: 2, connections: 3 })).toEqual({ ...result, checked_at: expect.any(String) });
});

test("an empty database is clean", async () => {
  const { sql } = await openEmpty();
  expect(await checkFull(sql)).toMatchObject({ ok: true, entries_checked: 0, supply: { issued: "0.00", by_type: {} } });
});

test("the root is the SHA-256 of all heads in the documented form, however the tables lie on the disk", async () => {
  const { sql } = await openBooks();
  const heads = await sql<{ id: string; entry_count: string; head_hash: string }[]>`
    SELECT id, entry_count, head_hash FROM users WHERE entry_count > 0`;
  const lines = heads.map(({ id, entry_count, head_hash }) => `${id} ${entry_count} ${head_hash}\n`).sort();
  const root = new Bun.CryptoHasher("sha256").update(`extropy-root/1\n${lines.join("")}`).digest("hex");
  expect((await checkFull(sql)).root).toBe(root);
  await sql`CLUSTER extropy_ledger USING extropy_ledger_transaction_leg`;
  await sql`CLUSTER users USING users_username`;
  expect(await checkFull(sql)).toMatchObject({ ok: true, root });
});

test("a user without entries may come and go", async () => {
  const { sql } = await openBooks();
  const { root } = await checkFull(sql);
  const id = await insertUser(sql, "0.00");
  expect(await checkFull(sql)).toMatchObject({ ok: true, root });
  await sql`DELETE FROM users WHERE id = ${id}`;
  expect(await checkFull(sql, { expect: root })).toMatchObject({ ok: true, root });
});

const user = (id: string) => `user_id = '${id}'`;
const legOf = (books: Books, type: string) =>
  `(SELECT id FROM extropy_ledger WHERE ${user(books.alice)} AND transaction_type = '${type}')`;

/** Each entry: what was done, the statements, and what must be found, by invariant; nothing else may be. */
const forgeries: [string, (books: Books) => string, Record<string, RegExp>][] = [
  [
    "a balance that was written",
    ({ carol }) => `UPDATE users SET extropy_balance = 500 WHERE id = '${carol}'`,
    {
      balances: /balance 500\.00, sum of amounts 5\.00; balance 500\.00, last balance_after 5\.00$/,
      supply: /is 699\.50; issued 205\.00/,
    },
  ],
  [
    "nothing that the rows themselves could show: a grant raised, and balances and hashes after it made to fit",
    ({ carol }) => `UPDATE extropy_ledger SET amount = 500 WHERE ${user(carol)} AND user_seq = 1; ${rechain(carol)}`,
    {},
  ],
  [
    "an entry that was deleted, which leaves a gap",
    ({ bob }) => `DELETE FROM extropy_ledger WHERE ${user(bob)} AND user_seq = 1`,
    {
      balances: /sum of amounts 1\.10; entry_count 5, entries 4/,
      chain: /user_seq 2 follows 0; balance_before 100\.00 follows balance_after 0\.00; prev_hash/,
      supply: /issued 105\.00/,
    },
  ],
  [
    "the last entry that was removed",
    ({ alice }) => `DELETE FROM extropy_ledger WHERE ${user(alice)} AND transaction_type = 'penalty'`,
    {
      balances:
        /balance 98\.40, sum of amounts 98\.90; .*last balance_after 98\.90; entry_count 4, entries 3; head_hash/,
      supply: /issued 205\.00, burned 0\.00/,
    },
  ],
  [
    "an entry whose amount was changed",
    ({ carol }) => `UPDATE extropy_ledger SET amount = 6 WHERE ${user(carol)} AND user_seq = 1`,
    {
      balances: /balance 5\.00, sum of amounts 6\.00/,
      chain: /0\.00 and 6\.00 do not make 5\.00/,
      hashes: /the text makes/,
      supply: /issued 206\.00/,
    },
  ],
  [
    "a hash that was forged",
    ({ carol }) => `UPDATE extropy_ledger SET entry_hash = repeat('a', 64) WHERE ${user(carol)} AND user_seq = 1`,
    { hashes: /entry_hash is a{64}/, chain: /prev_hash is not the hash before it/ },
  ],
  [
    "a text that was changed",
    ({ alice }) => `UPDATE extropy_ledger SET description = 'Gift' WHERE ${user(alice)} AND user_seq = 2`,
    { hashes: /entry_hash is [0-9a-f]{64}, the text makes [0-9a-f]{64}/ },
  ],
  [
    "a time that no clock shows",
    ({ carol }) => `UPDATE extropy_ledger SET created_at = '-infinity' WHERE ${user(carol)} AND user_seq = 1`,
    { hashes: /the text makes/ },
  ],
  [
    "a hash that is that of the text, but not the one that the next entry names",
    ({ carol }) => `
      UPDATE extropy_ledger SET description = 'Gift' WHERE ${user(carol)} AND user_seq = 1;
      UPDATE extropy_ledger SET entry_hash = sha256_hex(ledger_entry_text(prev_hash, id, user_id, user_seq, transaction_id,
        transaction_type, amount, balance_before, balance_after, card_id, attribution_id, reverses_id, idempotency_key,
        description, metadata, created_at)) WHERE ${user(carol)} AND user_seq = 1`,
    { chain: /prev_hash is not the hash before it/ },
  ],
  [
    "a canonical form that the database changed for itself",
    ({ carol }) => `
      CREATE OR REPLACE FUNCTION ledger_entry_text(prev_hash varchar, id bigint, user_id uuid, user_seq bigint,
        transaction_id uuid, transaction_type varchar, amount numeric, balance_before numeric, balance_after numeric,
        card_id uuid, attribution_id uuid, reverses_id bigint, idempotency_key varchar, description text, metadata jsonb,
        created_at timestamptz) RETURNS text LANGUAGE sql STABLE AS 'SELECT prev_hash || id';
      ${rechain(carol)}`,
    { hashes: /entry \d+ of user/ },
  ],
  [
    "a payment whose other leg is gone",
    ({ carol, alice }) => `
      INSERT INTO extropy_ledger (id, user_id, transaction_type, amount, balance_before, balance_after, transaction_id, leg,
        user_seq, prev_hash, entry_hash, created_at)
      VALUES (1000, '${carol}', 'transfer_sent', -1, 5, 4, gen_random_uuid(), 1, 4, '', '', now() + interval '1 second');
      ${rechain(carol)} ${rechain(alice)}`,
    { movements: /movement .*entry 1000 transfer_sent -1\.00/, supply: /issued 205\.00, burned 0\.50/ },
  ],
  [
    "a third leg",
    books => `
      ALTER TABLE extropy_ledger DROP CONSTRAINT extropy_ledger_transaction_leg;
      INSERT INTO extropy_ledger (id, user_id, transaction_type, amount, balance_before, balance_after, transaction_id, leg,
        user_seq, prev_hash, entry_hash, created_at, card_id, attribution_id)
      SELECT 1000, user_id, transaction_type, amount, 0, 0, transaction_id, leg, 6, '', '', now() + interval '1 second',
        card_id, attribution_id
      FROM extropy_ledger WHERE ${user(books.bob)} AND transaction_type = 'attribution_received';
      ${rechain(books.bob)}`,
    { movements: /attribution_payment.*attribution_received.*entry 1000/, attributions: /entry 1000/, supply: /is / },
  ],
  [
    "legs that do not cancel out",
    books =>
      `UPDATE extropy_ledger SET amount = -0.30 WHERE id = ${legOf(books, "transfer_sent")}; ${rechain(books.alice)}`,
    { movements: /transfer_sent -0\.30/, supply: /is 205\.20/ },
  ],
  [
    "a reversal that moved something else",
    ({ carol }) => `
      UPDATE extropy_ledger SET amount = -1.50 WHERE ${user(carol)} AND transaction_type = 'reversal'; ${rechain(carol)}`,
    { movements: /reversal -1\.50/, reversals: /-1\.50 undoes 2\.00/, supply: /is 205\.00/ },
  ],
  [
    "a reversal of nothing",
    ({ carol }) => `
      UPDATE extropy_ledger SET reverses_id = 999999 WHERE ${user(carol)} AND transaction_type = 'reversal';
      ${rechain(carol)}`,
    { reversals: /undoes entry 999999, which does not exist/ },
  ],
  [
    "an attribution that was never paid",
    ({ alice, bob, cited, citing }) => `
      INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type,
        extropy_amount) VALUES ('${cited}', '${bob}', '${citing}', '${alice}', 'remix', 0.50);
      UPDATE cards SET extropy_earned = 0.60, attribution_count = 2 WHERE id = '${cited}'`,
    { attributions: /amount 0\.50; no entry/ },
  ],
  [
    "an attribution whose amount was changed, with the card's earnings made to fit",
    ({ attribution, cited }) => `
      UPDATE attributions SET extropy_amount = 0.20 WHERE id = '${attribution}';
      UPDATE cards SET extropy_earned = 0.20 WHERE id = '${cited}'`,
    { attributions: /amount 0\.20; entry \d+ attribution_payment -0\.10 of user .*attribution_received 0\.10/ },
  ],
  [
    "an attribution that was deleted, with the card's earnings made to fit",
    ({ attribution, cited }) => `
      DELETE FROM attributions WHERE id = '${attribution}';
      UPDATE cards SET extropy_earned = 0, attribution_count = 0 WHERE id = '${cited}'`,
    { attributions: /attribution_payment for attribution .*, which does not exist\n.*attribution_received for/ },
  ],
  [
    "a payment that names no attribution",
    ({ alice, bob, attribution, cited }) => `
      UPDATE extropy_ledger SET attribution_id = NULL WHERE attribution_id = '${attribution}';
      DELETE FROM attributions WHERE id = '${attribution}';
      UPDATE cards SET extropy_earned = 0, attribution_count = 0 WHERE id = '${cited}';
      ${rechain(alice)} ${rechain(bob)}`,
    { attributions: /attribution_payment without an attribution\n.*attribution_received without/ },
  ],
  [
    "an attribution that was paid twice",
    ({ alice, bob, attribution }) => `
      SELECT post_entries(ARRAY[
        ROW('${alice}', 'attribution_payment', -0.10, NULL, '${attribution}', movement, 1, NULL, NULL, 'Paid'),
        ROW('${bob}', 'attribution_received', 0.10, NULL, '${attribution}', movement, 2, NULL, NULL, 'Got')
      ]::ledger_posting[]) FROM gen_random_uuid() movement;
      ${rechain(alice)} ${rechain(bob)}`,
    { attributions: /amount 0\.10; (entry \d+ attribution_\w+ -?0\.10 of user \S+(, )?){4}$/ },
  ],
  [
    "a card that was deleted, with its attributions",
    ({ cited }) => `
      DELETE FROM attributions WHERE source_card_id = '${cited}'; DELETE FROM cards WHERE id = '${cited}'`,
    { attributions: /does not exist/, cards: /attribution_received for card \S+, which user \S+ does not have/ },
  ],
  [
    "an attribution that was paid by somebody else",
    ({ carol, attribution }) => `
      UPDATE attributions SET target_user_id = '${carol}' WHERE id = '${attribution}'`,
    { attributions: /attribution_payment -0\.10/ },
  ],
  [
    "an attribution marked reversed that nobody reversed",
    ({ attribution, cited }) => `
      UPDATE attributions SET reversed_at = now() WHERE id = '${attribution}';
      UPDATE cards SET extropy_earned = 0, attribution_count = 0 WHERE id = '${cited}'`,
    { attributions: /amount 0\.10, marked reversed; entry/ },
  ],
  [
    "earnings of a card that nobody paid",
    ({ cited }) => `UPDATE cards SET extropy_earned = 9, attribution_count = 3 WHERE id = '${cited}'`,
    {
      cards:
        /attribution_count 3, attributions that stand 1; extropy_earned 9\.00, rewards 0\.00 and attributions 0\.10/,
    },
  ],
  [
    "NaN",
    ({ cited, carol }) => `
      ALTER TABLE users DROP CONSTRAINT users_balance_not_negative;
      ALTER TABLE cards DROP CONSTRAINT cards_sound;
      UPDATE users SET extropy_balance = 'NaN' WHERE id = '${carol}';
      UPDATE cards SET extropy_earned = 'NaN' WHERE id = '${cited}'`,
    { money: /is NaN/, balances: /balance NaN/, cards: /extropy_earned NaN/, supply: /is NaN/ },
  ],
  [
    "NaN in an entry",
    ({ carol }) => `
      UPDATE extropy_ledger SET amount = 'NaN', balance_after = 'NaN' WHERE ${user(carol)} AND user_seq = 1`,
    {
      money: /amount NaN, from 0\.00 to NaN/,
      balances: /sum of amounts NaN/,
      chain: /follows balance_after NaN/,
      hashes: /the text makes/,
      supply: /issued NaN/,
    },
  ],
  [
    "a user that was deleted, with entries left behind",
    ({ carol }) => `DELETE FROM users WHERE id = '${carol}'`,
    { balances: /has 3 entries and does not exist/, supply: /is 199\.50/ },
  ],
];

test.each(forgeries)("%s", async (_what, statements, expected) => {
  const { sql, books } = await openBooks();
  await behindTheTriggers(sql, statements(books));
  const found = violationsOf(await checkFull(sql));
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, pattern] of Object.entries(expected)) expect(found[name]?.join("\n")).toMatch(pattern);
  expect(violationsOf(await checkFull(sql, { stretch: 2 }))).toEqual(found);
});

test("a payment that was properly reversed: both legs undone, the attribution marked, the card's earnings lowered", async () => {
  const { sql, books } = await openBooks();
  await sql`
    INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, card_id)
    SELECT id, 'publish_reward', 1.00, extropy_balance, extropy_balance + 1, ${books.cited} FROM users WHERE id = ${books.bob}`;
  await sql`UPDATE cards SET extropy_earned = extropy_earned + 1 WHERE id = ${books.cited}`;
  expect(violationsOf(await checkFull(sql))).toEqual({});
  await reverseFirst(sql, "attribution_payment");
  expect(Object.keys(violationsOf(await checkFull(sql)))).toEqual(["attributions"]);
  await sql`UPDATE attributions SET reversed_at = now() WHERE id = ${books.attribution}`;
  expect(violationsOf(await checkFull(sql))).toEqual({
    cards: [
      `card ${books.cited}: attribution_count 1, attributions that stand 0; extropy_earned 1.10, rewards 1.00 and attributions 0.00`,
    ],
  });
  await sql`UPDATE cards SET extropy_earned = 1, attribution_count = 0 WHERE id = ${books.cited}`;
  expect(violationsOf(await checkFull(sql))).toEqual({});
  await reverseFirst(sql, "publish_reward");
  expect(Object.keys(violationsOf(await checkFull(sql)))).toEqual(["cards"]);
  await sql`UPDATE cards SET extropy_earned = 0 WHERE id = ${books.cited}`;
  const { supply, ...result } = await checkFull(sql);
  expect(violationsOf({ supply, ...result })).toEqual({});
  expect(supply.by_type).toMatchObject({
    publish_reward: { issued: "1.00", burned: "0.00", entries: 1 },
    reversal: { issued: "0.00", burned: "1.00", entries: 1 },
  });
});

async function reverseFirst(sql: Sql, type: string): Promise<void> {
  const [row] = await sql<{ id: string }[]>`
    SELECT transaction_id AS id FROM extropy_ledger WHERE transaction_type = ${type} ORDER BY id LIMIT 1`;
  await reverse(sql, row?.id ?? "");
}

test("an entry that stands twice, which the chain shows only where both are looked at together", async () => {
  const { sql, books } = await openBooks();
  await behindTheTriggers(
    sql,
    `ALTER TABLE extropy_ledger DROP CONSTRAINT extropy_ledger_user_seq;
    CREATE INDEX extropy_ledger_user_seq ON extropy_ledger (user_id, user_seq);
    INSERT INTO extropy_ledger SELECT (jsonb_populate_record(e, jsonb_build_object('id', 1000, 'transaction_id',
      gen_random_uuid()))).* FROM extropy_ledger e WHERE ${user(books.carol)} AND user_seq = 1`,
  );
  const { chain, ...others } = violationsOf(await checkFull(sql));
  expect(chain?.join()).toMatch(/user_seq 1 follows 1/);
  expect(others.balances?.join()).toMatch(/entry_count 3, entries 4/);
  expect(others.hashes?.join()).toMatch(/entry 1000/);
  expect(others.supply?.join()).toMatch(/issued 210\.00/);
  expect(violationsOf(await checkFull(sql, { stretch: 2 }))).toEqual(others);
});

test("a trigger that keeps the ledger append-only and was switched off or taken away", async () => {
  const { sql } = await openBooks();
  await sql`ALTER TABLE extropy_ledger ENABLE TRIGGER extropy_ledger_append_only`;
  await sql`DROP TRIGGER extropy_ledger_no_truncate ON extropy_ledger`;
  expect(violationsOf(await checkFull(sql))).toEqual({
    append_only: [
      "trigger extropy_ledger_append_only: does not fire on replicas",
      "trigger extropy_ledger_no_truncate: is missing",
    ],
  });
});

test("all violations are counted and a hundred are named; a movement in two stretches counts once", async () => {
  const { sql, books } = await openBooks();
  for (let n = 0; n < 60; n++) await transfer(sql, books.alice, books.bob, "0.01");
  await behindTheTriggers(sql, "UPDATE extropy_ledger SET description = 'x', attribution_id = NULL");
  await behindTheTriggers(
    sql,
    "DELETE FROM extropy_ledger WHERE transaction_type = 'transfer_sent' AND amount = -1.00",
  );
  await behindTheTriggers(sql, "UPDATE extropy_ledger SET amount = -0.02 WHERE transaction_type = 'transfer_sent'");
  for (const stretch of [1000, 7, 1]) {
    const { invariants } = await checkFull(sql, { stretch });
    const found = (name: string) => invariants.find(invariant => invariant.name === name);
    expect(found("hashes")).toMatchObject({ violations: 131 });
    expect(found("hashes")?.examples).toHaveLength(100);
    expect(found("movements")?.violations).toBe(62);
  }
});
