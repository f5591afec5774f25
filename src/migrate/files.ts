// The files under migrations/: finds them, reads them, and refuses a directory that is not in order
// before anything reaches the database.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { MigrationError } from "./error.ts";

/** One step of the schema. `name` is the file's name without its ending; the SQL has LF line ends. */
export type Migration = Readonly<{
  number: number;
  name: string;
  up: string;
  down: string;
  /** SHA-256 of `up`, in hex. */
  checksum: string;
}>;

/** Where the project's own migrations stand. */
export const MIGRATIONS_DIRECTORY = join(import.meta.dir, "..", "..", "migrations");

const FILE_NAME = /^((\d{4})_[a-z0-9_-]+?)(\.down)?\.sql$/;

// PL/pgSQL's BEGIN has no semicolon after it; one that has would end the transaction around the file.
const TRANSACTION_CONTROL = /^[ \t]*(BEGIN|START[ \t]+TRANSACTION|COMMIT|ROLLBACK)([ \t]+(WORK|TRANSACTION))?[ \t]*;/im;

/**
 * Reads the migrations in the order of their numbers. Throws a MigrationError that names every misnamed file,
 * number given twice, gap, missing half and file that would end its own transaction.
 */
export async function readMigrations(directory: string = MIGRATIONS_DIRECTORY): Promise<readonly Migration[]> {
  const files = (await listDirectory(directory)).filter(file => file.endsWith(".sql")).sort();
  const problems = problemsOf(files);
  const migrations = problems.length ? [] : await Promise.all(files.filter(isUp).map(file => read(directory, file)));
  for (const { name, up, down } of migrations) {
    if (TRANSACTION_CONTROL.test(up)) problems.push(`${name}.sql ends its own transaction`);
    if (TRANSACTION_CONTROL.test(down)) problems.push(`${name}.down.sql ends its own transaction`);
  }
  if (problems.length) throw new MigrationError(`The migrations are not in order:\n  ${problems.join("\n  ")}`);
  return migrations;
}

async function listDirectory(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    throw new MigrationError(`The directory of migrations can't be read: ${(error as Error).message}`);
  }
}

function problemsOf(files: readonly string[]): string[] {
  const present = new Set(files);
  const problems: string[] = [];
  const numbered: string[] = [];
  for (const file of files) {
    const [, name, , down] = FILE_NAME.exec(file) ?? [];
    if (name === undefined) problems.push(`${file} is not named NNNN_slug.sql or NNNN_slug.down.sql`);
    else if (down && !present.has(`${name}.sql`)) problems.push(`${file} has no ${name}.sql`);
    else if (!down) numbered.push(file);
    if (name !== undefined && !down && !present.has(`${name}.down.sql`)) {
      problems.push(`${file} has no ${name}.down.sql`);
    }
  }
  for (const [index, file] of numbered.entries()) {
    const number = numberOf(file);
    const before = index === 0 ? 0 : numberOf(numbered[index - 1] ?? "");
    if (number === before) problems.push(`${file} and ${numbered[index - 1]} have the same number`);
    else if (number !== before + 1) problems.push(`${file} follows ${before}: a number is missing between them`);
  }
  return problems;
}

function isUp(file: string): boolean {
  return !file.endsWith(".down.sql");
}

function numberOf(file: string): number {
  return Number(file.slice(0, 4));
}

async function read(directory: string, file: string): Promise<Migration> {
  const name = file.slice(0, -".sql".length);
  const [up, down] = await Promise.all([readSql(join(directory, file)), readSql(join(directory, `${name}.down.sql`))]);
  const checksum = new Bun.CryptoHasher("sha256").update(up).digest("hex");
  return { number: numberOf(file), name, up, down, checksum };
}

/** With LF line ends, so that a checkout with CRLF has the same checksum and makes the same functions. */
async function readSql(path: string): Promise<string> {
  return (await Bun.file(path).text()).replaceAll("\r\n", "\n");
}
