// Another command run on this process's behalf, as if it had been called itself.

import { onStopSignal } from "./signals.ts";

/** Runs `bun` with the arguments and gives its exit code. Signals meant for this process go to it. */
export async function runBun(args: string[], env: Record<string, string | undefined> = process.env): Promise<number> {
  const child = Bun.spawn([process.execPath, ...args], { env, stdio: ["inherit", "inherit", "inherit"] });
  onStopSignal(signal => child.kill(signal));
  return await child.exited;
}
