// `bun run dev`: the server, started again at every change of a file. The database is held open here, so that
// an embedded PostgreSQL goes on running meanwhile.

import { runBun } from "./child.ts";
import { runCommand, useDatabase } from "./command.ts";
import { watchLauncher } from "./launcher.ts";
import { noArguments } from "./no-arguments.ts";

const HELP = `Usage: bun run dev

Like \`bun run start\`, and starts the server again whenever a file of its code, pages or styles changes
(migrations and the code of threads want a start by hand). Ctrl-C stops it.`;

watchLauncher(() => process.kill(process.pid, "SIGTERM"));
await runCommand(noArguments(HELP), config =>
  useDatabase(config, () => runBun(["--watch", "--no-clear-screen", "src/main.ts"])),
);
