// COPY: how many rows get into a table fast. A row is a line of PostgreSQL's text format.

import { copyIn } from "../copy-in.ts";
import type { Tx } from "../db.ts";
import { quoted } from "../migrate/connection.ts";

/** What a column may be given; null is NULL. Texts that may hold tabs, line ends or backslashes go through escapeText. */
export type Value = string | number | boolean | null;

/** Characters that travel as one message: large enough that messages cost nothing, small enough to show progress. */
const CHUNK_CHARACTERS = 131_072;

/** 64 MB of lines leave ten times as much garbage. Left alone, the collector waits until a demo takes 2 GB. */
const CHUNKS_A_COLLECTION = 500;

/** Copies rows, whose values come in the order of `columns`, into a table of schema public. */
export async function copyRows(
  tx: Tx,
  table: string,
  columns: readonly string[],
  rows: Iterable<readonly Value[]>,
  advance: (rows: number) => void = () => {},
): Promise<void> {
  const statement = `COPY public.${quoted(table)} (${columns.map(quoted).join(", ")}) FROM STDIN`;
  await copyIn(tx, statement, chunksOf(rows, advance));
}

function* chunksOf(rows: Iterable<readonly Value[]>, advance: (rows: number) => void): Generator<Buffer> {
  let chunk = "";
  let count = 0;
  let chunks = 0;
  for (const row of rows) {
    chunk += lineOf(row);
    count++;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield Buffer.from(chunk);
    advance(count);
    if (++chunks % CHUNKS_A_COLLECTION === 0) Bun.gc(true);
    chunk = "";
    count = 0;
  }
  if (count > 0) yield Buffer.from(chunk);
  advance(count);
}

function lineOf(row: readonly Value[]): string {
  let line = "";
  for (let column = 0; column < row.length; column++) line += `${column > 0 ? "\t" : ""}${row[column] ?? "\\N"}`;
  return `${line}\n`;
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** Any text as a Value. */
export function escapeText(text: string): string {
  return text.replace(/[\\\t\n\r]/g, character => ESCAPES[character] as string);
}
