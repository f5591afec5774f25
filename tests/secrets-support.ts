// What the tests of secrets share: everything that was let out, the search in it, and what the process list shows.

import { readdirSync, readFileSync } from "node:fs";
import { type Program, type Server, startProgram } from "./server.ts";

/** What a key looks like, anywhere in a text. */
export const KEYS = /ext_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}/g;

/** What was let out, by where it came from. */
export class Collected {
  readonly #texts: [string, string][] = [];

  add(source: string, text: string): void {
    this.#texts.push([source, text]);
  }

  /** Where the texts came from. */
  get sources(): string[] {
    return this.#texts.map(([source]) => source);
  }

  get size(): number {
    return this.#texts.reduce((sum, [, text]) => sum + text.length, 0);
  }

  /** Where one of the secrets stands: as it is, in base64, or as an address escapes it. */
  find(secrets: Readonly<Record<string, string>>): string[] {
    return Object.entries(secrets).flatMap(([name, secret]) => {
      if (secret.length < 8) throw new Error(`the secret ${name} was not found out`);
      const forms = [secret, Buffer.from(secret).toString("base64").replace(/=+$/, ""), encodeURIComponent(secret)];
      return this.#texts
        .filter(([, text]) => forms.some(form => text.includes(form)))
        .map(([source]) => `${name} in ${source}`);
    });
  }
}

/** Processes that were started by this one, or by one of those. */
function descendantsOf(pid: number): number[] {
  const parents = readdirSync("/proc").flatMap(name => {
    if (!/^\d+$/.test(name)) return [];
    const stat = readProc(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    return [[Number(name), parent] as const];
  });
  const found = [pid];
  for (const parent of found) {
    found.push(...parents.filter(([child, of]) => of === parent && !found.includes(child)).map(([child]) => child));
  }
  return found.slice(1);
}

/** Processes that work in a folder, which PostgreSQL's do. */
export function processesIn(folder: string): number[] {
  const all = readdirSync("/proc").filter(name => /^\d+$/.test(name));
  return all
    .filter(
      pid => readProc(`/proc/${pid}/environ`).includes(folder) || readProc(`/proc/${pid}/cmdline`).includes(folder),
    )
    .map(Number);
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The arguments of the server itself, and arguments and environment of whatever it started. */
export function collectProcesses(collected: Collected, server: Server, others: readonly number[] = []): void {
  collected.add("the server's command line", readProc(`/proc/${server.pid}/cmdline`));
  for (const pid of [...descendantsOf(server.pid), ...others]) {
    const name = readProc(`/proc/${pid}/comm`).trim();
    collected.add(`the command line of ${name}`, readProc(`/proc/${pid}/cmdline`));
    collected.add(`the environment of ${name}`, readProc(`/proc/${pid}/environ`));
  }
}

const LOOK_MS = 30;

/**
 * Runs a command of the project to its end and collects what it prints, and what the process list shows meanwhile of it and of
 * whatever it starts. Its own environment, which only its owner may read, is where addresses come in.
 */
export async function runCollected(
  collected: Collected,
  args: string[],
  env: Record<string, string>,
): Promise<Program> {
  const program = startProgram(args, { env: { LOG_LEVEL: "trace", BCRYPT_COST: "4", ...env } });
  const name = args.join(" ");
  const seen = new Set<string>();
  const look = (pid: number, what: "cmdline" | "environ") => {
    const text = readProc(`/proc/${pid}/${what}`);
    if (seen.has(text)) return;
    seen.add(text);
    collected.add(`the ${what} of a process of ${name}`, text);
  };
  const looking = setInterval(() => {
    look(program.pid, "cmdline");
    for (const pid of descendantsOf(program.pid)) {
      look(pid, "cmdline");
      look(pid, "environ");
    }
  }, LOOK_MS);
  await program.exited;
  clearInterval(looking);
  collected.add(`the output of ${name}`, program.stdout());
  collected.add(`the errors of ${name}`, program.stderr());
  return program;
}
