// `bun run dev`: the server, started again at every change of a file. The database is held open here, so that
// an embedded PostgreSQL goes on running meanwhile.

import { runBun } from "./child.ts";
import { runCommand, useDatabase } from "./command.ts";
import { watchLauncher } from "./launcher.ts";

watchLauncher(() => process.kill(process.pid, "SIGTERM"));
await runCommand(config => useDatabase(config, () => runBun(["--watch", "--no-clear-screen", "src/main.ts"])));
