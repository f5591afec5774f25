// The processes that started this one on somebody's behalf: `bun run`, and npm above it. A signal that
// kills only them leaves the server behind as an orphan, which nobody would look for, so it watches them.

import { findProcess, isAlive } from "./processes.ts";

const POLL_MS = 500;
const ANCESTORS_MAX = 8;

/**
 * Calls `onGone` once when a launcher has disappeared; never for a server that was started directly. The shell is no
 * launcher: `nohup bun run start &` outlives its terminal. Returns what ends the watch.
 */
export function watchLauncher(onGone: () => void, env: Record<string, string | undefined> = process.env): () => void {
  const launchers = findLaunchers(env);
  if (launchers.length === 0) return () => {};
  const timer = setInterval(() => {
    if (launchers.every(isAlive)) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The direct parent where a package script runs, and the nearest npm above it where npm (or npx) began it all. */
function findLaunchers(env: Record<string, string | undefined>): number[] {
  if (!env.npm_lifecycle_event) return [];
  const launchers = [process.ppid];
  if (!env.npm_config_user_agent?.startsWith("npm/")) return launchers;
  let pid = process.ppid;
  for (let depth = 0; depth < ANCESTORS_MAX && pid > 1; depth++) {
    const ancestor = findProcess(pid);
    // npm names its process `npm exec …`, where the system lets it; elsewhere it is a plain node.
    if (ancestor && /^(npm|npx|node)\b/.test(ancestor.name)) return [...launchers, pid];
    pid = ancestor?.parent ?? 0;
  }
  return launchers;
}
