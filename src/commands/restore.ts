// The command `bun run restore`: brings a backup back into an empty database, and proves what came of it. Exits 0 when
// everything is as it should be, 1 when nothing was restored or a check found something, 2 when the arguments are wrong.

import { runCommand, useDatabase } from "../command.ts";
import type { Config } from "../config.ts";
import { applyMigrations } from "../migrate.ts";
import { Progress } from "../progress.ts";
import { checkBackup, restoreBackup } from "../restore.ts";
import { readFileArgument } from "./file-argument.ts";
import { readArguments } from "./integrity-arguments.ts";
import { printIntegrity } from "./integrity-run.ts";
import { printVerification } from "./verify-report.ts";

const HELP = `Usage: bun run restore FILE

Restores a file that \`bun run backup\` wrote into an empty database: everything or nothing. The file is read to its end
and proved before the database is touched; one of an earlier release is migrated when its rows are in. Then
\`migrate verify\` and \`integrity\` look at what came of it, and \`bun run backup:compare FILE\` can, row by row. A database
that holds anything is refused: set DATA_DIR or DATABASE_URL to a new one, and start the server with the same afterwards.
Where DATABASE_URL names a database that does not exist, it is created.

Exits 0 when everything is as it should be, 1 when nothing was restored or a check found something, 2 when the
arguments are wrong. The database is the one that DATABASE_OWNER_URL or DATABASE_URL names, else the embedded one.`;

await runCommand(args => readFileArgument(HELP, args), run);

async function run(config: Config, { path }: { path: string }): Promise<number> {
  const started = performance.now();
  const progress = new Progress();
  try {
    const contents = await checkBackup(path, progress);
    return await useDatabase(config, async ({ ownerUrl, url: serverUrl }) => {
      await restoreBackup(ownerUrl, path, contents, progress);
      // No file holds rights: the server's role gets them here.
      await applyMigrations(ownerUrl, { serverUrl });
      progress.end();
      const { rows, header } = contents;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(
        `Restored: ${rows.toLocaleString("en")} rows, as they were at ${header.created_at}, in ${seconds} s.\n`,
      );
      return (await prove(ownerUrl, serverUrl)) ? 0 : 1;
    });
  } finally {
    progress.end();
  }
}

async function prove(ownerUrl: string, serverUrl: string): Promise<boolean> {
  const integrity = readArguments([]);
  if ("help" in integrity) throw new Error("no arguments ask for no help");
  const isVerified = await printVerification(ownerUrl, serverUrl);
  console.log();
  const isRight = await printIntegrity(ownerUrl, integrity);
  if (isVerified && isRight) return true;
  console.log("\nThe database is what the backup holds, row by row: what is wrong was wrong before.");
  return false;
}
