// A backup's way back into an empty database, whichever PostgreSQL that is: everything or nothing.

import { BackupError } from "./backup/error.ts";
import type { Header, Sequence, Table } from "./backup/format.ts";
import { type Contents, readBackup } from "./backup/reader.ts";
import { COPY_SETTINGS, inPublic, readTables } from "./backup/tables.ts";
import { type Bare, withBareTables } from "./bare-tables.ts";
import { copyIn } from "./copy-in.ts";
import { type Sql, sqlState, type Tx } from "./db.ts";
import { MissingDatabase, quoted, withDatabase } from "./migrate/connection.ts";
import { readMigrations } from "./migrate/files.ts";
import { readHistory } from "./migrate/history.ts";
import { applyMigrations } from "./migrate.ts";
import type { Progress } from "./progress.ts";

/**
 * Reads a file to its end, and proves that it is whole and of a schema that this release knows, before any database is touched.
 * Throws BackupError.
 */
export async function checkBackup(path: string, progress: Progress): Promise<Contents> {
  progress.begin("reading the file");
  const contents = await readBackup(path, async (_table, rows) => {
    for await (const _ of rows);
  });
  await requireKnownSchema(path, contents.header);
  return contents;
}

/**
 * Restores a file that `checkBackup` has read, in one transaction that nobody else sees before it is complete: as the owner,
 * with triggers silent, and with foreign keys and indexes proved and built anew over all rows. Creates and migrates the
 * database where that is missing or bare: to the schema of the file first, and to that of this release when the rows are
 * in. Throws BackupError, having changed nothing, where it holds anything already.
 */
export async function restoreBackup(
  ownerUrl: string,
  path: string,
  { header, rowsOf }: Contents,
  progress: Progress,
): Promise<void> {
  await requireBareOrMigrated(ownerUrl, header);
  await applyMigrations(ownerUrl, { through: newestOf(header) });
  await withDatabase(ownerUrl, async sql => {
    await sql.begin(tx => fill(tx, path, { header, rowsOf }, progress));
    progress.begin("tidying up (VACUUM)");
    // Not the system's own tables, which only a superuser may.
    await sql.unsafe(`VACUUM (ANALYZE) ${header.tables.map(({ name }) => inPublic(name)).join(", ")}`);
  });
  progress.begin("migrating");
  await applyMigrations(ownerUrl);
}

function newestOf({ migrations }: Pick<Header, "migrations">): number {
  return migrations.at(-1)?.number ?? 0;
}

/** Before migrations are applied: a database of something else is nothing to build in. */
async function requireBareOrMigrated(ownerUrl: string, header: Header): Promise<void> {
  try {
    await withDatabase(ownerUrl, async sql => {
      const tables = await readTables(sql);
      if (tables.length === 0) return;
      if (!tables.some(({ name }) => name === "schema_migrations")) throw notEmpty(tables[0]?.name ?? "");
      await requireEmpty(sql, tables);
      const further = (await readHistory(sql)).find(({ number }) => number > newestOf(header));
      if (further) throw tooNew(header, further.name);
    });
  } catch (error) {
    if (!(error instanceof MissingDatabase)) throw error;
  }
}

/** Tables that every migrated database has rows in, and which of their rows those are. */
const FROM_MIGRATIONS: Readonly<Record<string, string>> = {
  schema_migrations: "true",
  schema_metadata: "true",
  users: "id = '00000000-0000-0000-0000-000000000000'",
  sync_heads: "user_id = '00000000-0000-0000-0000-000000000000'",
};

async function requireEmpty(sql: Sql | Tx, tables: readonly Table[]): Promise<void> {
  for (const { name } of tables) {
    const rows = await sql.unsafe(
      `SELECT FROM ${inPublic(name)} WHERE NOT (${FROM_MIGRATIONS[name] ?? "false"}) LIMIT 1`,
    );
    if (rows.length > 0) throw notEmpty(name);
  }
}

function tooNew({ schema_version }: Header, migration: string): BackupError {
  return new BackupError(
    `The backup is of schema ${schema_version}, and this database is empty but already has ${migration}. Give a database that holds nothing at all, or one that does not exist yet: it gets the backup's schema first, and that of this release when the rows are in. Nothing was changed.`,
  );
}

