// The command `bun run backup:compare`: whether the database holds what a backup does, row by row. Exits 0 when it does, 1
// when a table differs or nothing could be compared, 2 when the arguments are wrong.

import { runCommand, useDatabase } from "../command.ts";
import { type Comparison, compareBackup, type TableComparison } from "../compare-backup.ts";
import type { Config } from "../config.ts";
import { Progress } from "../progress.ts";
import { grouped, plural } from "./counted.ts";
import { readFileArgument } from "./file-argument.ts";

const HELP = `Usage: bun run backup:compare FILE

Compares the database with a file that \`bun run backup\` wrote: each table by the number of its rows and a digest of
all of them (SHA-256), in whichever order they come. Sequences must have come as far as in the file. Changes nothing; the
database may be in use, and is compared as it is at one moment. Run it after \`bun run restore FILE\`, with the same
DATA_DIR or DATABASE_URL, before the server starts. To compare two databases, back one up and compare the other with it.

Left out is what a restore changes on purpose, or the check at its end notes; each is named with its table.

Exits 0 when everything is equal, 1 when something differs or nothing could be compared, 2 when the arguments are wrong.
The database is the one that DATABASE_OWNER_URL or DATABASE_URL names, else the embedded one.`;

await runCommand(args => readFileArgument(HELP, args), run);

async function run(config: Config, { path }: { path: string }): Promise<number> {
  const progress = new Progress();
  try {
    const comparison = await useDatabase(config, ({ ownerUrl }) => compareBackup(ownerUrl, path, progress));
    progress.end();
    console.log(formatComparison(path, comparison));
    return comparison.isEqual ? 0 : 1;
  } finally {
    progress.end();
  }
}

function formatComparison(path: string, { createdAt, tables, sequencesBehind, isEqual }: Comparison): string {
  const width = Math.max(...tables.map(({ name }) => name.length));
  const lines = tables.map(table => formatTable(table, width));
  for (const name of sequencesBehind) lines.push(`✗ ${name}  would give numbers that were given before the backup`);
  const compared = tables.filter(({ isCompared }) => isCompared);
  const differing = compared.filter(table => !table.isEqual).map(({ name }) => name);
  const rows = compared.reduce((sum, { rowsInDatabase }) => sum + rowsInDatabase, 0);
  const verdict = isEqual
    ? `Equal: ${plural(rows, "row")} of ${compared.length} tables are as they were at ${createdAt}.`
    : `Not what ${path} holds, made at ${createdAt}: ${[...differing, ...sequencesBehind].join(", ")}.`;
  return [...lines, "", verdict].join("\n");
}

function formatTable(table: TableComparison, width: number): string {
  const { name, isCompared, rowsInFile, rowsInDatabase, isEqual, leavesOut } = table;
  if (!isCompared) return `- ${name.padEnd(width)}  not compared: ${leavesOut}`;
  const rows = plural(rowsInDatabase, "row");
  const how =
    rowsInFile === rowsInDatabase ? " as in the file, and not the same ones" : `, in the file ${grouped(rowsInFile)}`;
  const without = leavesOut === undefined ? "" : `, without ${leavesOut}`;
  return `${isEqual ? "✓" : "✗"} ${name.padEnd(width)}  ${rows}${isEqual ? "" : how}${without}`;
}
