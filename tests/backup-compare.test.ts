// A database is compared with a backup: one changed cell anywhere turns it red, and what a restore changes does not.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { createBackup } from "../src/backup.ts";
import { type Comparison, compareBackup } from "../src/compare-backup.ts";
import type { Sql } from "../src/db.ts";
import { checkIntegrity } from "../src/ledger/integrity/check.ts";
import { applyMigrations } from "../src/migrate.ts";
import { dropBooks, openBooks } from "./integrity-support.ts";
import { restore, silent } from "./restore-support.ts";
import { createFolder, startProgram } from "./server.ts";
import { emptyDatabase } from "./support.ts";

setDefaultTimeout(60_000);
afterEach(dropBooks);

/** Books that were checked, a device's document, and their backup. */
async function backUpBooks() {
  const opened = await openBooks();
  await checkIntegrity(opened.sql, { full: true });
  const path = join(createFolder(), "books.backup");
  await createBackup(opened.url, path, silent());
  return { ...opened, path };
}

const differing = ({ tables, sequencesBehind }: Comparison) => [
  ...tables.filter(({ isEqual }) => !isEqual).map(({ name }) => name),
  ...sequencesBehind,
];

/** Writes past all triggers, as a bad disk would. */
const falsify = (sql: Sql, statement: string) =>
  sql.begin(async tx => {
    await tx`SET LOCAL session_replication_role = replica`;
    expect((await tx.unsafe(statement)).count).toBeGreaterThan(0);
  });

test("a database is what its backup holds, and so is one that it was restored into and that was checked", async () => {
  const { url, path } = await backUpBooks();
  const itself = await compareBackup(url, path, silent());
  expect([itself.isEqual, differing(itself)]).toEqual([true, []]);
  const target = await emptyDatabase();
  await restore(target.url, path);
  await checkIntegrity(target.sql, { full: true });
  const restored = await compareBackup(target.url, path, silent());
  expect([restored.isEqual, differing(restored)]).toEqual([true, []]);
  expect(restored.tables.filter(({ leavesOut }) => leavesOut).map(({ name }) => name)).toEqual([
    "integrity_checks",
    "integrity_heads",
    "integrity_results",
    "schema_metadata",
    "sync_heads",
  ]);
});

test("one changed cell is found in whichever table it is, and so are a row too few, one too many, and two values that were exchanged", async () => {
  const { url, sql, books } = await openBooks();
  await checkIntegrity(sql, { full: true });
  await sql`ALTER TABLE extropy_ledger DISABLE TRIGGER USER`;
  const folder = createFolder();
  const faults = [
    ["users", `UPDATE users SET bio = 'Somebody else.' WHERE id = '${books.bob}'`],
    ["users", `UPDATE users SET bio = NULL WHERE id = '${books.bob}'`],
    ["cards", `UPDATE cards SET content = content || ' ' WHERE id = '${books.cited}'`],
    ["attributions", "UPDATE attributions SET extropy_amount = extropy_amount + 0.01"],
    ["extropy_ledger", "UPDATE extropy_ledger SET created_at = created_at + interval '1 microsecond' WHERE leg = 2"],
    ["schema_migrations", "UPDATE schema_migrations SET applied_at = now() WHERE number = 3"],
    ["schema_metadata", "UPDATE schema_metadata SET value = '0.0.1' WHERE key = 'schema_version'"],
    ["sync_heads", `UPDATE sync_heads SET change_no = change_no + 1 WHERE user_id = '${books.bob}'`],
    ["integrity_checks", "UPDATE integrity_checks SET root = repeat('0', 64)"],
    ["integrity_heads", `UPDATE integrity_heads SET entry_count = 1 WHERE user_id = '${books.alice}'`],
    ["integrity_heads", "DELETE FROM integrity_heads"],
    [
      "transaction_notes",
      "INSERT INTO transaction_notes (transaction_id, author_id, note) SELECT transaction_id, user_id, 'Added.' FROM extropy_ledger LIMIT 1",
    ],
    [
      "users",
      `UPDATE users u SET entry_count = o.entry_count FROM users o
       WHERE o.id <> u.id AND o.entry_count <> u.entry_count AND '{${books.alice},${books.carol}}' @> ARRAY[u.id, o.id]`,
    ],
    ["cards", `DELETE FROM cards WHERE id = '${books.citing}'`],
  ] as const;
  for (const [no, [table, statement]] of faults.entries()) {
    const path = join(folder, `${no}.backup`);
    await createBackup(url, path, silent());
    await falsify(sql, statement);
    expect({ statement, differing: differing(await compareBackup(url, path, silent())) }).toEqual({
      statement,
      differing: [table],
    });
  }
});

test("a change of the other direction makes nothing good again, and a sequence that fell behind is told", async () => {
  const { url, sql, path, books } = await backUpBooks();
  await falsify(sql, `UPDATE users SET bio = 'a' WHERE id = '${books.alice}'`);
  await falsify(sql, `UPDATE users SET bio = 'a' WHERE id = '${books.bob}'`);
  await sql`SELECT setval('extropy_ledger_id_seq', 1)`;
  const comparison = await compareBackup(url, path, silent());
  expect([comparison.isEqual, differing(comparison)]).toEqual([false, ["users", "extropy_ledger_id_seq"]]);
});

test("the command names what differs and exits 1, and 0 where nothing does", async () => {
  const { url, sql, path, books } = await backUpBooks();
  const run = async (DATABASE_URL: string) => {
    const program = startProgram(["src/commands/backup-compare.ts", path], { env: { DATABASE_URL } });
    return [await program.exited, program.stdout(), program.stderr()] as const;
  };
  const [green, stdout] = await run(url);
  expect(green).toBe(0);
  expect(stdout).toMatch(/^✓ users +4 rows$/m);
  expect(stdout).toMatch(/^✓ schema_metadata +\d+ rows, without sync_epoch$/m);
  expect(stdout).toMatch(/^- integrity_results +not compared: what the last check found$/m);
  expect(stdout).toMatch(/\n\nEqual: \d+ rows of \d+ tables are as they were at \d{4}-\S+Z\.\n$/);
  await falsify(sql, `UPDATE users SET bio = 'x' WHERE id = '${books.carol}'`);
  await falsify(sql, `DELETE FROM cards WHERE id = '${books.cited}'`);
  const [exitCode, red, stderr] = await run(url);
  expect([exitCode, stderr]).toEqual([1, ""]);
  expect(red).toMatch(/^✗ users +4 rows as in the file, and not the same ones$/m);
  expect(red).toMatch(/^✗ cards +1 row, in the file 2$/m);
  expect(red).toMatch(/\n\nNot what \S+books\.backup holds, made at \S+Z: cards, users\.\n$/);
});

test("what can't be compared is refused: no tables, another schema, no such file", async () => {
  const { path } = await backUpBooks();
  const { url, sql } = await emptyDatabase();
  expect(compareBackup(url, path, silent())).rejects.toThrow(/is of schema .* and this database is not/);
  await applyMigrations(url, { through: 5 });
  expect(compareBackup(url, path, silent())).rejects.toThrow(/compared with a database of its own schema/);
  // Also where the tables are the same.
  await applyMigrations(url);
  await sql`UPDATE schema_migrations SET checksum = ${"0".repeat(64)} WHERE number = 5`;
  expect(compareBackup(url, path, silent())).rejects.toThrow(/compared with a database of its own schema/);
  expect(compareBackup(url, `${path}.missing`, silent())).rejects.toThrow(/can't be read: ENOENT/);
});
