// One run of the integrity check with its progress and its report, for every command that makes one.

import { createPool, isUnavailable, type Sql, sqlState } from "../db.ts";
import { checkIntegrity, type Integrity } from "../ledger/integrity/check.ts";
import { withDatabase } from "../migrate/connection.ts";
import { StartError } from "../start-error.ts";
import type { Arguments } from "./integrity-arguments.ts";
import { formatReport, ProgressLine } from "./integrity-report.ts";

/** Checks the books at this address, prints the report, and says whether they are right. Throws StartError. */
export async function printIntegrity(ownerUrl: string, args: Arguments): Promise<boolean> {
  await requireTables(ownerUrl);
  const sql = createPool(ownerUrl, { max: args.connections, application: "extrophi-integrity" });
  const started = performance.now();
  try {
    const result = await check(sql, args);
    console.log(formatResult(result, args, (performance.now() - started) / 1000));
    return result.ok;
  } finally {
    await sql.end({ timeout: 5 });
  }
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
    const hint =
      "`bun run migrate verify` names what the schema lacks, and `bun run migrate apply` adds what is pending.";
    const ending = isMissing(error) ? `. ${hint}` : "";
    throw new StartError(`The check could not be made: ${(error as Error).message}${ending}`);
  } finally {
    line.end();
  }
}

/** Whether the statement named a table, column or function that there is not, as in a schema that is behind. */
function isMissing(error: unknown): boolean {
  return ["42P01", "42703", "42883"].includes(sqlState(error) ?? "");
}

function formatResult(result: Integrity, { json }: Arguments, seconds: number): string {
  if (!json) return formatReport(result, seconds);
  const { recorded: _, ...answer } = result;
  return JSON.stringify(answer, null, 2);
}
