// What all commands beside the server share: configuration, a database that is given back whatever happens,
// and errors that a person can act on told in a paragraph instead of a stack trace.

import { BackupError } from "./backup/error.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { type Database, type DatabaseOptions, openDatabase } from "./database.ts";
import { isUnavailable } from "./db.ts";
import { MigrationError } from "./migrate/error.ts";
import { onStopSignal } from "./signals.ts";
import { StartError } from "./start-error.ts";
import { UsageError } from "./usage-error.ts";

/** Reads the arguments of a command, or gives the help that they ask for. Throws UsageError. */
export type ReadArguments<Arguments extends object> = (args: readonly string[]) => Arguments | { help: string };

/**
 * Runs a command and ends the process: with the exit code that `work` gives (0 for none), with 0 and the help on standard
 * output for whoever asks for it, with 2 and a message on standard error for wrong arguments, or with 1 and a message for a
 * bad environment, a database that can't be started or reached, or a failed migration.
 */
export async function runCommand<Arguments extends object>(
  readArguments: ReadArguments<Arguments>,
  work: (config: Config, args: Arguments) => Promise<number | void>,
): Promise<never> {
  // An exit, unlike a signal, gives an embedded database back.
  onStopSignal((_signal, exitCode) => process.exit(exitCode));
  try {
    const args = readArguments(process.argv.slice(2));
    // Who asks for help gets it, whatever the environment holds.
    if ("help" in args) console.log(args.help);
    else process.exitCode = (await work(readConfig(process.env), args)) ?? 0;
  } catch (error) {
    if (!isForPeople(error)) throw error;
    console.error(messageOf(error));
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
  process.exit();
}

/** Opens the database for as long as `work` takes. */
export async function useDatabase<T>(
  config: Config,
  work: (database: Database) => Promise<T>,
  options: DatabaseOptions = {},
): Promise<T> {
  const database = await openDatabase(config, options);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Whether an error is nobody's programming mistake: its message says what to do. */
export function isForPeople(error: unknown): boolean {
  const kinds = [BackupError, ConfigError, StartError, MigrationError, UsageError];
  return kinds.some(kind => error instanceof kind) || isUnavailable(error);
}

/** The message of an error for people. Never holds the address of the database, which has a password in it. */
export function messageOf(error: unknown): string {
  if (!isUnavailable(error)) return (error as Error).message;
  const { code, message } = error as { code?: string; message: string };
  return `The database can't be reached (${code ?? message}). Check that it runs and that DATABASE_URL is right.`;
}
