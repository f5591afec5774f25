// A directory of migrations that is not in order is refused before anything reaches a database.

import { afterAll, expect, test } from "bun:test";
import { readMigrations } from "../src/migrate/files.ts";
import { makeFiles, makeMigrations, removeMigrations } from "./migrate-support.ts";

afterAll(removeMigrations);

test("the project's own migrations are in order", async () => {
  const migrations = await readMigrations();
  expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_, index) => index + 1));
});

const refused: [string, Record<string, string>, string][] = [
  [
    "two migrations with the same number",
    { "0001_a.sql": "", "0001_a.down.sql": "", "0001_b.sql": "", "0001_b.down.sql": "" },
    "0001_b.sql and 0001_a.sql have the same number",
  ],
  [
    "a gap between the numbers",
    { "0001_a.sql": "", "0001_a.down.sql": "", "0003_c.sql": "", "0003_c.down.sql": "" },
    "0003_c.sql follows 1: a number is missing between them",
  ],
  [
    "numbers that don't start with 1",
    { "0002_b.sql": "", "0002_b.down.sql": "" },
    "0002_b.sql follows 0: a number is missing",
  ],
  ["a migration without a way back", { "0001_a.sql": "" }, "0001_a.sql has no 0001_a.down.sql"],
  [
    "a way back from nowhere",
    { "0001_a.sql": "", "0001_a.down.sql": "", "0001_b.down.sql": "" },
    "0001_b.down.sql has no 0001_b.sql",
  ],
  ["a name without a number", { "tables.sql": "" }, "tables.sql is not named NNNN_slug.sql"],
  [
    "a file that ends its own transaction",
    { "0001_a.sql": "CREATE TABLE a ();\ncommit;\n", "0001_a.down.sql": "" },
    "0001_a.sql ends its own transaction",
  ],
];

test.each(refused)("%s is refused", async (_, files, message) => {
  expect(readMigrations(await makeFiles(files))).rejects.toThrow(message);
});

test("the BEGIN of a function is no end of a transaction", async () => {
  const directory = await makeMigrations({ "0001_a.sql": "DO $$\nBEGIN\n  NULL;\nEND\n$$;" });
  expect(await readMigrations(directory)).toHaveLength(1);
});

test("a checkout with CRLF line ends has the same checksums and the same SQL", async () => {
  const [lf] = await readMigrations(await makeMigrations({ "0001_a.sql": "SELECT 1;\nSELECT 2;\n" }));
  const [crlf] = await readMigrations(await makeMigrations({ "0001_a.sql": "SELECT 1;\r\nSELECT 2;\r\n" }));
  expect(crlf).toEqual(lf);
});

test("a directory that is not there is said", async () => {
  expect(readMigrations("/does/not/exist")).rejects.toThrow("The directory of migrations can't be read");
});
