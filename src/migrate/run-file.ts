// Runs the SQL of one migration file inside the caller's transaction, in either direction.

import type { Sql, Tx } from "../db.ts";
import { failureOf } from "./error.ts";
import type { Migration } from "./files.ts";

/**
 * What a file waits for a lock at most: everybody who comes after it to the same table waits as long. The work
 * itself may take as long as it needs.
 */
const LOCK_TIMEOUT = "10s";

/** Any number would do; it must be the same in all processes. */
const ADVISORY_LOCK = 7_239_481_650;

/**
 * Lets one migrating process through at a time, until the end of the transaction. It only keeps the log quiet:
 * what makes a second process safe is the primary key of schema_migrations.
 */
export async function lockMigrations(tx: Sql | Tx): Promise<void> {
  await tx`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`;
}

/** Runs a migration's file with search_path public. Throws a MigrationError that names the file and the place. */
export async function runFile(tx: Sql | Tx, migration: Migration, direction: "up" | "down"): Promise<void> {
  const file = direction === "up" ? `${migration.name}.sql` : `${migration.name}.down.sql`;
  const settings = (path: string, lockTimeout: string) =>
    tx`SELECT set_config('search_path', ${path}, true), set_config('lock_timeout', ${lockTimeout}, true)`;
  await settings("public", LOCK_TIMEOUT);
  try {
    await tx.unsafe(migration[direction]);
  } catch (error) {
    throw failureOf(file, migration[direction], error);
  }
  await settings("pg_catalog", "0");
}
