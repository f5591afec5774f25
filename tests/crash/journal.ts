// A client's journal: what it is about to send, and then what came back, each line on disk before the client goes on.
// One file for each client and round; its last line says how many there are, so that a part of it is known as one.

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Asked } from "./asked.ts";

/** Times are in milliseconds of this machine's clock; an attempt is one sending of a request, counted from 1. */
export type Sent = Readonly<{ type: "sent"; attempt: number; at: number; asked: Asked }>;
/** An answer that was read to its end. */
export type Came = Readonly<{
  type: "came";
  key: string;
  attempt: number;
  at: number;
  status: number;
  isReplayed: boolean;
  text: string;
}>;
/** No answer: the connection broke, was refused, or the client hung up. */
export type Missed = Readonly<{ type: "missed"; key: string; attempt: number; at: number; reason: string }>;
/** A SIGKILL; `phase` is what the program was doing. */
export type Kill = Readonly<{ type: "kill"; at: number; program: "server" | "PostgreSQL"; phase: "load" | "start" }>;
/** An answer to a bystander that no crash explains. */
export type Odd = Readonly<{ type: "odd"; at: number; what: string }>;
export type Line = Sent | Came | Missed | Kill | Odd;

/** What the files of one round say, in the order of time. */
export type Recorded = Readonly<{ lines: Line[]; faults: string[] }>;

/** A journal that is open for writing. One line at a time. */
export class Journal {
  #count = 0;

  private constructor(private readonly file: FileHandle) {}

  static async open(folder: string, name: string): Promise<Journal> {
    mkdirSync(folder, { recursive: true });
    return new Journal(await open(join(folder, `${name}.jsonl`), "ax"));
  }

  /** Resolves when the line is on disk. */
  async write(line: Line): Promise<void> {
    this.#count++;
    await this.#append(line);
  }

  async close(): Promise<void> {
    await this.#append({ type: "end", lines: this.#count });
    await this.file.close();
  }

  async #append(line: object): Promise<void> {
    await this.file.write(`${JSON.stringify(line)}\n`);
    await this.file.datasync();
  }
}

/** The moment, as journals have it. */
export const now = () => performance.timeOrigin + performance.now();

/** Reads all journals of a round. What is torn or cut off is named in `faults`. */
export function readJournals(folder: string): Recorded {
  const faults: string[] = [];
  const lines = readdirSync(folder)
    .sort()
    .flatMap(name => readJournal(join(folder, name), name, faults));
  return { lines: lines.sort((a, b) => a.at - b.at), faults };
}

function readJournal(path: string, name: string, faults: string[]): Line[] {
  const texts = readFileSync(path, "utf8").split("\n");
  if (texts.pop() !== "") faults.push(`${name} breaks off within a line`);
  const lines: Line[] = [];
  let end: number | undefined;
  for (const [index, text] of texts.entries()) {
    const line = parse(text);
    if (!line) faults.push(`${name}, line ${index + 1}, can't be read`);
    else if (line.type === "end") end = line.lines;
    else lines.push(line);
  }
  if (end !== lines.length) faults.push(`${name} has ${lines.length} lines, and its end says ${end ?? "nothing"}`);
  return lines;
}

function parse(text: string): Line | { type: "end"; lines: number } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
