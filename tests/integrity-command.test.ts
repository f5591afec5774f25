// `bun run integrity`: what it prints, and what it exits with.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import type { Integrity } from "../src/ledger/integrity/check.ts";
import { behindTheTriggers, dropBooks, openBooks, rechain, transfer } from "./integrity-support.ts";
import { startProgram } from "./server.ts";
import { emptyDatabase } from "./support.ts";

setDefaultTimeout(60_000);
afterEach(dropBooks);

async function run(env: Record<string, string>, ...args: string[]) {
  const program = startProgram(["src/commands/integrity.ts", ...args], { env });
  return { exitCode: await program.exited, stdout: program.stdout(), stderr: program.stderr() };
}

test("prints every invariant, the supply and the root, and exits with 0; with 1 and names where something is wrong", async () => {
  const { url, sql, books } = await openBooks();
  const clean = await run({ DATABASE_URL: url });
  expect(clean).toMatchObject({ exitCode: 0, stderr: "" });
  expect(clean.stdout).toMatch(/✓ chain +Every entry continues/);
  expect(clean.stdout).toMatch(/initial_grant +205\.00 +0\.00 +3\n/);
  expect(clean.stdout).toMatch(/In circulation: 204\.50/);
  expect(clean.stdout).toMatch(/Entries checked +12 in/);
  expect(clean.stdout).toMatch(/Root +[0-9a-f]{64}\n/);
  expect(clean.stdout).toEndWith("The books are right.\n");
  const since = await run({ DATABASE_URL: url }, "--since-last");
  expect(since.stdout).toMatch(/Entries checked +0 new ones/);
  expect(since.stdout).toEndWith("What came since is right.\n");

  await behindTheTriggers(sql, `UPDATE users SET extropy_balance = 500 WHERE id = '${books.carol}'`);
  const wrong = await run({ DATABASE_URL: url });
  expect(wrong.exitCode).toBe(1);
  expect(wrong.stdout).toContain(`    - user ${books.carol}: balance 500.00, sum of amounts 5.00; `);
  expect(wrong.stdout).toEndWith("2 violations found.\n");
});

test("--json prints the result", async () => {
  const { url } = await openBooks();
  const { exitCode, stdout } = await run({ DATABASE_URL: url }, "--json", "--connections", "1");
  const result = JSON.parse(stdout) as Integrity;
  expect(exitCode).toBe(0);
  expect(result).toMatchObject({ ok: true, full: true, entries_checked: 12, supply: { circulating: "204.50" } });
  expect(result.checked_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test("--expect finds a past that was rewritten with every hash after it", async () => {
  const { url, sql, books } = await openBooks();
  const { alice, bob, carol } = books;
  const { stdout } = await run({ DATABASE_URL: url });
  const root = /Root +(\S+)/.exec(stdout)?.[1] ?? "";
  await transfer(sql, alice, bob, "1.00");
  expect((await run({ DATABASE_URL: url }, "--expect", root.toUpperCase())).exitCode).toBe(0);

  await behindTheTriggers(
    sql,
    `UPDATE extropy_ledger SET description = 'x' WHERE user_id = '${carol}'; ${rechain(carol)}`,
  );
  const forged = await run({ DATABASE_URL: url }, "--expect", root);
  expect(forged.exitCode).toBe(1);
  expect(forged.stdout).toContain(`user ${carol}: entry 3 was rewritten`);
  await sql`TRUNCATE integrity_heads, integrity_checks`;
  expect((await run({ DATABASE_URL: url })).exitCode).toBe(0);
  expect((await run({ DATABASE_URL: url }, "--expect", root)).exitCode).toBe(1);
});

test("what the database can't answer is told in a sentence", async () => {
  const { url, sql } = await openBooks();
  await sql`ALTER TABLE cards DROP COLUMN attribution_count CASCADE`;
  const { exitCode, stdout, stderr } = await run({ DATABASE_URL: url });
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr).toMatch(
    /^The check could not be made: column .*attribution_count.* does not exist\. `bun run migrate verify`/,
  );
});

test("a database without tables, and none at all, are told in a sentence", async () => {
  const { url } = await emptyDatabase();
  expect(await run({ DATABASE_URL: url })).toMatchObject({ exitCode: 1, stdout: "" });
  const { exitCode, stderr } = await run({ DATABASE_URL: `${url}_missing` });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^There is no database .* yet\.\n$/);
});

test("a schema that is behind sends to what brings it up to date", async () => {
  const { url, sql } = await openBooks();
  await sql`DROP VIEW integrity_turn`;
  const { exitCode, stderr } = await run({ DATABASE_URL: url });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('relation "public.integrity_turn" does not exist. `bun run migrate verify` names');
  expect(stderr).toContain("`bun run migrate apply`");
});

test("--help needs no environment; wrong arguments exit with 2", async () => {
  const env = { DATABASE_URL: "nonsense" };
  const help = await run(env, "--help");
  expect(help).toMatchObject({ exitCode: 0, stderr: "" });
  expect(help.stdout).toContain("Usage: bun run integrity");
  const wrong = [
    ["--fulll"],
    ["--full", "--since-last"],
    ["--since-last", "--expect", "0".repeat(64)],
    ["--expect", "abc"],
    ["--connections", "0"],
    ["file"],
  ];
  const outcomes = await Promise.all(wrong.map(args => run({}, ...args)));
  for (const { exitCode, stdout, stderr } of outcomes) {
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain("Usage: bun run integrity");
  }
});
