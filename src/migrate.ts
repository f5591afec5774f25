// Brings a database to the newest schema: `migrate apply`, and the first thing that every server does.
// The other commands and what they share stand in src/migrate/.

import type { Sql } from "./db.ts";
import { type Catalogue, compareCatalogues, type Kind, readCatalogue } from "./migrate/catalogue.ts";
import { createDatabase, MissingDatabase, withDatabase } from "./migrate/connection.ts";
import { MigrationError } from "./migrate/error.ts";
import { type Migration, readMigrations } from "./migrate/files.ts";
import { pendingOf, readHistory, readVersion, recordMigration } from "./migrate/history.ts";
import { listObjects } from "./migrate/listing.ts";
import { lockMigrations, runFile } from "./migrate/run-file.ts";
import { ensureServerRole, type ServerRole, serverRoleOf } from "./migrate/server-role.ts";

/** The oldest PostgreSQL that the migrations are tested on. */
const POSTGRES_MIN = 15;

/**
 * `log` takes the lines a person should see; `directory` is the project's own unless given; `through` is the number of the
 * last migration that is wanted, all unless given. `serverUrl` is the address that the server will use: its role is made
 * where it is missing, and gets the rights that it needs.
 */
export type MigrateOptions = Readonly<{
  log?: (line: string) => void;
  directory?: string;
  through?: number;
  serverUrl?: string;
}>;

/**
 * Creates the database where it is missing and applies what is pending, each file in its own transaction. Several
 * processes may do so at once: each file is applied by one of them, and all of them succeed. `applied` names what
 * this process applied; `version` is schema_version afterwards, "unknown" where the schema has none. Where nothing
 * is pending this is two round trips. Throws a MigrationError; the failed file and those after it are not applied.
 */
export async function applyMigrations(
  url: string,
  options: MigrateOptions = {},
): Promise<{ applied: string[]; version: string }> {
  const { log = () => {}, through = Number.POSITIVE_INFINITY } = options;
  const migrations = await readMigrations(options.directory);
  const role = serverRoleOf(url, options.serverUrl);
  const apply = () => withDatabase(url, sql => applyAll(sql, { migrations, through, role, log }));
  try {
    return await apply();
  } catch (error) {
    if (!(error instanceof MissingDatabase)) throw error;
    await createDatabase(url);
    log("The database was missing and is created.");
    return await apply();
  }
}

type Work = Readonly<{
  migrations: readonly Migration[];
  through: number;
  role: ServerRole | undefined;
  log: (line: string) => void;
}>;

async function applyAll(sql: Sql, work: Work) {
  const result = await applyPending(sql, work);
  if (work.role && (await ensureServerRole(sql, work.role))) {
    work.log(`The server's role ${work.role.name} may do what it needs, and no more.`);
  }
  return result;
}

async function applyPending(sql: Sql, { migrations, through, log }: Work) {
  const [history, version] = await Promise.all([readHistory(sql), readVersion(sql)]);
  const pending = pendingOf(migrations, history).filter(({ number }) => number <= through);
  if (pending.length === 0) {
    log(`Nothing to apply: the schema is at version ${version ?? "unknown"}.`);
    return { applied: [], version: version ?? "unknown" };
  }
  await requirePostgres(sql);
  const before = await readSettledCatalogue(sql);
  const applied: string[] = [];
  for (const migration of pending) {
    const started = performance.now();
    if (await applyOne(sql, migration)) {
      applied.push(migration.name);
      log(`✓ ${migration.name} applied in ${Math.round(performance.now() - started)} ms`);
    } else {
      log(`✓ ${migration.name} was applied by another process meanwhile`);
    }
  }
  // What another process applied must have been the same files.
  pendingOf(migrations, await readHistory(sql));
  const reached = (await readVersion(sql)) ?? "unknown";
  for (const line of summarise(before, await readSettledCatalogue(sql))) log(line);
  log(`The schema is at version ${reached}.`);
  return { applied, version: reached };
}

async function requirePostgres(sql: Sql): Promise<void> {
  const [row] = await sql<{ major: number; version: string }[]>`
    SELECT current_setting('server_version_num')::integer / 10000 AS major, current_setting('server_version') AS version`;
  if (row && row.major < POSTGRES_MIN) {
    throw new MigrationError(`PostgreSQL ${POSTGRES_MIN} or later is needed; this server is ${row.version}.`);
  }
}

/**
 * The catalogue while nobody migrates. PostgreSQL finds the rows of a catalogue as of one moment and describes them as of a
 * later one: of an index that another process drops in between it says "cache lookup failed".
 */
function readSettledCatalogue(sql: Sql): Promise<Catalogue> {
  return sql.begin(async tx => {
    await lockMigrations(tx);
    return await readCatalogue(tx);
  });
}

/** False where another process has applied it. */
async function applyOne(sql: Sql, migration: Migration): Promise<boolean> {
  return await sql.begin(async tx => {
    await lockMigrations(tx);
    if (!(await recordMigration(tx, migration))) return false;
    await runFile(tx, migration, "up");
    return true;
  });
}

/** The kinds that the summary names; the others come along with these. */
const SUMMARISED: ReadonlySet<Kind> = new Set(["table", "trigger", "view", "function"]);

function summarise(before: Catalogue, after: Catalogue): string[] {
  const created = compareCatalogues(before, after).filter(
    ({ kind, expected }) => expected === undefined && SUMMARISED.has(kind),
  );
  return listObjects(created, count => `Created ${count}:`);
}
