// One connection for a migration command: without the pool's time limits, with a fixed search_path, and
// with failures put in words that never hold a password.

import postgres from "postgres";
import { isUnavailable, type Sql, sqlState } from "../db.ts";
import { MigrationError } from "./error.ts";

const MISSING_DATABASE = "3D000";

// The database exists; the second code is what the later of two CREATE DATABASE at the same time gets.
const DUPLICATE_DATABASE = new Set(["42P04", "23505"]);

// As text: postgres.js drops settings that are 0. Whatever the role or the database has set, a migration takes its time.
const NO_LIMITS: Record<string, string> = {
  statement_timeout: "0",
  lock_timeout: "0",
  idle_in_transaction_session_timeout: "0",
};

/** No database of the name in the address; the server itself answers. */
export class MissingDatabase extends MigrationError {}

/**
 * Opens one connection, gives it to `work` and closes it. Everything outside pg_catalog has to be named with its
 * schema, which makes PostgreSQL print definitions with theirs. Throws MissingDatabase, or a MigrationError that
 * names host, port, database and user where no connection comes about.
 */
export async function withDatabase<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = connect(url);
  try {
    return await work(sql);
  } catch (error) {
    throw explain(error, sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Creates the database that the address names. That somebody else has just done so counts as success. */
export async function createDatabase(url: string): Promise<void> {
  const { database } = connect(url).options;
  await onServer(url, async sql => {
    try {
      await sql.unsafe(`CREATE DATABASE ${quoted(database)} TEMPLATE template0 ENCODING 'UTF8'`);
    } catch (error) {
      if (!DUPLICATE_DATABASE.has(sqlState(error) ?? "")) throw error;
    }
  });
}

/** Runs `work` with a database of its own on the server of this address, which is dropped in the end. */
export async function withScratchDatabase<T>(url: string, work: (url: string) => Promise<T>): Promise<T> {
  const database = `extrophi_scratch_${crypto.randomUUID().slice(0, 8)}`;
  const scratch = new URL(url);
  scratch.pathname = `/${database}`;
  await createDatabase(scratch.href);
  try {
    return await work(scratch.href);
  } finally {
    await onServer(url, sql => sql.unsafe(`DROP DATABASE ${quoted(database)} WITH (FORCE)`));
  }
}

/** What a connection leads to, for messages: everything of its address but the password. */
export function describeTarget(sql: Sql): string {
  const { host, port, database, user } = sql.options;
  return `database "${database}" at ${host[0]}:${port[0]} as user "${user}"`;
}

/** A client for the address, or for another database on the same server; it connects with the first query. */
function connect(url: string, database: string = databaseOf(url)): Sql {
  try {
    return postgres(url, {
      ...(database && { database }),
      max: 1,
      fetch_types: false,
      connect_timeout: 10,
      onnotice: () => {},
      connection: { application_name: "extrophi-migrate", search_path: "pg_catalog", ...NO_LIMITS },
    });
  } catch {
    throw new MigrationError(UNREADABLE);
  }
}

/** postgres.js takes the name as it stands in the address, where a space is %20. */
function databaseOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname.slice(1));
  } catch {
    throw new MigrationError(UNREADABLE);
  }
}

// The parsers' own messages repeat the address, and with it the password.
const UNREADABLE =
  "The address of the database can't be read. It should look like postgres://user:password@host:5432/database.";

/** Connects to the maintenance database, which every server has, whatever the address says. */
async function onServer(url: string, work: (sql: Sql) => Promise<unknown>): Promise<void> {
  const sql = connect(url, "postgres");
  try {
    await work(sql);
  } catch (error) {
    throw explain(error, sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** A name as an SQL identifier. postgres.js's own quoting takes a dot in a name for the end of a schema's. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Errors of the database become a MigrationError whose message may be printed; others are programming mistakes. */
function explain(error: unknown, sql: Sql): unknown {
  if (error instanceof MigrationError) return error;
  const { message } = error as Error;
  const state = sqlState(error);
  if (state === MISSING_DATABASE) {
    return new MissingDatabase(`There is no ${describeTarget(sql)} yet.`, { cause: error });
  }
  const isRefused = error instanceof postgres.PostgresError && error.severity === "FATAL";
  if (isRefused || isUnavailable(error)) {
    return new MigrationError(`No connection to ${describeTarget(sql)}: ${message}`, { cause: error });
  }
  return state === undefined ? error : new MigrationError(`${message} (SQLSTATE ${state})`, { cause: error });
}
