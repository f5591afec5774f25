// `bun run test`: all tests in parallel, or those that the arguments name. It holds the shared PostgreSQL open, so
// that it is not stopped and started again whenever no test file happens to be using it.

import { availableParallelism } from "node:os";
import { runBun } from "../src/child.ts";
import { runCommand } from "../src/command.ts";
import { openTestInstance } from "./support.ts";

const HELP = `Usage: bun run test [FILES or options of \`bun test\`]

Runs all tests in parallel, or those in the named files, on an embedded PostgreSQL of their own, or on the server that
DATABASE_URL names.
  bun run test tests/publish.test.ts
  bun run test -t "a name's beginning"`;

/**
 * More workers than processors, since many tests wait: for a clock, a process, the database. They keep the modules that they
 * have loaded from one file to the next, half of the work otherwise; preload.ts closes what a file has opened. The files
 * that took longest (as `--update-timings` has written down) start first.
 */
const HOW = [
  `--parallel=${Math.max(4, 2 * availableParallelism())}`,
  "--no-isolate",
  // What preload.ts sets holds for the first file of each process only.
  "--timeout=60000",
  "--timings=tests/durations.json",
] as const;

/** What `bun test` makes of the other arguments is its own affair. */
function readArguments(args: readonly string[]): { passed: readonly string[] } | { help: string } {
  return args.some(argument => argument === "--help" || argument === "-h") ? { help: HELP } : { passed: args };
}

await runCommand(readArguments, async (config, { passed }) => {
  const instance = config.databaseUrl ? undefined : await openTestInstance();
  const exitCode = await runBun(["test", ...HOW, ...passed]);
  // After Ctrl-C its workers live on for a moment: as long as one uses PostgreSQL, this process would leave it running.
  if (exitCode > 128) await Bun.sleep(1_000);
  await instance?.close();
  return exitCode;
});
