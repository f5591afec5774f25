// `bun run database-url`: prints the owner's address of the database in use, for psql and other tools.
// With --hold it keeps an embedded one running until Ctrl-C, for work without a server.

import { parseArgs } from "node:util";
import { runCommand, useDatabase } from "../command.ts";
import { type Database, findOwnerUrl } from "../database.ts";
import { StartError } from "../start-error.ts";
import { readWithHelp } from "../usage-error.ts";

const HELP = `Usage: bun run database-url [--hold]

Prints the address of the database in use, its password included, for psql and other tools:
  psql "$(bun run --silent database-url)"

  --hold   keep an embedded PostgreSQL running until Ctrl-C, for work without a server`;

await runCommand(readArguments, async (config, args) => {
  if (args.hold) return await useDatabase(config, hold, { supervise: true });
  const url = await findOwnerUrl(config);
  if (!url) {
    throw new StartError(
      "The embedded PostgreSQL runs only while something uses it, and nothing does. Start the server (`bun run start`), or keep PostgreSQL running without one (`bun run database-url --hold`, until Ctrl-C), and ask again.",
    );
  }
  console.log(url);
});

function readArguments(args: readonly string[]): { hold: boolean } | { help: string } {
  return readWithHelp(HELP, () => {
    const flag = { type: "boolean", default: false } as const;
    const { values } = parseArgs({ args: [...args], options: { help: { ...flag, short: "h" }, hold: flag } });
    return values.help ? { help: HELP } : { hold: values.hold };
  });
}

async function hold(database: Database): Promise<void> {
  console.log(database.ownerUrl);
  // Until a signal; a database of somebody else's needs no holding.
  if (database.dataDir) await new Promise(() => {});
}
