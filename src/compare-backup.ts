// A database beside a backup, row by row: whether it holds what the file does, which is what a restore promises. Each is
// read once, its rows in any order, and no more is kept than a digest of each table.

import { dumpDatabase } from "./backup/dump.ts";
import { BackupError } from "./backup/error.ts";
import type { Header, Sequence } from "./backup/format.ts";
import { readBackup, readDump } from "./backup/reader.ts";
import { rulesFor } from "./backup/restored-rows.ts";
import type { RowsDigest } from "./backup/rows-digest.ts";
import { digestTables } from "./backup/table-digests.ts";
import { readTables } from "./backup/tables.ts";
import { withDatabase } from "./migrate/connection.ts";
import { readHistory } from "./migrate/history.ts";
import type { Progress } from "./progress.ts";

/** One table in both. `leavesOut` says what of it a restore changes, so that it is not compared: all of it, perhaps. */
export type TableComparison = Readonly<{
  name: string;
  isCompared: boolean;
  rowsInFile: number;
  rowsInDatabase: number;
  isEqual: boolean;
  leavesOut: string | undefined;
}>;

export type Comparison = Readonly<{
  /** When the backup was made. */
  createdAt: string;
  tables: readonly TableComparison[];
  /** Sequences that would give a number again which the backup's database has given already. */
  sequencesBehind: readonly string[];
  isEqual: boolean;
}>;

type Side = Readonly<{ header: Header; digests: ReadonlyMap<string, RowsDigest> }>;

/**
 * Compares all tables of the database at `ownerUrl`, in one snapshot, with those in the file. Changes nothing; others go on
 * reading and writing. Throws BackupError where the file is not whole or of another schema, and a MigrationError where
 * there is no database or connection.
 */
export async function compareBackup(ownerUrl: string, path: string, progress: Progress): Promise<Comparison> {
  progress.begin("reading the file");
  const { onTable, digests } = digestTables();
  const { header } = await readBackup(path, onTable);
  const inDatabase = await withDatabase(ownerUrl, async sql => {
    const tables = await readTables(sql);
    if (!Bun.deepEquals(tables, header.tables)) throw otherSchema(path, header);
    const migrations = (await readHistory(sql)).map(({ number, name, checksum }) => ({ number, name, checksum }));
    if (!Bun.deepEquals(migrations, header.migrations)) throw otherSchema(path, header);
    await sql.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const found = digestTables(lastCheckOf(header));
    const dump = await readDump(dumpDatabase(sql, tables, progress), found.onTable);
    return { header: dump.header, digests: found.digests };
  });
  return compare({ header, digests }, inDatabase);
}

function lastCheckOf({ sequences }: Header): bigint {
  const sequence = sequences.find(({ name }) => name === "integrity_checks_id_seq");
  return sequence ? nextOf(sequence) - 1n : 0n;
}

/** A sequence that was never asked stands at its first number already. */
function nextOf({ last_value, is_called }: Sequence): bigint {
  return BigInt(last_value) + (is_called ? 1n : 0n);
}

function compare(inFile: Side, inDatabase: Side): Comparison {
  const rules = rulesFor(undefined);
  const tables = [...inFile.digests].map(([name, expected]) => {
    const found = inDatabase.digests.get(name);
    const rule = rules.get(name);
    return {
      name,
      isCompared: !rule || rule.compared !== undefined,
      rowsInFile: expected.count,
      rowsInDatabase: found?.count ?? 0,
      isEqual: found?.equals(expected) ?? false,
      leavesOut: rule?.leavesOut,
    };
  });
  const sequencesBehind = findBehind(inFile.header.sequences, inDatabase.header.sequences);
  return {
    createdAt: inFile.header.created_at,
    tables,
    sequencesBehind,
    isEqual: sequencesBehind.length === 0 && tables.every(({ isEqual }) => isEqual),
  };
}

function findBehind(inFile: readonly Sequence[], inDatabase: readonly Sequence[]): string[] {
  const found = new Map(inDatabase.map(sequence => [sequence.name, nextOf(sequence)]));
  return inFile.filter(sequence => (found.get(sequence.name) ?? -1n) < nextOf(sequence)).map(({ name }) => name);
}

function otherSchema(path: string, { schema_version, migrations }: Header): BackupError {
  return new BackupError(
    `${path} is of schema ${schema_version} (${migrations.at(-1)?.name ?? "none"}), and this database is not. A backup can be compared with a database of its own schema only: restore it with the release that made it, and compare there.`,
  );
}
