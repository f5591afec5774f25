// Runs before every test file (bunfig.toml): time enough for real work, and nothing left behind afterwards.

import { afterAll, setDefaultTimeout } from "bun:test";
import { stopPrograms } from "./server.ts";
import { closeTestDatabases } from "./support.ts";

// Real databases are created and real processes are started: 5 s (the default) is short on a busy machine.
setDefaultTimeout(60_000);
afterAll(async () => {
  await stopPrograms();
  await closeTestDatabases();
});
