// The programs that get killed: the server as a process of its own, always on the same port, and PostgreSQL with all of
// its processes. Whatever still runs when this process ends is ended with it.

import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { findProcess, isAlive } from "../../src/processes.ts";
import { StartError } from "../../src/start-error.ts";

const PROJECT = resolve(import.meta.dir, "../..");
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 2;

export type ServerProcess = { pid: number; exited: Promise<number>; kill(): void };

/** What starts servers on one port, with one environment. */
export class ServerStarter {
  readonly baseUrl: string;
  readonly #running = new Set<ServerProcess>();

  constructor(
    private readonly folder: string,
    private readonly env: Record<string, string>,
    private readonly script: string,
    private readonly port: number,
  ) {
    this.baseUrl = `http://127.0.0.1:${port}`;
  }

  /** Starts the program; it is not ready yet. */
  spawn(): ServerProcess {
    const log = openSync(this.logPath, "a");
    const child = Bun.spawn([process.execPath, this.script], {
      cwd: PROJECT,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        PORT: String(this.port),
        // As if a package script had launched it: it ends by itself when this process is killed (src/launcher.ts).
        npm_lifecycle_event: "test:crash",
        ...this.env,
      },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const server = { pid: child.pid, exited: child.exited, kill: () => child.kill("SIGKILL") };
    this.#running.add(server);
    void child.exited.then(() => this.#running.delete(server));
    return server;
  }

  /** Starts the program and resolves when it is ready. Throws StartError. */
  async start(): Promise<ServerProcess> {
    const server = this.spawn();
    for (const deadline = performance.now() + START_TIMEOUT_MS; !(await this.#isReady()); await Bun.sleep(POLL_MS)) {
      if (!isAlive(server.pid) || performance.now() > deadline) {
        throw new StartError(`The server did not start. It says: ${this.lastWords()}`);
      }
    }
    return server;
  }

  get logPath(): string {
    return join(this.folder, "server.log");
  }

  /** What the server has logged last, for messages. */
  lastWords(): string {
    return readFileSync(this.logPath, "utf8").slice(-1500);
  }

  /** Kills what runs, and waits without promises: for a process that is just exiting. */
  killSync(): void {
    for (const server of this.#running) server.kill();
    for (const { pid } of this.#running) {
      for (const deadline = performance.now() + 2_000; isAlive(pid) && performance.now() < deadline; ) Bun.sleepSync(5);
    }
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.baseUrl}/readyz`, { signal: AbortSignal.timeout(1_000) })).status === 200;
    } catch {
      return false;
    }
  }
}

/** SIGKILL for PostgreSQL: the postmaster first, which would otherwise start new processes, and all of its children. */
export function killPostgres(dataDir: string): number | undefined {
  const postmaster = findPostmasterPid(dataDir);
  if (!postmaster) return undefined;
  const children = listChildren(postmaster);
  for (const pid of [postmaster, ...children]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone already.
    }
  }
  return postmaster;
}

/** The living postmaster of a data directory. */
export function findPostmasterPid(dataDir: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[0]);
    return pid > 0 && isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

function listChildren(parent: number): number[] {
  if (process.platform === "linux") {
    return readdirSync("/proc")
      .map(Number)
      .filter(pid => pid > 0 && findProcess(pid)?.parent === parent);
  }
  const { stdout } = Bun.spawnSync(["ps", "-axo", "pid=,ppid="]);
  const pairs = stdout
    .toString()
    .trim()
    .split("\n")
    .map(line => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([pid, ppid]) => (pid && ppid === parent ? [pid] : []));
}
