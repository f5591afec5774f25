// `migrate status`: how far a database has come and how much is in it. Changes nothing.

import { readCatalogue } from "./catalogue.ts";
import { describeTarget, MissingDatabase, withDatabase } from "./connection.ts";
import { countRows } from "./count.ts";
import { readMigrations } from "./files.ts";
import { type Applied, compareHistory, readHistory, readVersion } from "./history.ts";

/** The tables of the contract, named first in every list. */
const CORE_TABLES = ["users", "cards", "attributions", "extropy_ledger", "sync_state"];

/** `target` names the database; `rows` holds counts as text, the core tables first. */
export type Status = Readonly<{
  target: string;
  version: string | undefined;
  applied: readonly Applied[];
  pending: readonly string[];
  /** How the files differ from what was applied; empty is as it should be. */
  problems: readonly string[];
  rows: ReadonlyMap<string, string>;
}>;

/**
 * Reads the status. Undefined where the database does not exist yet. Throws a MigrationError where there is no
 * connection or the directory of migrations is not in order.
 */
export async function readStatus(url: string, options: { directory?: string } = {}): Promise<Status | undefined> {
  const migrations = await readMigrations(options.directory);
  try {
    return await withDatabase(url, async sql => {
      const applied = await readHistory(sql);
      const { pending, problems } = compareHistory(migrations, applied);
      const tables = Object.keys((await readCatalogue(sql)).table);
      const core = CORE_TABLES.filter(name => tables.includes(name));
      const others = tables.filter(name => !CORE_TABLES.includes(name));
      return {
        target: describeTarget(sql),
        version: await readVersion(sql),
        applied,
        pending: pending.map(({ name }) => name),
        problems,
        rows: await countRows(sql, [...core, ...others]),
      };
    });
  } catch (error) {
    if (error instanceof MissingDatabase) return undefined;
    throw error;
  }
}
