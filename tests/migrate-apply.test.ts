// `migrate apply`: a database comes to the newest schema whatever state it was in, however many try, or it
// stays as it was.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { readMigrations } from "../src/migrate/files.ts";
import { lockMigrations } from "../src/migrate/run-file.ts";
import { applyMigrations } from "../src/migrate.ts";
import { insertUser } from "./books-support.ts";
import { makeMigrations, removeMigrations, runMigrate } from "./migrate-support.ts";
import { createTestDatabase, emptyDatabase, holdLock, type TestDatabase } from "./support.ts";

setDefaultTimeout(60_000);

afterAll(removeMigrations);

async function listTables({ sql }: TestDatabase): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname`;
  return rows.map(({ name }) => name);
}

/** The address of a database that does not exist, and a way to get rid of it. */
async function missingDatabase(name: string): Promise<{ url: string; drop(): Promise<void> }> {
  const { url: present, sql } = await emptyDatabase();
  const url = new URL(present);
  url.pathname = `/${encodeURIComponent(name)}`;
  const drop = async () => void (await sql.unsafe(`DROP DATABASE "${name.replaceAll('"', '""')}" WITH (FORCE)`));
  return { url: url.href, drop };
}

test("an empty database gets everything, and a second time nothing more", async () => {
  const { url } = await emptyDatabase();
  const lines: string[] = [];
  const first = await applyMigrations(url, { log: line => lines.push(line) });
  expect(first.applied).toEqual((await readMigrations()).map(({ name }) => name));
  expect(first.version).toMatch(/^\d+\.\d+\.\d+$/);
  const summary = lines.join("\n");
  for (const name of ["users", "prevent_negative_balance_trigger", "user_balance_summary", "uuid_v7"]) {
    expect(summary).toContain(name);
  }
  expect(await applyMigrations(url)).toEqual({ applied: [], version: first.version });
});

test("a missing database is created, also with an odd name and parameters in the address", async () => {
  const directory = await makeMigrations({ "0001_a.sql": "CREATE TABLE a ();" });
  const name = `odd "name" 50%.${crypto.randomUUID()}`;
  const { url, drop } = await missingDatabase(name);
  try {
    const { applied } = await applyMigrations(`${url}?sslmode=prefer&application_name=odd`, { directory });
    expect(applied).toEqual(["0001_a"]);
    expect(await applyMigrations(url, { directory })).toMatchObject({ applied: [] });
  } finally {
    await drop();
  }
});

test("several processes that migrate a missing database at once all succeed", async () => {
  const { url, drop } = await missingDatabase(`extrophi_race_${crypto.randomUUID()}`);
  try {
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => runMigrate(url, ["apply"])));
    expect(outcomes.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
      outcomes.map(() => ({ exitCode: 0, stderr: "" })),
    );
    expect(await runMigrate(url, ["verify"])).toMatchObject({ exitCode: 0, stderr: "" });
  } finally {
    await drop();
  }
});

test("a second process is safe without the advisory lock: it waits for the row and counts as success", async () => {
  const database = await emptyDatabase();
  const files = { "0001_a.sql": "CREATE TABLE a ();", "0002_b.sql": "CREATE TABLE b ();" };
  const directory = await makeMigrations(files);
  const [, second] = await readMigrations(directory);
  if (!second) throw new Error("two migrations were made");
  await applyMigrations(database.url, { directory: await makeMigrations({ "0001_a.sql": files["0001_a.sql"] }) });

  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const { promise: mayCommit, resolve: commit } = Promise.withResolvers<void>();
  const other = database.sql.begin(async tx => {
    await tx`INSERT INTO schema_migrations (number, name, checksum) VALUES (2, ${second.name}, ${second.checksum})`;
    await tx.unsafe(second.up);
    start();
    await mayCommit;
  });
  await started;
  const applying = applyMigrations(database.url, { directory });
  await waitForLock(database);
  commit();
  await other;
  expect(await applying).toMatchObject({ applied: [] });
});

