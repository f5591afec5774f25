// `bun run test`: all tests in parallel, or those that the arguments name. It holds the shared PostgreSQL open, so
// that it is not stopped and started again whenever no test file happens to be using it.

import { runBun } from "../src/child.ts";
import { runCommand } from "../src/command.ts";
import { printHelpWhenAsked } from "../src/help.ts";
import { openTestInstance } from "./support.ts";

printHelpWhenAsked(`Usage: bun run test [FILES or options of \`bun test\`]

Runs all tests in parallel, or those in the named files, on an embedded PostgreSQL of their own, or on the server that
DATABASE_URL names.
  bun run test tests/publish.test.ts
  bun run test -t "a name's beginning"`);

await runCommand(async (config, args) => {
  const instance = config.databaseUrl ? undefined : await openTestInstance();
  const exitCode = await runBun(["test", "--parallel", ...args]);
  await instance?.close();
  return exitCode;
});
