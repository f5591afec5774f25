// The catalogue that a database at the newest version has: made by applying the migrations to an empty
// database, and checked in beside them, so that `verify` needs no second database to compare with.

import { join } from "node:path";
import { applyMigrations } from "../migrate.ts";
import { type Catalogue, readCatalogue } from "./catalogue.ts";
import { withDatabase, withScratchDatabase } from "./connection.ts";
import { MigrationError } from "./error.ts";
import { MIGRATIONS_DIRECTORY } from "./files.ts";

/** What `verify` expects of a database. */
export type Snapshot = Readonly<{ version: string; catalogue: Catalogue }>;

const FILE_NAME = "schema.snapshot.json";

/** Reads the checked-in snapshot. Throws a MigrationError where there is none. */
export async function readSnapshot(directory: string = MIGRATIONS_DIRECTORY): Promise<Snapshot> {
  const file = Bun.file(join(directory, FILE_NAME));
  if (await file.exists()) return await file.json();
  throw new MigrationError(`${FILE_NAME} is missing beside the migrations. \`bun run migrate snapshot\` writes it.`);
}

/** Applies the migrations to a scratch database on the server of this address and reads what came of it. */
export async function makeSnapshot(url: string, directory: string = MIGRATIONS_DIRECTORY): Promise<Snapshot> {
  return await withScratchDatabase(url, async scratch => {
    const { version } = await applyMigrations(scratch, { directory });
    return { version, catalogue: await withDatabase(scratch, readCatalogue) };
  });
}

/** Writes the snapshot file for the migrations as they are now. */
export async function writeSnapshot(url: string, directory: string = MIGRATIONS_DIRECTORY): Promise<string> {
  const path = join(directory, FILE_NAME);
  await Bun.write(path, `${JSON.stringify(await makeSnapshot(url, directory), null, 2)}\n`);
  return path;
}
