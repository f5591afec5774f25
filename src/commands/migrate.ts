// The command `bun run migrate`: does what its arguments say and prints it for people. Exits 0 when all
// is well, 1 when something failed or differs, 2 when the arguments are wrong.

import { runCommand, useDatabase } from "../command.ts";
import type { Config } from "../config.ts";
import { listObjects } from "../migrate/listing.ts";
import { type Losses, rollbackMigrations } from "../migrate/rollback.ts";
import { writeSnapshot } from "../migrate/snapshot.ts";
import { readStatus } from "../migrate/status.ts";
import { applyMigrations } from "../migrate.ts";
import { type Arguments, readArguments } from "./migrate-arguments.ts";
import { printVerification } from "./verify-report.ts";

await runCommand(readArguments, run);

async function run(config: Config, { command, to, yes }: Arguments): Promise<number> {
  return await useDatabase(config, async ({ ownerUrl, url: serverUrl }) => {
    switch (command) {
      case "apply":
        await applyMigrations(ownerUrl, { log: console.log, serverUrl });
        return 0;
      case "verify":
        return (await printVerification(ownerUrl, serverUrl)) ? 0 : 1;
      case "status":
        return await status(ownerUrl);
      case "rollback":
        return await rollback(ownerUrl, to, yes);
      case "snapshot":
        console.log(`Written: ${await writeSnapshot(ownerUrl)}`);
        return 0;
    }
  });
}

async function status(url: string): Promise<number> {
  const found = await readStatus(url);
  if (!found) {
    console.log("The database does not exist yet. `bun run migrate apply` creates it.");
    return 0;
  }
  console.log(`Connected to    ${found.target}`);
  console.log(`Schema version  ${found.version ?? "none: no migration was applied"}`);
  console.log("\nMigrations");
  for (const row of found.applied) console.log(`  ${row.name}  applied ${row.applied_at} UTC`);
  for (const name of found.pending) console.log(`  ${name}  pending`);
  for (const problem of found.problems) console.log(`  ✗ ${problem}`);
  console.log("\nRows");
  printRows([...found.rows]);
  return 0;
}

async function rollback(url: string, to: number | undefined, yes: boolean): Promise<number> {
  const taken = await rollbackMigrations(url, {
    to,
    confirm: async losses => {
      printLosses(losses);
      return yes || (await readLine("\nType YES to go on: ")) === "YES";
    },
  });
  if (taken === undefined) {
    console.log("Nothing was changed.");
    return 1;
  }
  if (taken.length === 0) console.log("There is nothing to take back.");
  for (const name of taken) console.log(`✓ ${name} taken back`);
  return 0;
}

function printLosses({ migrations, objects, rows }: Losses): void {
  console.log(`Taking back ${migrations.join(", ")} would lose these rows and objects:`);
  printRows(
    [...rows].map(([table, { before, after }]) => [
      `table ${table}`,
      after === undefined ? before : `${before}, ${after} would be left`,
    ]),
  );
  const others = objects.filter(({ kind }) => kind !== "table");
  const lost = others.filter(({ found }) => found === undefined);
  const changed = others.filter(({ found }) => found !== undefined);
  for (const line of listObjects(lost, count => `  ${count}:`)) console.log(line);
  for (const line of listObjects(changed, count => `  ${count} changed:`)) console.log(line);
}

function printRows(rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  for (const [name, value] of rows) console.log(`  ${name.padEnd(width)}  ${value.padStart(10)}`);
}

/** The next line of standard input, from a person or a pipe; undefined where it has ended. */
async function readLine(question: string): Promise<string | undefined> {
  process.stdout.write(question);
  for await (const line of console) return line.trim();
  return undefined;
}
