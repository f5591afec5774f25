// The door through which every package script goes: `bun src/start.ts SCRIPT [ARGUMENTS]` installs what is
// missing and then runs the script in this same process, so that signals and exit codes are the script's own. For the
// same reason package.json says `exec bun …`: a shell that stayed in between would die of a signal and not pass it on.

import { resolve } from "node:path";
import { ensureInstalled } from "./install.ts";
import { watchLauncher } from "./launcher.ts";
import { StartError } from "./start-error.ts";

const [bun = "", self = "", script = "src/main.ts", ...args] = process.argv;

const stopWatching = watchLauncher(() => process.exit(1));
try {
  // A process remembers where it found no packages, so it begins anew: the same process id, another program run.
  if (await ensureInstalled()) process.execve?.(process.execPath, process.argv, process.env);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  process.exit(1);
}
stopWatching();

process.argv = [bun, resolve(self, "../..", script), ...args];
await import(process.argv[1] ?? "");
