// The table schema_migrations: which files were applied, and what they looked like then. It belongs to the
// runner, not to a numbered file: it comes with the first migration and goes with it.

import { type Sql, sqlState, type Tx } from "../db.ts";
import { MigrationError } from "./error.ts";
import type { Migration } from "./files.ts";

/** A row of schema_migrations; `applied_at` in UTC, to the second. */
export type Applied = Readonly<{ number: number; name: string; checksum: string; applied_at: string }>;

const UNDEFINED_TABLE = "42P01";

// Two processes can both find no table and both create it; the later one gets one of these.
const CREATED_MEANWHILE = new Set(["42P07", "23505"]);

/** The applied migrations by number; none where the table is missing. */
export async function readHistory(sql: Sql | Tx): Promise<readonly Applied[]> {
  try {
    return await sql<Applied[]>`
      SELECT number, name, checksum, to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS applied_at
      FROM public.schema_migrations
      ORDER BY number`;
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return [];
    throw error;
  }
}

/** `schema_version` of schema_metadata; undefined where that is missing. */
export async function readVersion(sql: Sql | Tx): Promise<string | undefined> {
  try {
    const [row] = await sql<{ value: string }[]>`
      SELECT value FROM public.schema_metadata WHERE key = 'schema_version'`;
    return row?.value;
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return undefined;
    throw error;
  }
}

/** What is to be applied still, and every way in which the files are no longer those that were applied. */
export function compareHistory(
  migrations: readonly Migration[],
  history: readonly Applied[],
): { pending: readonly Migration[]; problems: readonly string[] } {
  const files = new Map(migrations.map(migration => [migration.number, migration]));
  const applied = new Set(history.map(row => row.number));
  const newest = Math.max(0, ...applied);
  const problems = history.flatMap(row => {
    const file = files.get(row.number);
    if (!file) return `${row.name}.sql was applied and is no longer there`;
    if (file.name !== row.name) return `${row.name}.sql was applied and is called ${file.name}.sql now`;
    return file.checksum === row.checksum ? [] : `${row.name}.sql was changed after it was applied`;
  });
  const pending = migrations.filter(({ number }) => !applied.has(number));
  for (const { number, name } of pending) {
    if (number < newest) problems.push(`${name}.sql was never applied, though later ones were`);
  }
  return { pending, problems };
}

/** The migrations still to be applied. Throws a MigrationError where the files contradict the history. */
export function pendingOf(migrations: readonly Migration[], history: readonly Applied[]): readonly Migration[] {
  const { pending, problems } = compareHistory(migrations, history);
  if (problems.length === 0) return pending;
  throw new MigrationError(
    `The migration files are not those that this database was made with:\n  ${problems.join("\n  ")}\n` +
      "Put the files back as they were applied; a change of the schema needs a new migration.",
  );
}

/**
 * Records a migration as applied, before its file is run: a second process that does the same waits here for
 * the first one's end. False where that one has applied it.
 */
export async function recordMigration(tx: Tx, migration: Migration): Promise<boolean> {
  if (migration.number === 1) await createHistory(tx);
  const { number, name, checksum } = migration;
  const rows = await tx`
    INSERT INTO public.schema_migrations (number, name, checksum) VALUES (${number}, ${name}, ${checksum})
    ON CONFLICT (number) DO NOTHING
    RETURNING number`;
  return rows.length === 1;
}

/** Forgets a migration; after the first one the table itself goes. */
export async function forgetMigration(tx: Sql | Tx, migration: Migration): Promise<void> {
  await tx`DELETE FROM public.schema_migrations WHERE number = ${migration.number}`;
  if (migration.number === 1) await tx`DROP TABLE public.schema_migrations`;
}

async function createHistory(tx: Tx): Promise<void> {
  try {
    await tx.savepoint(
      savepoint => savepoint`
        CREATE TABLE IF NOT EXISTS public.schema_migrations (
          number integer CONSTRAINT schema_migrations_pkey PRIMARY KEY,
          name varchar(255) NOT NULL,
          checksum char(64) NOT NULL,
          applied_at timestamptz NOT NULL DEFAULT now()
        )`,
    );
  } catch (error) {
    if (!CREATED_MEANWHILE.has(sqlState(error) ?? "")) throw error;
  }
}
