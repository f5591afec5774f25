// The real programs as processes of their own, for tests of what only a process shows: signals, exit codes,
// crashes, what it prints. None outlives the test file that started it.

import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "./support.ts";

export type ProgramOptions = {
  /** The whole environment beside PATH and HOME: what the tests' own environment says does not reach the program. */
  env?: Record<string, string>;
  cwd?: string;
  /** Another system user; only root may ask for one. */
  uid?: number;
  gid?: number;
  /** A command line that ends by becoming the one that follows it, such as `env`. */
  within?: readonly string[];
};

/** A running program. What it printed is complete once `exited` has resolved to its exit code (or signal). */
export type Program = {
  pid: number;
  stdout(): string;
  stderr(): string;
  exited: Promise<number | NodeJS.Signals>;
  kill(signal?: NodeJS.Signals): void;
  /** Asks the program to end and waits until it has. */
  stop(): Promise<number | NodeJS.Signals>;
  /** Waits for text on standard output and returns the match. Throws, with all output, when the program ends before. */
  waitFor(text: RegExp): Promise<RegExpExecArray>;
};

const running = new Set<Program>();
const folders: string[] = [];

/** Called by preload.ts after each file. */
export async function stopPrograms(): Promise<void> {
  await Promise.all([...running].map(program => program.stop()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Runs `bun` with the arguments, in the project's folder unless told otherwise. */
export function startProgram(args: string[], options: ProgramOptions = {}): Program {
  const { env = {}, cwd = PROJECT, within = [], ...account } = options;
  const [command = process.execPath, ...rest] = [...within, process.execPath, ...args];
  const child = spawn(command, rest, {
    cwd,
    ...account,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  let ended = false;
  child.stdout.on("data", chunk => (stdout += chunk));
  child.stderr.on("data", chunk => (stderr += chunk));
  const program: Program = {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    exited: new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        ended = true;
        running.delete(program);
        resolve(signal ?? code ?? 0);
      });
    }),
    kill: (signal = "SIGKILL") => child.kill(signal),
    stop: () => {
      child.kill("SIGTERM");
      return program.exited;
    },
    async waitFor(text) {
      for (;;) {
        const found = text.exec(stdout);
        if (found) return found;
        if (ended) throw new Error(`The program ended without printing ${text}.\n${stdout}\n${stderr}`);
        await Bun.sleep(5);
      }
    },
  };
  running.add(program);
  return program;
}

export type Server = Program & { baseUrl: string };

/** `preload` is a module, relative to the project, that the server loads before its own. */
export type ServerOptions = Pick<ProgramOptions, "within"> & { preload?: string };

/**
 * Starts the server with an environment, on a free port unless that names one, and resolves when it is ready. Give it
 * DATABASE_URL or a DATA_DIR of its own.
 */
export async function startServer(env: Record<string, string>, options: ServerOptions = {}): Promise<Server> {
  const { preload, within } = options;
  const args = [...(preload ? ["--preload", preload] : []), "src/main.ts"];
  const program = startProgram(args, { env: { PORT: "0", BCRYPT_COST: "4", ...env }, ...(within ? { within } : {}) });
  const [, baseUrl = ""] = await program.waitFor(/Server +(http:\S+)/);
  return { ...program, baseUrl };
}

/** A new folder that every user can enter, removed after the file's last test. In DATA_FOLDER no program may be allowed to run. */
export function createFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, "extrophi-"));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}
