// `migrate verify`: compares a database with what the migrations make of an empty one, and its books with
// the invariants, all in one snapshot of the data. Changes nothing.

import { isUnavailable, sqlState, type Tx } from "../db.ts";
import { checkInvariant, type Invariant, invariants } from "../ledger/invariants.ts";
import { compareCatalogues, KINDS, readCatalogue } from "./catalogue.ts";
import { withDatabase } from "./connection.ts";
import { MigrationError } from "./error.ts";
import { type Migration, readMigrations } from "./files.ts";
import { type Applied, compareHistory, readHistory, readVersion } from "./history.ts";
import { differencesOf, readPrivileges, serverRoleOf } from "./server-role.ts";
import { readSnapshot } from "./snapshot.ts";
import { type Check, checkKind, checkMoneyColumns } from "./structure.ts";
import { SILENCED_TRIGGERS, SURROUNDINGS } from "./surroundings.ts";

/**
 * Makes every check, hands each to `report` as soon as it is made, and says whether none found a difference. Where
 * `serverUrl` is given, what its role may do is one of them. Throws
 * a MigrationError where there is no database or connection, no migration was applied, or the files are not in order.
 */
export async function verifyDatabase(
  url: string,
  options: { report: (check: Check) => void; directory?: string; serverUrl?: string },
): Promise<boolean> {
  const migrations = await readMigrations(options.directory);
  const expected = await readSnapshot(options.directory);
  let matches = true;
  const report = (check: Check) => {
    matches &&= check.differences.length === 0;
    options.report(check);
  };
  await withDatabase(url, async sql => {
    const history = await readHistory(sql);
    if (history.length === 0) {
      throw new MigrationError("No migration was applied to this database: there is nothing to verify.");
    }
    report(checkHistory(migrations, history));
    report(checkVersion(expected.version, await readVersion(sql)));
    // One snapshot: what is committed meanwhile can't make the books look wrong.
    await sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", async tx => {
      const found = await readCatalogue(tx);
      const differences = compareCatalogues(expected.catalogue, found);
      for (const kind of KINDS) report(checkKind(kind, expected.catalogue, found, differences));
      report(checkMoneyColumns(expected.catalogue, found));
      report(await checkByQuery(tx, "settings", "no setting silences triggers", SILENCED_TRIGGERS));
      report(await checkByQuery(tx, "surroundings", "nothing around the schema changes what it means", SURROUNDINGS));
      if (options.serverUrl !== undefined) {
        const role = serverRoleOf(url, options.serverUrl)?.name;
        report(await attempt(tx, ROLE, savepoint => checkServerRole(savepoint, role)));
      }
      report(await checkByQuery(tx, "seed", "the user system is there and can't sign in", WRONG_SEED));
      // Otherwise PostgreSQL follows an index through ten million entries, which takes three times as long as sorting them.
      await tx`SELECT set_config('random_page_cost', '4', true), set_config('work_mem', '64MB', true)`;
      for (const invariant of invariants) report(await checkBooks(tx, invariant));
    });
  });
  return matches;
}

function checkHistory(migrations: readonly Migration[], history: readonly Applied[]): Check {
  const { pending, problems } = compareHistory(migrations, history);
  return {
    name: "migrations",
    summary: `${history.length} applied, none pending, every checksum matches`,
    differences: [...problems, ...pending.map(({ name }) => `${name}.sql is pending`)],
    more: 0,
    notes: [],
  };
}

function checkVersion(expected: string, found: string | undefined): Check {
  const differences = expected === found ? [] : [`schema_version is ${found ?? "missing"}, expected ${expected}`];
  return { name: "version", summary: `schema_version is ${expected}`, differences, more: 0, notes: [] };
}

const WRONG_SEED = `
  SELECT concat('the user system is ', coalesce(u.username || ' ' || u.email || ' ' || u.api_key_prefix, 'missing'),
    CASE WHEN u.is_active THEN ', and active' END) AS difference
  FROM (SELECT) AS one
  LEFT JOIN public.users u ON u.id = '00000000-0000-0000-0000-000000000000'
  WHERE (u.username = 'system' AND u.email = 'system@extrophi.local' AND u.display_name = 'System Account'
    AND u.api_key_prefix = 'ext_sys' AND NOT u.is_active) IS NOT TRUE`;

const ROLE = "server role";

/** What the server's role may do, where it has one of its own. */
async function checkServerRole(tx: Tx, role: string | undefined): Promise<Check> {
  if (role === undefined) {
    const note =
      "the server uses the role that owns the tables, which can do anything to them; docs/operations.md says how it gets one of its own";
    return { name: ROLE, summary: "the owner of the tables", differences: [], more: 0, notes: [note] };
  }
  const differences = differencesOf(await readPrivileges(tx, role)).map(difference => `${role} ${difference}`);
  return { name: ROLE, summary: `${role} may do what a server needs, and no more`, differences, more: 0, notes: [] };
}

/** A check whose query gives one row a difference. */
async function checkByQuery(tx: Tx, name: string, summary: string, query: string): Promise<Check> {
  return await attempt(tx, name, async savepoint => {
    const rows = await savepoint.unsafe<{ difference: string }[]>(query);
    return { name, summary, differences: rows.map(({ difference }) => difference), more: 0, notes: [] };
  });
}

async function checkBooks(tx: Tx, invariant: Invariant): Promise<Check> {
  return await attempt(tx, invariant.name, async savepoint => {
    const { violations, examples } = await checkInvariant(savepoint, invariant);
    const differences = examples.map(({ offender, problem }) => `${offender}: ${problem}`);
    const more = violations - examples.length;
    return { name: invariant.name, summary: invariant.describe, differences, more, notes: [] };
  });
}

/** What can't even be looked at, because a column is gone for instance, is a difference and does not end the others. */
async function attempt(tx: Tx, name: string, check: (savepoint: Tx) => Promise<Check>): Promise<Check> {
  try {
    return await tx.savepoint(check);
  } catch (error) {
    if (sqlState(error) === undefined || isUnavailable(error)) throw error;
    return { name, summary: "", differences: [`can't be checked: ${(error as Error).message}`], more: 0, notes: [] };
  }
}
