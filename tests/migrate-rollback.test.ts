// `migrate rollback`: takes back only what a person has agreed to lose, all of it or nothing.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { readCatalogue } from "../src/migrate/catalogue.ts";
import { withDatabase } from "../src/migrate/connection.ts";
import { readMigrations } from "../src/migrate/files.ts";
import { rollbackMigrations } from "../src/migrate/rollback.ts";
import { applyMigrations } from "../src/migrate.ts";
import { makeMigrations, removeMigrations, runMigrate } from "./migrate-support.ts";
import { createTestDatabase, emptyDatabase } from "./support.ts";

setDefaultTimeout(60_000);

afterAll(removeMigrations);

const confirm = async () => true;

test("anything but YES changes nothing and exits 1", async () => {
  const { url, sql } = await createTestDatabase();
  for (const answer of ["", "\n", "yes\n", "Y\n", "YES please\n", "no\nYES\n"]) {
    const { exitCode, stdout } = await runMigrate(url, ["rollback", "--to", "0"], answer);
    expect({ answer, exitCode }).toEqual({ answer, exitCode: 1 });
    expect(stdout).toContain("Type YES to go on:");
    expect(stdout).toEndWith("Nothing was changed.\n");
  }
  expect(await sql`SELECT FROM users`).toHaveLength(1);
  expect((await runMigrate(url, ["verify"])).exitCode).toBe(0);
});

test("it shows which tables with how many rows would be lost, and YES takes one step back", async () => {
  const database = await emptyDatabase();
  const directory = await makeMigrations({
    "0001_a.sql": "CREATE TABLE a (n integer); INSERT INTO a SELECT generate_series(1, 7);",
    "0001_a.down.sql": "DROP TABLE a;",
    "0002_b.sql": "CREATE TABLE b (); ALTER TABLE a ADD label text; INSERT INTO a VALUES (0, 'zero');",
    "0002_b.down.sql": "DROP TABLE b; DELETE FROM a WHERE n = 0; ALTER TABLE a DROP label;",
  });
  await applyMigrations(database.url, { directory });
  const taken = await rollbackMigrations(database.url, {
    directory,
    confirm: async losses => {
      expect(losses.migrations).toEqual(["0002_b"]);
      expect(Object.fromEntries(losses.rows)).toEqual({
        a: { before: "8", after: "7" },
        b: { before: "0", after: undefined },
      });
      expect(losses.objects.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["table b", "column a.label"]);
      return true;
    },
  });
  expect(taken).toEqual(["0002_b"]);
  expect(await database.sql`SELECT number FROM schema_migrations`).toEqual([{ number: 1 }] as never);
});

test("typing YES takes back the newest migration of the project", async () => {
  const { url, sql } = await createTestDatabase();
  const newest = (await readMigrations()).at(-1);
  const { exitCode, stdout } = await runMigrate(url, ["rollback"], "YES\n");
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`✓ ${newest?.name} taken back`);
  expect(await sql`SELECT FROM schema_migrations`).toHaveLength((newest?.number ?? 0) - 1);
});

test("--to 0 leaves nothing behind, and the way up again leads to the same schema", async () => {
  const { url, sql } = await createTestDatabase();
  const remains = () => sql`
    SELECT 'relation ' || relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
    UNION ALL SELECT 'constraint ' || conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace`;
  expect(await remains()).not.toHaveLength(0);
  const schema = await withDatabase(url, readCatalogue);

  expect((await runMigrate(url, ["rollback", "--to", "0", "--yes"])).exitCode).toBe(0);
  expect(await remains()).toEqual([] as never);
  const again = await runMigrate(url, ["rollback", "--to", "0", "--yes"]);
  expect(again).toMatchObject({ exitCode: 0, stdout: "There is nothing to take back.\n" });

  await applyMigrations(url);
  expect(await withDatabase(url, readCatalogue)).toEqual(schema);
});

test("a number above the newest migration is no way back", async () => {
  const { url } = await emptyDatabase();
  await applyMigrations(url);
  const refused = await runMigrate(url, ["rollback", "--to", "9999", "--yes"]);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(/^The newest migration that was applied is \d+: there is no going back to 9999\.$/m);
});

test("every step of the project leads back to the schema of the step before", async () => {
  const migrations = await readMigrations();
  const { url } = await emptyDatabase();
  const empty = await withDatabase(url, readCatalogue);
  const schemas = [empty];
  for (let count = 1; count <= migrations.length; count++) {
    const files = migrations.slice(0, count).flatMap(({ name, up, down }) => [
      [`${name}.sql`, up],
      [`${name}.down.sql`, down],
    ]);
    await applyMigrations(url, { directory: await makeMigrations(Object.fromEntries(files)) });
    schemas.push(await withDatabase(url, readCatalogue));
  }
  for (let left = migrations.length - 1; left >= 0; left--) {
    await rollbackMigrations(url, { confirm });
    expect(await withDatabase(url, readCatalogue)).toEqual(schemas[left] as never);
  }
});

test("a step that can't go back because of rows says which and how many, and nothing is changed", async () => {
  const { url, sql } = await emptyDatabase();
  const directory = await makeMigrations({
    "0001_a.sql": "CREATE TABLE a ();",
    "0001_a.down.sql": `DO $$ BEGIN RAISE EXCEPTION 'a has % rows that would not fit', (SELECT count(*) FROM a); END $$;`,
    "0002_b.sql": "CREATE TABLE b (); INSERT INTO a DEFAULT VALUES;",
    "0002_b.down.sql": "DROP TABLE b;",
  });
  await applyMigrations(url, { directory });
  const rollback = rollbackMigrations(url, { directory, to: 0, confirm });
  await expect(rollback).rejects.toThrow(/^0001_a\.down\.sql: a has 1 rows that would not fit$/);
  expect(await sql`SELECT FROM b`).toHaveLength(0);
  expect(await sql`SELECT FROM schema_migrations`).toHaveLength(2);
});

test("a migration that another process applies while the question stands is not taken back", async () => {
  const { url, sql } = await emptyDatabase();
  const one = { "0001_a.sql": "CREATE TABLE a ();", "0001_a.down.sql": "DROP TABLE a;" };
  const directory = await makeMigrations(one);
  await applyMigrations(url, { directory });
  const rollback = rollbackMigrations(url, {
    directory,
    confirm: async () => {
      await applyMigrations(url, { directory: await makeMigrations({ ...one, "0002_b.sql": "CREATE TABLE b ();" }) });
      return true;
    },
  });
  await expect(rollback).rejects.toThrow("Another process has migrated the database meanwhile");
  expect(await sql`SELECT FROM a`).toHaveLength(0);
});
