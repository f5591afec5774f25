// The main process of PostgreSQL: found through its postmaster.pid, started so that it outlives this
// process (others may be using it), and stopped.

import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { findProcess, isAlive } from "../processes.ts";
import { StartError } from "../start-error.ts";
import type { Place } from "./place.ts";

export type Postmaster = { pid: number; port: number; status: "starting" | "ready" | "stopping" };

/** Somebody else has the port. */
export class PortTaken extends StartError {
  override name = "PortTaken";
}

const POLL_MS = 5;
/** Recovery after a crash replays the log first; that may take long, and nothing else helps. */
const START_TIMEOUT_MS = 300_000;
/** A stop that is asked for writes everything down first; after this it is cut short (the next start recovers). */
const STOP_TIMEOUT_MS = 3_500;

/** The living postmaster of a data directory, or undefined. */
export function findPostmaster(data: string): Postmaster | undefined {
  const lines = readPidFile(data);
  const pid = Number(lines[0]);
  if (!pid || !isPostmasterOf(data, pid)) return undefined;
  const status = lines[7]?.trim();
  return {
    pid,
    port: Number(lines[3]),
    status: status === "ready" || status === "stopping" ? status : "starting",
  };
}

/**
 * Starts PostgreSQL on a port of the loopback interface and resolves when it takes connections. Call inside
 * the lock, with no postmaster alive. Throws PortTaken or StartError (with PostgreSQL's own words).
 */
export async function startPostmaster(place: Place, program: string, port: number): Promise<Postmaster> {
  clearRemains(place.data);
  const log = openSync(place.log, "a", 0o600);
  const logStart = statSync(place.log).size;
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories="].flatMap(setting => ["-c", setting]);
  const child = spawn(program, ["-D", place.data, "-p", String(port), ...settings], {
    ...place.account,
    ...CLEAN,
    // A session of its own: Ctrl-C in the terminal is for the server, which then stops PostgreSQL in order.
    detached: true,
    stdio: ["ignore", log, log],
  });
  const ended = new Promise<string>(resolve => {
    child.once("error", error => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`it ended with ${signal ?? `exit code ${code}`}`));
  });
  child.unref();
  closeSync(log);

  let failure: string | undefined;
  void ended.then(reason => {
    failure = reason;
  });
  for (const deadline = performance.now() + START_TIMEOUT_MS; performance.now() < deadline; await Bun.sleep(POLL_MS)) {
    const postmaster = findPostmaster(place.data);
    if (postmaster?.status === "ready") return postmaster;
    // One that a killed process had just started counts as well.
    if (failure && !postmaster) break;
  }
  const said = readFileSync(place.log).subarray(logStart).toString();
  if (/Address already in use/.test(said)) {
    throw new PortTaken(
      `Port ${port}, where those who use the embedded PostgreSQL expect it, is taken by another program. Stop that program, or all of those.`,
    );
  }
  throw new StartError(
    `PostgreSQL did not start (${failure ?? "it took too long"}). ${lastWords(said)}Its log is ${place.log}. The data in ${place.data} were not changed.`,
  );
}

/** Ends all connections, writes everything to disk and resolves when the process is gone. */
export async function stopPostmaster({ pid }: Postmaster): Promise<void> {
  for (const [signal, timeoutMs] of [["SIGINT", STOP_TIMEOUT_MS] as const, ["SIGQUIT", 1_000] as const]) {
    askToStop(pid, signal);
    for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await Bun.sleep(POLL_MS)) {
      if (!isAlive(pid)) return;
    }
  }
}

/** The same for a process that is just exiting and can't wait for promises. */
export function stopPostmasterSync({ pid }: Postmaster): void {
  askToStop(pid, "SIGINT");
  for (const deadline = performance.now() + STOP_TIMEOUT_MS; performance.now() < deadline; Bun.sleepSync(POLL_MS)) {
    if (!isAlive(pid)) return;
  }
}

/** PostgreSQL's programs need nothing of our environment, which may hold secrets, and speak English in the log. */
export const CLEAN = { cwd: "/", env: { PATH: process.env.PATH, LC_ALL: "C" } };

/** What a program of PostgreSQL said about its failure, to be put into a message; empty where it said nothing. */
export function lastWords(output: string): string {
  const lines = output.trim().split("\n");
  const reasons = lines.flatMap(line => /(?:FATAL|PANIC|error|HINT|DETAIL):\s+(.+)/.exec(line)?.[1] ?? []);
  const words = (reasons.length ? reasons : lines).slice(-3).join(" ").replace(/\.$/, "");
  return words ? `It says: ${words}. ` : "";
}

function askToStop(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

function readPidFile(data: string): string[] {
  try {
    return readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return [];
  }
}

/**
 * The file outlives a killed postmaster, a reboot and a copy of the folder, so the process is looked at:
 * PostgreSQL's processes work in their data directory.
 */
function isPostmasterOf(data: string, pid: number): boolean {
  if (process.platform === "linux") return isAlive(pid) && worksIn(data, pid);
  return findProcess(pid)?.name === "postgres" && readPidFile(data)[1] === data;
}

function worksIn(data: string, pid: number | string): boolean {
  try {
    const [here, there] = [statSync(`/proc/${pid}/cwd`), statSync(data)];
    return here.ino === there.ino && here.dev === there.dev;
  } catch {
    return false;
  }
}

/**
 * What a killed postmaster left: connections that still work on a statement (PostgreSQL does not start
 * beside them), and a pid file whose number may be somebody else's by now.
 */
function clearRemains(data: string): void {
  if (process.platform === "linux") {
    for (const pid of readdirSync("/proc")) {
      if (/^\d+$/.test(pid) && worksIn(data, pid) && findProcess(Number(pid))?.name === "postgres") {
        askToStop(Number(pid), "SIGKILL");
      }
    }
  }
  rmSync(join(data, "postmaster.pid"), { force: true });
}
