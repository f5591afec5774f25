// Ways to falsify what a run has left: journals that still look whole, and rows behind the triggers' backs.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Sql } from "../../../src/db.ts";
import type { Came, Line } from "../journal.ts";

/** What a run has left: the database, and the folder with a folder of journals for each round. */
export type Left = Readonly<{ sql: Sql; journals: string }>;
export type Tamper = (left: Left) => Promise<void>;

/** One journal, without the last line, which says how many there are. */
export type JournalFile = { path: string; lines: Line[] };

/** The journals of all rounds, in order. */
export function readJournalFiles({ journals }: Left): JournalFile[] {
  return readdirSync(journals, { recursive: true, encoding: "utf8" })
    .filter(path => path.endsWith(".jsonl"))
    .sort()
    .map(path => {
      const texts = readFileSync(join(journals, path), "utf8").trim().split("\n").slice(0, -1);
      return { path: join(journals, path), lines: texts.map(text => JSON.parse(text)) };
    });
}

/** Writes it as if nothing had happened: its last line says how many there are now. */
export function writeJournalFile({ path, lines }: JournalFile): void {
  const texts = [...lines, { type: "end", lines: lines.length }].map(line => `${JSON.stringify(line)}\n`);
  writeFileSync(path, texts.join(""));
}

/** Changes lines one by one; `change` gives the line that stands there instead, or undefined to leave it. */
export function changeLines(left: Left, change: (line: Line) => Line | undefined): void {
  for (const file of readJournalFiles(left)) {
    const lines = file.lines.map(line => change(line) ?? line);
    if (lines.some((line, index) => line !== file.lines[index])) writeJournalFile({ ...file, lines });
  }
}

/** The first success of each request whose path matches. */
export function successesOf(left: Left, path: RegExp): Came[] {
  const lines = readJournalFiles(left).flatMap(file => file.lines);
  const wanted = new Set(
    lines.flatMap(line => (line.type === "sent" && path.test(line.asked.path) ? [line.asked.key] : [])),
  );
  const found = new Map<string, Came>();
  for (const line of lines) {
    if (line.type !== "came" || line.status >= 300 || !wanted.has(line.key) || found.has(line.key)) continue;
    found.set(line.key, line);
  }
  return [...found.values()];
}

/** Runs statements that the triggers would refuse or follow, and leaves all of them as they were. */
export async function behindTheTriggers(sql: Sql, statements: string): Promise<void> {
  await sql.begin(async tx => {
    const triggers = await tx<{ owner: string; name: string; state: string }[]>`
      SELECT t.tgrelid::regclass::text AS owner, quote_ident(t.tgname) AS name, t.tgenabled::text AS state
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
      WHERE NOT t.tgisinternal AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      ORDER BY 1, 2 LIMIT 1000`;
    for (const { owner, name } of triggers) await tx.unsafe(`ALTER TABLE ${owner} DISABLE TRIGGER ${name}`);
    await tx.unsafe(statements);
    for (const { owner, name, state } of triggers) {
      await tx.unsafe(`ALTER TABLE ${owner} ENABLE ${state === "A" ? "ALWAYS" : ""} TRIGGER ${name}`);
    }
  });
}
