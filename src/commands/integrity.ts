// The command `bun run integrity`: proves the books and prints what it found. Exits 0 when nothing violates an
// invariant, 1 when something does or nothing could be checked, 2 when the arguments are wrong.

import { runCommand, useDatabase } from "../command.ts";
import { readArguments } from "./integrity-arguments.ts";
import { printIntegrity } from "./integrity-run.ts";

await runCommand(readArguments, (config, args) =>
  useDatabase(config, async ({ ownerUrl }) => ((await printIntegrity(ownerUrl, args)) ? 0 : 1)),
);
