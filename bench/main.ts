// `bun run bench`: measures the server against the reference and prints a table. Exits 0 when all rows could be
// measured, whether or not they reach their goals, 1 when one could not, 2 when the arguments are wrong.

import { runCommand } from "../src/command.ts";
import { readArguments } from "./arguments.ts";
import { closeSizes } from "./large.ts";
import { describeMachine, formatTable, judge, type Outcome, writeDocument } from "./report.ts";
import { ROWS, type Row } from "./rows.ts";
import { openStage, type Stage } from "./stage.ts";
import { findTools } from "./tools.ts";
import { NotAvailable, VoidRow } from "./wrk.ts";

await runCommand(readArguments, async (_config, args) => {
  const startedMs = performance.now();
  const stage = await openStage(args, findTools());
  const outcomes: Outcome[] = [];
  try {
    for (const row of ROWS.filter(({ row }) => args.rows.includes(row))) outcomes.push(await measure(row, stage));
    const [version] = await stage.main.sql`SHOW server_version`;
    const machine = describeMachine(String(version?.server_version));
    const run = `${new Date().toISOString().slice(0, 10)}, \`bun run bench ${process.argv.slice(2).join(" ")}\`, ${args.rounds} turns of ${args.turnSeconds} s for each side, ${Math.ceil((performance.now() - startedMs) / 60_000)} minutes in all`;
    console.log(`\n${machine}\n${formatTable(outcomes)}`);
    if (args.docs) await writeDocument(outcomes, [machine, run]);
  } finally {
    await closeSizes(stage);
    await stage.close();
  }
  const results = outcomes.flatMap(outcome => ("result" in outcome ? [outcome.result] : []));
  if (args.json !== undefined) await Bun.write(args.json, `${JSON.stringify(results, null, 2)}\n`);
  return results.length === outcomes.length ? 0 : 1;
});

async function measure(row: Row, stage: Stage): Promise<Outcome> {
  console.error(`Row ${row.row}: ${row.title}`);
  try {
    return { row, result: judge(row, await row.measure(stage)) };
  } catch (error) {
    if (error instanceof NotAvailable) return { row, missing: `not available: ${error.message}` };
    if (error instanceof VoidRow) return { row, missing: `void: ${error.message}` };
    // One row that fails takes none of the others with it.
    console.error(error);
    return { row, missing: `failed: ${error instanceof Error ? error.message : error}` };
  }
}
