// The arguments of `bun run bench`, and the help about them.

import { parseArgs } from "node:util";
import { readWithHelp } from "../src/usage-error.ts";
import { ROWS } from "./rows.ts";

const SECONDS_DEFAULT = 5;
const ROUNDS_DEFAULT = 3;
const ENTRIES_DEFAULT = 10_000_000;

const HELP = `Usage: bun run bench [options]

Measures the server against a reference in the same run, side by side, and prints a table. The server is the
real one, as a process of its own, with an embedded PostgreSQL in a temporary folder. The reference writes the
same rows in a plain schema (bench/bare.sql) in another database of the same PostgreSQL, one call and one commit
a request, called by pgbench with 8, 32 and 64 clients, of which the best counts. Both take turns, and medians
of the turns are compared. Needs pgbench and wrk. Takes about ten minutes; don't use the machine meanwhile.

Options:
  --rows 1,3       these rows only
  --large          rows 7 and 8 as well, which need a database with ten million entries: 15 minutes and 15 GB
                   more. Naming them in --rows has the same effect
  --entries N      another size of that database, for trying (default ${ENTRIES_DEFAULT.toLocaleString("en")})
  --json FILE      keep the figures: [{"row", "name", "ours", "reference", "ratio", "goal", "better", "met"}]
  --docs           write the table and the machine into docs/benchmarks.md
  --seconds N      length of each turn (default ${SECONDS_DEFAULT})
  --quick          turns of one second, to see whether everything works; the figures are rough
  --help           this text

ratio is ours / reference. Rows with an absolute limit have the limit as their reference, so that a ratio of 1
is what must not be passed. A row of several figures shows the one that is nearest to its limit; all of them
stand in "parts". An answer that is not 2xx voids its row.

Rows:
${ROWS.map(({ row, title, unit }) => `  ${String(row).padStart(2)}  ${title} [${unit}]`).join("\n")}`;

export type Arguments = Readonly<{
  rows: readonly number[];
  json: string | undefined;
  docs: boolean;
  /** Length of one turn of one side. */
  turnSeconds: number;
  /** Turns of each side. */
  rounds: number;
  /** Ledger entries of the large database. */
  entries: number;
}>;

/** Reads the arguments, or gives the help that they ask for. Throws UsageError. */
export function readArguments(args: readonly string[]): Arguments | { help: string } {
  return readWithHelp(HELP, () => {
    const { values } = parse(args);
    if (values.help) return { help: HELP };
    return {
      rows: values.rows === undefined ? defaultRows(values.large) : readRows(values.rows),
      json: values.json,
      docs: values.docs,
      turnSeconds: values.quick ? 1 : readCount("--seconds", values.seconds, SECONDS_DEFAULT, 600),
      rounds: ROUNDS_DEFAULT,
      entries: readCount("--entries", values.entries, ENTRIES_DEFAULT, 1_000_000_000),
    };
  });
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      rows: { type: "string" },
      large: { type: "boolean", default: false },
      entries: { type: "string" },
      json: { type: "string" },
      docs: { type: "boolean", default: false },
      seconds: { type: "string" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
}

function defaultRows(large: boolean): number[] {
  return ROWS.filter(row => large || !row.large).map(({ row }) => row);
}

function readRows(list: string): number[] {
  const wanted = new Set(list.split(",").map(part => part.trim()));
  const known = ROWS.map(({ row }) => row).filter(row => wanted.delete(String(row)));
  const [unknown] = wanted;
  if (unknown !== undefined) throw new Error(`--rows: there is no row "${unknown}".`);
  return known;
}

function readCount(option: string, text: string | undefined, preset: number, max: number): number {
  if (text === undefined) return preset;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > max) {
    throw new Error(`${option} takes a whole number from 1 to ${max.toLocaleString("en")}.`);
  }
  return value;
}
