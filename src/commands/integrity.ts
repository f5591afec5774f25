// The command `bun run integrity`: proves the books and prints what it found. Exits 0 when nothing violates an
// invariant, 1 when something does or nothing could be checked, 2 when the arguments are wrong.

import { runCommand, useDatabase } from "../command.ts";
import type { Config } from "../config.ts";
import { createPool, isUnavailable, type Sql, sqlState } from "../db.ts";
import { checkIntegrity, type Integrity } from "../ledger/integrity/check.ts";
import { withDatabase } from "../migrate/connection.ts";
import { StartError } from "../start-error.ts";
import { type Arguments, readArguments } from "./integrity-arguments.ts";
import { formatReport, ProgressLine } from "./integrity-report.ts";

await runCommand(async (config, args) => {
  const read = readArguments(args);
  if (!("help" in read)) return await run(config, read);
  console.log(read.help);
  return 0;
});

async function run(config: Config, args: Arguments): Promise<number> {
  return await useDatabase(config, async ({ ownerUrl }) => {
    await requireTables(ownerUrl);
    const sql = createPool(ownerUrl, { max: args.connections, application: "extrophi-integrity" });
    const started = performance.now();
    try {
      const result = await check(sql, args);
      console.log(formatResult(result, args, (performance.now() - started) / 1000));
      return result.ok ? 0 : 1;
    } finally {
      await sql.end({ timeout: 5 });
    }
  });
}

/** Throws StartError where the migrations were not applied; a MigrationError where there is no database. */
async function requireTables(url: string): Promise<void> {
  const [row] = await withDatabase(
    url,
    sql => sql<{ is_there: boolean }[]>`SELECT to_regclass('public.integrity_heads') IS NOT NULL AS is_there`,
  );
  if (row?.is_there) return;
  throw new StartError(
    "This database lacks tables that the check needs. `bun run migrate apply` brings it up to date. Nothing was checked.",
  );
}

/** Throws StartError where the database can't answer, because a column is gone for instance. */
async function check(sql: Sql, { json: _, ...options }: Arguments): Promise<Integrity> {
  const line = new ProgressLine();
  try {
    return await checkIntegrity(sql, { ...options, onProgress: progress => line.show(progress) });
  } catch (error) {
    if (sqlState(error) === undefined || isUnavailable(error)) throw error;
    throw new StartError(`The check could not be made: ${(error as Error).message}`);
  } finally {
    line.end();
  }
}

function formatResult(result: Integrity, { json }: Arguments, seconds: number): string {
  if (!json) return formatReport(result, seconds);
  const { recorded: _, ...answer } = result;
  return JSON.stringify(answer, null, 2);
}