function notEmpty(table: string): BackupError {
  return new BackupError(
    `This database is not empty: there are rows in ${table}, or tables that are somebody else's. A backup is restored only into a database that holds nothing. Set DATA_DIR or DATABASE_URL to another one; what is there stays as it is. Nothing was changed.`,
  );
}

async function fill(tx: Tx, path: string, { header, rowsOf }: Pick<Contents, "header" | "rowsOf">, progress: Progress) {
  const tables = await readTables(tx);
  const names = tables.map(({ name }) => inPublic(name));
  await tx.unsafe(`LOCK TABLE ${names.join(", ")} IN ACCESS EXCLUSIVE MODE NOWAIT`).catch(error => {
    if (sqlState(error) !== "55P03") throw error;
    throw new BackupError("Somebody is using this database, perhaps a server. Stop it first. Nothing was changed.");
  });
  await requireEmpty(tx, tables);
  if (!Bun.deepEquals(header.tables, tables)) {
    throw new BackupError(
      "The tables of the backup are not those of this database. `bun run migrate verify` says how it differs from its migrations. Nothing was changed.",
    );
  }
  await tx.unsafe(COPY_SETTINGS);
  // For building indexes: the defaults would sort millions of entries in tiny pieces.
  await tx`SELECT set_config('maintenance_work_mem', '256MB', true), set_config('work_mem', '64MB', true)`;
  const bare: Bare = { tables: names, triggers: undefined };
  await withBareTables(
    tx,
    bare,
    async () => {
      await tx.unsafe(`TRUNCATE ${names.join(", ")}`);
      await readBackup(path, async ({ name, columns }, rows) => {
        progress.begin(`copying ${name}`, rowsOf.get(name));
        const statement = `COPY ${inPublic(name)} (${columns.map(quoted).join(", ")}) FROM STDIN`;
        await copyIn(tx, statement, counted(rows, progress));
      });
      progress.begin("beginning another history of changes");
      await renewSyncEpoch(tx);
      // Before the foreign keys are proved: without statistics that takes a plan for small tables.
      progress.begin("analysing");
      await tx.unsafe(`ANALYZE ${names.join(", ")}`);
    },
    (what, done, total) => progress.begin(`building ${what} (${done + 1} of ${total})`),
  );
  // At the very end, because no rollback would take it back.
  for (const sequence of header.sequences) await setSequence(tx, sequence);
}

/** A schema from before that had epochs gets its first one from the migration that brings them. */
async function renewSyncEpoch(tx: Tx): Promise<void> {
  const [found] = await tx`SELECT WHERE to_regprocedure('public.renew_sync_epoch()') IS NOT NULL`;
  if (found) await tx`SELECT public.renew_sync_epoch()`;
}

/** A chunk has some hundred rows; counting its line ends once more costs less than a millisecond in ten thousand. */
async function* counted(chunks: AsyncIterable<Buffer>, progress: Progress): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    yield chunk;
    let rows = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, end + 1)) rows++;
    progress.advance(rows);
  }
}

async function setSequence(tx: Tx, { name, last_value, is_called }: Sequence): Promise<void> {
  await tx`SELECT setval(${inPublic(name)}::regclass, ${last_value}::bigint, ${is_called})`;
}

async function requireKnownSchema(path: string, { migrations, schema_version }: Header): Promise<void> {
  const ours = await readMigrations();
  const known = new Map(ours.map(({ name, checksum }) => [name, checksum]));
  const [newest, latest] = [migrations.at(-1)?.name ?? "none", ours.at(-1)?.name ?? "none"];
  const differs = (what: string) =>
    new BackupError(`${path} is of schema ${schema_version} (${newest}): ${what} Nothing was changed.`);
  for (const { name, checksum } of migrations) {
    if (!known.has(name)) {
      throw differs(
        `this release knows the schema up to ${latest} only. Restore it with the release that made it, or a later one.`,
      );
    }
    if (known.get(name) !== checksum) {
      throw differs(`its migration ${name} is not the one of this release. Restore it with the release that made it.`);
    }
  }
}
