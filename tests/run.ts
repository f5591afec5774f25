// `bun run test`: all tests in parallel, or those that the arguments name. It holds the shared PostgreSQL open, so
// that it is not stopped and started again whenever no test file happens to be using it.

import { runBun } from "../src/child.ts";
import { runCommand } from "../src/command.ts";
import { openTestInstance } from "./support.ts";

await runCommand(async (config, args) => {
  const instance = config.databaseUrl ? undefined : await openTestInstance();
  const exitCode = await runBun(["test", "--parallel", ...args]);
  await instance?.close();
  return exitCode;
});
