// `migrate rollback`: takes the newest migrations back, after a rehearsal that shows what would be lost.

import type { Sql, Tx } from "../db.ts";
import { type Catalogue, compareCatalogues, type Difference, readCatalogue } from "./catalogue.ts";
import { withDatabase } from "./connection.ts";
import { countRows } from "./count.ts";
import { MigrationError } from "./error.ts";
import { type Migration, readMigrations } from "./files.ts";
import { forgetMigration, pendingOf, readHistory } from "./history.ts";
import { lockMigrations, runFile } from "./run-file.ts";

/** What a rollback would do: the migrations taken back, newest first, and what would no longer be there. */
export type Losses = Readonly<{
  migrations: readonly string[];
  /** Objects that would go or, where `found` is set, change. */
  objects: readonly Difference[];
  /** Row counts as text of the tables that would go, and of those that would hold another number of rows. */
  rows: ReadonlyMap<string, { before: string; after: string | undefined }>;
}>;

export type RollbackOptions = Readonly<{
  /** The number of the migration that is to be the newest; without it one step is taken. 0 leaves nothing behind. */
  to?: number | undefined;
  /** Asked before anything is changed; anything but true leaves the database as it is. */
  confirm: (losses: Losses) => Promise<boolean>;
  directory?: string;
}>;

/**
 * Takes migrations back, all in one transaction, so that a step that fails leaves everything as it was. Gives the
 * names of those taken back; undefined where `confirm` said no. Throws a MigrationError, among others where a down
 * file refuses because of rows that exist.
 */
export async function rollbackMigrations(url: string, options: RollbackOptions): Promise<string[] | undefined> {
  const migrations = await readMigrations(options.directory);
  return await withDatabase(url, async sql => {
    const steps = await stepsBack(sql, migrations, options.to);
    if (steps.length === 0) return [];
    if (!(await options.confirm(await rehearse(sql, steps)))) return undefined;
    await sql.begin(async tx => {
      await lockMigrations(tx);
      const now = await readHistory(tx);
      if (now.at(-1)?.number !== steps[0]?.number) {
        throw new MigrationError("Another process has migrated the database meanwhile. Nothing was changed.");
      }
      await takeBack(tx, steps);
    });
    return steps.map(({ name }) => name);
  });
}

/** Those to take back, newest first. */
async function stepsBack(sql: Sql, migrations: readonly Migration[], to: number | undefined): Promise<Migration[]> {
  const history = await readHistory(sql);
  pendingOf(migrations, history);
  const newest = history.at(-1)?.number ?? 0;
  if (to !== undefined && to > newest) {
    throw new MigrationError(`The newest migration that was applied is ${newest}: there is no going back to ${to}.`);
  }
  const target = to ?? newest - 1;
  const numbers = new Set(history.map(({ number }) => number).filter(number => number > target));
  return migrations.filter(({ number }) => numbers.has(number)).reverse();
}

async function takeBack(tx: Sql | Tx, steps: readonly Migration[]): Promise<void> {
  for (const step of steps) {
    await runFile(tx, step, "down");
    await forgetMigration(tx, step);
  }
}

/** Does it all and takes it back again: what would be lost is seen, not guessed. */
async function rehearse(sql: Sql, steps: readonly Migration[]): Promise<Losses> {
  await sql`BEGIN`;
  try {
    const before = await readCatalogue(sql);
    const rowsBefore = await countRows(sql, Object.keys(before.table));
    await takeBack(sql, steps);
    const after = await readCatalogue(sql);
    const rowsAfter = await countRows(sql, Object.keys(after.table));
    return {
      migrations: steps.map(({ name }) => name),
      objects: objectsLost(before, after),
      rows: rowsLost(rowsBefore, rowsAfter),
    };
  } finally {
    await sql`ROLLBACK`;
  }
}

/** Without the parts of a table that goes as a whole. */
function objectsLost(before: Catalogue, after: Catalogue): Difference[] {
  const lost = compareCatalogues(before, after).filter(({ expected }) => expected !== undefined);
  const tables = new Set(
    lost.filter(({ kind, found }) => kind === "table" && found === undefined).map(({ name }) => name),
  );
  return lost.filter(({ kind, name }) => kind === "table" || !tables.has(name.split(".")[0] ?? ""));
}

/** Without the runner's own table, whose rows nobody misses. */
function rowsLost(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Losses["rows"] {
  const changed = [...before].filter(([table, count]) => table !== "schema_migrations" && after.get(table) !== count);
  return new Map(changed.map(([table, count]) => [table, { before: count, after: after.get(table) }]));
}
