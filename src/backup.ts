// A backup of a database that goes on serving: one snapshot of all tables and sequences, in one file. Needs no
// pg_dump, which the embedded PostgreSQL lacks, and moves between versions of PostgreSQL and machines.

import { dumpDatabase } from "./backup/dump.ts";
import { BackupError } from "./backup/error.ts";
import { BackupFile } from "./backup/file.ts";
import type { Trailer } from "./backup/format.ts";
import { readTables } from "./backup/tables.ts";
import { withDatabase } from "./migrate/connection.ts";
import type { Progress } from "./progress.ts";

/** What was written; `size` is that of the file, in bytes. */
export type Backup = Readonly<{ tables: number; rows: number; size: number }>;

/**
 * Writes a backup of the database at `ownerUrl` to a new file of mode 0600. Others go on reading and writing; migrations
 * wait for it. Throws BackupError where the file exists or can't be written, no migration was applied or one is under way,
 * and a MigrationError where there is no database or connection. Either way nothing is left behind.
 */
export async function createBackup(ownerUrl: string, path: string, progress: Progress): Promise<Backup> {
  const file = await BackupFile.create(path);
  try {
    const { tables, rows } = await withDatabase(ownerUrl, async sql => {
      const found = await readTables(sql);
      if (!found.some(({ name }) => name === "schema_migrations")) {
        throw new BackupError("No migration was applied to this database: there is nothing to back up.");
      }
      // Not sql.begin: after a full disk that would wait for the rest of a COPY that nobody reads. This one connection is
      // cut instead, which ends the transaction as well.
      await sql.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      try {
        return await writeDump(file, dumpDatabase(sql, found, progress));
      } catch (error) {
        await sql.end({ timeout: 0 });
        throw error;
      }
    });
    return { tables, rows, size: await file.complete() };
  } catch (error) {
    await file.discard();
    throw error;
  }
}

async function writeDump(file: BackupFile, dump: AsyncGenerator<Buffer, Trailer>): Promise<Trailer> {
  let trailer: Trailer | undefined;
  await file.write(
    (async function* () {
      trailer = yield* dump;
    })(),
  );
  if (!trailer) throw new Error("the dump gave no trailer");
  return trailer;
}