test("what others are changing is not looked at before they are done, and not told as one's own", async () => {
  const database = await emptyDatabase();
  const files = { "0001_a.sql": "CREATE TABLE a ();", "0002_b.sql": "CREATE TABLE b ();" };
  const directory = await makeMigrations(files);
  await applyMigrations(database.url, { directory: await makeMigrations({ "0001_a.sql": files["0001_a.sql"] }) });
  const release = await holdLock(database.sql, async tx => {
    await lockMigrations(tx);
    await tx`CREATE TABLE made_by_another ()`;
  });
  const lines: string[] = [];
  const applying = applyMigrations(database.url, { directory, log: line => void lines.push(line) });
  await waitForLock(database);
  await release();
  expect(await applying).toMatchObject({ applied: ["0002_b"] });
  expect(lines.join("\n")).not.toContain("made_by_another");
});

test("what is new is applied beside a server that goes on paying, without a deadlock", async () => {
  const database = await emptyDatabase();
  await applyMigrations(database.url, { through: 15 });
  const user = await insertUser(database.sql);
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const { promise: mayPay, resolve: pay } = Promise.withResolvers<void>();
  // As every payment does: the account first, then the entry.
  const paying = database.sql.begin(async tx => {
    await tx`SELECT FROM users WHERE id = ${user} FOR NO KEY UPDATE`;
    start();
    await mayPay;
    await tx`
      INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
      VALUES (${user}, 'bonus', 1.00, 100.00, 101.00)`;
  });
  await started;
  const applying = applyMigrations(database.url);
  await waitForLock(database);
  pay();
  expect((await Promise.allSettled([paying, applying])).map(({ status }) => status)).toEqual([
    "fulfilled",
    "fulfilled",
  ]);
});

