// Mutual exclusion between processes. SQLite's file lock does it: the kernel frees it when its holder
// dies, however it dies, so there is no stale lock to recognise.

import { Database } from "bun:sqlite";

const POLL_MS = 10;

/** Runs `work` while no other process is inside the same lock; waits as long as another one is. */
export async function withLock<T>(file: string, work: () => Promise<T> | T): Promise<T> {
  const lock = new Database(file);
  try {
    while (!isTaken(lock)) await Bun.sleep(POLL_MS);
    return await work();
  } finally {
    lock.close();
  }
}

/** The same for a process that is just exiting and can't wait for promises. Gives up after `timeoutMs`. */
export function withLockSync(file: string, timeoutMs: number, work: () => void): void {
  const lock = new Database(file);
  lock.run(`PRAGMA busy_timeout = ${timeoutMs}`);
  try {
    if (isTaken(lock)) work();
  } finally {
    lock.close();
  }
}

function isTaken(lock: Database): boolean {
  try {
    lock.run("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    return false;
  }
}
