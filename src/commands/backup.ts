// The command `bun run backup`: writes the whole database into one file. Exits 0 when the file is there, 1 when none
// could be made, 2 when the arguments are wrong.

import { createBackup } from "../backup.ts";
import { runCommand, useDatabase } from "../command.ts";
import type { Config } from "../config.ts";
import { Progress } from "../progress.ts";
import { readFileArgument } from "./file-argument.ts";

const HELP = `Usage: bun run backup FILE

Writes one consistent snapshot of the whole database to a new file, while the server goes on serving. The file is
compressed with zstd, holds hashes of all that is in it, and is readable by its owner alone: everybody's cards, e-mail
addresses and key hashes are in it. It appears under its name only when it is complete; a file that exists is never
overwritten. \`bun run restore FILE\` brings it back, also to another machine or another PostgreSQL.

Exits 0 when the file is there, 1 when none could be made, 2 when the arguments are wrong. The progress goes to
standard error. The database is the one that DATABASE_OWNER_URL or DATABASE_URL names, else the embedded one.`;

await runCommand(args => readFileArgument(HELP, args), run);

async function run(config: Config, { path }: { path: string }): Promise<number> {
  const started = performance.now();
  const progress = new Progress();
  try {
    const { tables, rows, size } = await useDatabase(config, ({ ownerUrl }) => createBackup(ownerUrl, path, progress));
    progress.end();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${path}: ${rows.toLocaleString("en")} rows of ${tables} tables, ${formatSize(size)}, in ${seconds} s.`,
    );
    return 0;
  } finally {
    progress.end();
  }
}

function formatSize(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
