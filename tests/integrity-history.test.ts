// What an integrity check remembers: that the past is found rewritten, cut off or missing, with and without the
// database's own records, and that what came since a check is found user by user.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import type { Sql } from "../src/db.ts";
import { CheckRunning } from "../src/ledger/integrity/check.ts";
import { insertCard, insertUser } from "./books-support.ts";
import {
  type Books,
  behindTheTriggers,
  checkFull,
  checkSince,
  dropBooks,
  openBooks,
  openEmpty,
  rechain,
  transfer,
  violationsOf,
} from "./integrity-support.ts";

setDefaultTimeout(60_000);
afterEach(dropBooks);

/** Books with a root that was noted, and with a transfer after that. */
async function createNotedBooks(): Promise<{ sql: Sql; books: Books; root: string }> {
  const { sql, books } = await openBooks();
  const { root, ok } = await checkFull(sql);
  expect(ok).toBe(true);
  await transfer(sql, books.alice, books.bob, "3.00");
  return { sql, books, root };
}

/** Both are invisible to every check of the rows alone. */
const forgeries: [string, (books: Books) => string, RegExp][] = [
  [
    "a rewritten entry with all hashes after it made to fit",
    ({ carol }) => `
      UPDATE extropy_ledger SET description = 'Gift' WHERE user_id = '${carol}' AND user_seq = 1; ${rechain(carol)}`,
    /entry 3 was rewritten: the noted hash is [0-9a-f]{64}, it is now [0-9a-f]{64}/,
  ],
  [
    "a tail that was cut off, with heads that fit",
    ({ bob, carol }) => `
      DELETE FROM extropy_ledger WHERE user_seq > 1 AND user_id = '${carol}';
      DELETE FROM extropy_ledger WHERE user_id = '${bob}' AND transaction_type IN ('reversal', 'transfer_sent');
      UPDATE extropy_ledger SET user_seq = 4 WHERE user_id = '${bob}' AND user_seq = 6;
      ${rechain(carol)} ${rechain(bob)}`,
    /3 entries were noted, 1 of them are left/,
  ],
];

for (const [what, statements, found] of forgeries) {
  test(`${what} is found by every later check, and by --expect`, async () => {
    const { sql, books, root } = await createNotedBooks();
    await behindTheTriggers(sql, statements(books));
    const violations = violationsOf(await checkFull(sql));
    expect(Object.keys(violations)).toEqual(["history"]);
    expect(violations.history?.join("\n")).toMatch(found);
    expect(violationsOf(await checkFull(sql, { expect: root }))).toEqual(violations);
    expect(violationsOf(await checkSince(sql)).history).toEqual(violations.history);
  });

  test(`${what} is found by --expect alone where the database's records are gone`, async () => {
    const { sql, books, root } = await createNotedBooks();
    await behindTheTriggers(sql, statements(books));
    await sql`TRUNCATE integrity_heads, integrity_checks`;
    // The forged books are as good as any, and recorded again.
    expect(violationsOf(await checkFull(sql))).toEqual({});
    expect(violationsOf(await checkFull(sql, { expect: root }))).toEqual({
      history: [`root ${root}: is not the root of today, and no clean full check has recorded it`],
    });
  });
}

test("a user who was deleted with all entries is missed", async () => {
  const { sql } = await openEmpty();
  const id = await insertUser(sql);
  const { root } = await checkFull(sql);
  await behindTheTriggers(sql, `DELETE FROM extropy_ledger; DELETE FROM users WHERE id = '${id}'`);
  const history = [`user ${id}: 1 entries were noted, and the user is gone`];
  expect(violationsOf(await checkFull(sql, { expect: root }))).toEqual({ history });
  expect(violationsOf(await checkSince(sql))).toMatchObject({ history });
});

test("noted heads that were changed to match a rewritten past don't make their root any more", async () => {
  const { sql, books, root } = await createNotedBooks();
  await behindTheTriggers(sql, (forgeries[0] as (typeof forgeries)[0])[1](books));
  await sql`
    UPDATE integrity_heads h SET head_hash = l.entry_hash FROM extropy_ledger l
    WHERE l.user_id = h.user_id AND l.user_seq = h.entry_count`;
  const { history } = violationsOf(await checkFull(sql));
  expect(history?.join("\n")).toMatch(`but ${root} was recorded: the record was changed`);
});

test("roots of clean full checks can be expected for ever, and each stores only the heads that have moved", async () => {
  const { sql, books } = await createNotedBooks();
  const roots: string[] = [];
  for (let n = 0; n < 3; n++) {
    const { ok, root, recorded } = await checkFull(sql);
    expect({ ok, recorded }).toEqual({ ok: true, recorded: true });
    roots.push(root);
    await transfer(sql, books.bob, books.carol, "0.01");
    await insertUser(sql);
  }
  expect(new Set(roots).size).toBe(3);
  for (const root of roots) expect(violationsOf(await checkFull(sql, { expect: root }))).toEqual({});
  const stored = await sql<{ heads: number }[]>`
    SELECT count(*)::integer AS heads FROM integrity_heads GROUP BY check_id ORDER BY check_id`;
  expect(stored.map(({ heads }) => heads)).toEqual([3, 2, 3, 3, 3]);
});

test("the root of today can be expected, whoever has computed it; a root that never was can't", async () => {
  const { sql, books } = await createNotedBooks();
  const { root, recorded } = await checkSince(sql);
  expect(recorded).toBe(false);
  expect(violationsOf(await checkFull(sql, { expect: root }))).toEqual({});
  await transfer(sql, books.bob, books.carol, "0.01");
  expect(Object.keys(violationsOf(await checkFull(sql, { expect: "0".repeat(64) })))).toEqual(["history"]);
});

