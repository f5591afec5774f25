// The server under load: the real program as a process of its own, with its limits off.

import { closeSync, openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isAlive } from "../src/processes.ts";
import { StartError } from "../src/start-error.ts";

const PROJECT = resolve(import.meta.dir, "..");
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 11_000;
const POLL_MS = 1;

const LIMITS_OFF = {
  LOG_LEVEL: "warn",
  RATE_LIMIT_PER_MINUTE: "0",
  AUTH_FAILURES_PER_MINUTE: "0",
  REGISTRATIONS_PER_HOUR: "0",
  PUBLISH_REWARDS_PER_DAY: "0",
};

/** Keys of the authors are hashed with the least cost; row 9 measures the usual one. */
export const CHEAP_BCRYPT = { BCRYPT_COST: "4" };

export type Server = {
  baseUrl: string;
  /** From the start of the process to the first 200 of /readyz. */
  startMs: number;
  /** Bytes of memory that the process holds. */
  residentBytes(): number;
  /** What it has logged last, for messages. */
  lastWords(): string;
  stop(): Promise<void>;
};

const running = new Set<number>();

/** Starts the server (as `bun run start` does) with nothing but this environment and resolves when it is ready. */
export async function startServer(folder: string, env: Record<string, string>): Promise<Server> {
  const port = freePort();
  const logPath = join(folder, `server-${port}.log`);
  const log = openSync(logPath, "a");
  const startedMs = performance.now();
  const child = Bun.spawn([process.execPath, "src/start.ts", "src/main.ts"], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: String(port), ...LIMITS_OFF, ...env },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  running.add(child.pid);
  const baseUrl = `http://127.0.0.1:${port}`;
  const lastWords = () => readFileSync(logPath, "utf8").slice(-1000);
  while (!(await isReady(baseUrl))) {
    if (child.exitCode !== null || performance.now() - startedMs > START_TIMEOUT_MS) {
      throw new StartError(`The server did not start. It says: ${lastWords()}`);
    }
    await Bun.sleep(POLL_MS);
  }
  return {
    baseUrl,
    startMs: performance.now() - startedMs,
    residentBytes: () => residentBytes(child.pid),
    lastWords,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
      running.delete(child.pid);
    },
  };
}

/** Stops what still runs, without promises: for a process that is just exiting. */
export function stopServersSync(): void {
  for (const pid of running) if (isAlive(pid)) process.kill(pid, "SIGTERM");
  for (const pid of running) {
    for (const deadline = performance.now() + STOP_TIMEOUT_MS; isAlive(pid) && performance.now() < deadline; ) {
      Bun.sleepSync(20);
    }
  }
}

function residentBytes(pid: number): number {
  const { stdout } = Bun.spawnSync(["ps", "-o", "rss=", "-p", String(pid)]);
  return Number(stdout.toString()) * 1024;
}

async function isReady(baseUrl: string): Promise<boolean> {
  try {
    return (await fetch(`${baseUrl}/readyz`)).status === 200;
  } catch {
    return false;
  }
}

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  server.stop(true);
  return server.port;
}