async function waitForLock({ sql }: TestDatabase): Promise<void> {
  for (;;) {
    const waiting = await sql`
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    if (waiting.length > 0) return;
    await Bun.sleep(10);
  }
}

test("a failing first migration leaves nothing, and says where it failed", async () => {
  const database = await emptyDatabase();
  const directory = await makeMigrations({ "0001_a.sql": "CREATE TABLE a ();\n\n  CREATE TABEL b ();\n" });
  const failure = applyMigrations(database.url, { directory });
  expect(failure).rejects.toThrow('0001_a.sql, line 3, column 10: syntax error at or near "TABEL"');
  await failure.catch(() => {});
  expect(await listTables(database)).toEqual([]);
});

test("a failing later migration leaves those before it", async () => {
  const database = await emptyDatabase();
  const directory = await makeMigrations({
    "0001_a.sql": "CREATE TABLE a (n integer);",
    "0002_b.sql": "CREATE TABLE b (); INSERT INTO a VALUES (1); SELECT 1 / (n - 1) FROM a;",
  });
  await expect(applyMigrations(database.url, { directory })).rejects.toThrow("0002_b.sql: division by zero");
  expect(await listTables(database)).toEqual(["a", "schema_migrations"]);
  expect(await database.sql`SELECT FROM a`).toHaveLength(0);
});

test("a table of somebody else's in the way is not touched", async () => {
  const database = await emptyDatabase();
  await database.sql`CREATE TABLE users (mine integer)`;
  await expect(applyMigrations(database.url)).rejects.toThrow('relation "users" already exists');
  expect(await listTables(database)).toEqual(["users"]);
});

test("a migration may take longer than the time limit of the role and the database", async () => {
  const { url, sql } = await emptyDatabase();
  const [row] = await sql<{ name: string }[]>`SELECT current_database() AS name`;
  await sql.unsafe(`ALTER DATABASE "${row?.name}" SET statement_timeout = '50ms'`);
  const directory = await makeMigrations({ "0001_a.sql": "SELECT pg_sleep(0.2);" });
  expect(await applyMigrations(url, { directory })).toMatchObject({ applied: ["0001_a"] });
});

test("a migration makes its tables in schema public, whatever the search_path of the role is", async () => {
  const { url, sql } = await emptyDatabase();
  const [row] = await sql<{ name: string }[]>`SELECT current_database() AS name`;
  await sql.unsafe(`CREATE SCHEMA elsewhere; ALTER DATABASE "${row?.name}" SET search_path = elsewhere`);
  await applyMigrations(url, { directory: await makeMigrations({ "0001_a.sql": "CREATE TABLE a ();" }) });
  expect(await sql`SELECT FROM public.a`).toHaveLength(0);
});

test("an applied migration that was edited, renamed or removed is refused by name", async () => {
  const { url } = await emptyDatabase();
  const directory = await makeMigrations({ "0001_a.sql": "CREATE TABLE a ();", "0002_b.sql": "CREATE TABLE b ();" });
  await applyMigrations(url, { directory });

  await Bun.write(join(directory, "0002_b.sql"), "CREATE TABLE b (); -- edited");
  await expect(applyMigrations(url, { directory })).rejects.toThrow("0002_b.sql was changed after it was applied");

  await rename(join(directory, "0002_b.sql"), join(directory, "0002_c.sql"));
  await rename(join(directory, "0002_b.down.sql"), join(directory, "0002_c.down.sql"));
  await expect(applyMigrations(url, { directory })).rejects.toThrow(
    "0002_b.sql was applied and is called 0002_c.sql now",
  );

  const shorter = await makeMigrations({ "0001_a.sql": "CREATE TABLE a ();" });
  await expect(applyMigrations(url, { directory: shorter })).rejects.toThrow(
    "0002_b.sql was applied and is no longer there",
  );
});

test("a number that was skipped is not applied behind the back of later ones", async () => {
  const { url, sql } = await emptyDatabase();
  const directory = await makeMigrations({ "0001_a.sql": "CREATE TABLE a ();", "0002_b.sql": "CREATE TABLE b ();" });
  await applyMigrations(url, { directory });
  await sql`DELETE FROM schema_migrations WHERE number = 1`;
  await expect(applyMigrations(url, { directory })).rejects.toThrow(
    "0001_a.sql was never applied, though later ones were",
  );
});

test("no command prints the password where it can't connect", async () => {
  const { url } = await emptyDatabase();
  const wrong = new URL(url);
  wrong.password = "hunter2";
  const nobody = new URL(wrong);
  nobody.port = "1";
  for (const address of [
    wrong.href,
    nobody.href,
    "postgres://user:hunter2%@localhost/db",
    "postgres://user:hunter2@:x/db",
  ]) {
    for (const command of ["apply", "verify", "status", "rollback"]) {
      const { exitCode, stdout, stderr } = await runMigrate(address, [command]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).not.toBe("");
      expect(stderr).not.toContain("hunter2");
    }
  }
  expect((await runMigrate(nobody.href, ["status"])).stderr).toContain(
    `at ${nobody.hostname}:1 as user "${nobody.username}"`,
  );
});

test("status counts rows, names what is applied and pending, and takes a missing and an empty database", async () => {
  const { url } = await createTestDatabase();
  const full = await runMigrate(url, ["status"]);
  expect(full.exitCode).toBe(0);
  expect(full.stdout).toMatch(/Schema version\s+\d+\.\d+\.\d+/);
  expect(full.stdout).toMatch(/0001_tables\s+applied 20/);
  expect(full.stdout).toMatch(/users\s+1\n/);

  const empty = await runMigrate((await emptyDatabase()).url, ["status"]);
  expect(empty.exitCode).toBe(0);
  expect(empty.stdout).toContain("no migration was applied");
  expect(empty.stdout).toMatch(/0001_tables\s+pending/);

  const missing = await missingDatabase(`extrophi_missing_${crypto.randomUUID()}`);
  const none = await runMigrate(missing.url, ["status"]);
  expect(none.exitCode).toBe(0);
  expect(none.stdout).toContain("does not exist yet");
});

test("every command explains itself, and wrong arguments exit 2 with the help on standard error", async () => {
  const { url } = await emptyDatabase();
  for (const args of [[], ["apply"], ["verify"], ["status"], ["rollback"], ["snapshot"]]) {
    const help = await runMigrate(url, [...args, "--help"]);
    expect(help).toMatchObject({ exitCode: 0, stderr: "" });
    expect(help.stdout).toContain(`Usage: bun run migrate ${args[0] ?? "<command>"}`);
  }
  for (const args of [
    [],
    ["aply"],
    ["apply", "now"],
    ["status", "--to", "1"],
    ["rollback", "--to", "x"],
    ["apply", "-f"],
  ]) {
    const wrong = await runMigrate(url, args);
    expect(wrong).toMatchObject({ exitCode: 2, stdout: "" });
    expect(wrong.stderr).toContain("Usage: bun run migrate");
  }
});