test("full checks take their turn, or refuse where they are told so; one of what came since need not wait", async () => {
  const { sql, books } = await createNotedBooks();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  const running = sql.begin(async tx => {
    await tx`LOCK TABLE integrity_checks IN SHARE ROW EXCLUSIVE MODE`;
    begin();
    await held;
  });
  await began;
  let finished = 0;
  const waiting = [checkFull(sql), checkFull(sql, { connections: 2 })].map(check => check.finally(() => finished++));
  await expect(checkFull(sql, { orRefuse: true })).rejects.toThrow(CheckRunning);
  expect(await checkSince(sql)).toMatchObject({ ok: true, full: false, entries_checked: 2 });
  expect(finished).toBe(0);
  // What came while they waited is seen.
  await transfer(sql, books.bob, books.carol, "0.01");
  release();
  await running;
  const [first, second] = await Promise.all(waiting);
  expect([first?.entries_checked, second?.entries_checked]).toEqual([16, 16]);
  expect(violationsOf(await checkFull(sql, { expect: first?.root ?? "" }))).toEqual({});
});

test("a change of the schema that begins during a check waits for it, and does not stop it", async () => {
  const { sql } = await createNotedBooks();
  let change: Promise<unknown> | undefined;
  const begin = () => {
    change ??= sql`ALTER TABLE users ADD COLUMN nickname text`.execute();
  };
  expect(await checkFull(sql, { stretch: 1, connections: 3, onProgress: begin })).toMatchObject({ ok: true });
  await change;
});

test("a check that is not clean records nothing", async () => {
  const { sql, books } = await createNotedBooks();
  await behindTheTriggers(sql, `UPDATE users SET extropy_balance = 0 WHERE id = '${books.carol}'`);
  for (const check of [checkFull, checkSince]) expect((await check(sql)).ok).toBe(false);
  expect(await sql`SELECT FROM integrity_checks`).toHaveLength(1);
});

test("a check is as good where it can't be recorded, and says so", async () => {
  const { sql } = await openBooks();
  const [row] = await sql<{ name: string }[]>`SELECT current_database() AS name`;
  await sql`ALTER DATABASE ${sql(row?.name ?? "")} SET default_transaction_read_only = on`;
  await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
  await sql`SET default_transaction_read_only = on`;
  expect(await checkFull(sql)).toMatchObject({ ok: true, recorded: false });
  expect(await sql`SELECT FROM integrity_checks`).toHaveLength(0);
});

test("without a clean check before, everything is checked", async () => {
  const { sql } = await openBooks();
  const readOnly = await checkSince(sql, { readOnly: true });
  expect(readOnly).toMatchObject({ ok: true, full: true, entries_checked: 12, recorded: false });
  expect(await checkSince(sql)).toMatchObject({ ok: true, full: true, entries_checked: 12, recorded: true });
  expect(await checkSince(sql)).toMatchObject({ ok: true, full: false, entries_checked: 0, recorded: true });
});

test("only what came since is checked, and the supply is still that of everything", async () => {
  const { sql, books } = await createNotedBooks();
  await insertUser(sql, "7.00");
  const since = await checkSince(sql, { stretch: 2 });
  expect(since).toMatchObject({ ok: true, full: false, entries_checked: 3 });
  const all = await checkFull(sql);
  expect(all).toMatchObject({ ok: true, entries_checked: 15, root: since.root, supply: since.supply });
  await behindTheTriggers(
    sql,
    `UPDATE extropy_ledger SET description = 'x' WHERE user_id = '${books.alice}' AND user_seq = 1`,
  );
  expect(violationsOf(await checkSince(sql))).toEqual({});
  expect(Object.keys(violationsOf(await checkFull(sql)))).toEqual(["hashes"]);
});

test("what came since and is wrong is found", async () => {
  const { sql, books } = await createNotedBooks();
  await behindTheTriggers(
    sql,
    `UPDATE extropy_ledger SET description = 'x' WHERE user_id = '${books.alice}' AND user_seq = 5;
    UPDATE cards SET extropy_earned = 5 WHERE id = '${books.cited}'`,
  );
  await sql`
    INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type,
      extropy_amount) VALUES (${books.cited}, ${books.bob}, ${books.citing}, ${books.alice}, 'remix', 0.50)`;
  const violations = violationsOf(await checkSince(sql));
  expect(Object.keys(violations)).toEqual(["hashes", "attributions", "cards"]);
  expect(violations.attributions?.join()).toMatch(/amount 0\.50; no entry/);
});

test("what was under way during a check and is committed after it is checked the next time", async () => {
  const { sql, books } = await openBooks();
  const { alice, bob, carol } = books;
  const [cited, citing] = [await insertCard(sql, alice), await insertCard(sql, carol)];
  const { promise: checked, resolve: finish } = Promise.withResolvers<void>();
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  // Takes ids and times before the check, and lower ones than the entries that are committed before it.
  const slow = sql.begin(async tx => {
    await transfer(tx, alice, bob, "1.00");
    await tx`
      INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type,
        extropy_amount) VALUES (${cited}, ${alice}, ${citing}, ${carol}, 'reply', 0.05)`;
    begin();
    await checked;
  });
  await began;
  await insertUser(sql, "1.00");
  expect(await checkFull(sql)).toMatchObject({ ok: true, entries_checked: 13 });
  finish();
  await slow;
  const since = await checkSince(sql);
  expect(since.entries_checked).toBe(2);
  expect(Object.keys(violationsOf(since))).toEqual(["attributions"]);
  expect(Object.keys(violationsOf(await checkFull(sql)))).toEqual(["attributions"]);
});
