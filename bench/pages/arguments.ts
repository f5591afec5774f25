// The arguments of `bun run bench-pages`, and the help about them.

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { readWithHelp } from "../../src/usage-error.ts";

const ENTRIES_DEFAULT = 1_000_000;
const USERS_DEFAULT = 10_000;
const SAMPLES_DEFAULT = 21;

const HELP = `Usage: bun run bench-pages [options]

Measures how long each admin page takes with a large ledger and with one of 1,000 entries, in turns, over HTTP as a
browser asks, each about the accounts and cards that have most. Then finds one payment by its amount and day in a
browser, on the large ledger. Prints a table. The databases are made by seed-demo; the large one takes two minutes and
two gigabytes.

Options:
  --folder DIR     keep the databases in this folder, and use those that are there already
  --entries N      size of the large ledger (default ${ENTRIES_DEFAULT.toLocaleString("en")})
  --users N        how many users it has (default ${USERS_DEFAULT.toLocaleString("en")})
  --samples N      how often each page is asked for in each database (default ${SAMPLES_DEFAULT})
  --only TEXT      only pages whose name has this in it
  --json FILE      keep the figures: [{"name", "small", "big", "ratio", "goal_ms", "met"}]
  --docs           write the table and the machine into docs/benchmarks.md
  --help           this text`;

export type PagesArguments = Readonly<{
  folder: string | undefined;
  entries: number;
  users: number;
  samples: number;
  only: string;
  json: string | undefined;
  docs: boolean;
}>;

/** Reads the arguments, or gives the help that they ask for. Throws UsageError. */
export function readArguments(args: readonly string[]): PagesArguments | { help: string } {
  return readWithHelp(HELP, () => {
    const { values } = parse(args);
    if (values.help) return { help: HELP };
    return {
      folder: values.folder === undefined ? undefined : resolve(values.folder),
      entries: readCount("--entries", values.entries, ENTRIES_DEFAULT, 10_000_000),
      users: readCount("--users", values.users, USERS_DEFAULT, 1_000_000),
      samples: readCount("--samples", values.samples, SAMPLES_DEFAULT, 1_000),
      only: values.only,
      json: values.json,
      docs: values.docs,
    };
  });
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      folder: { type: "string" },
      entries: { type: "string" },
      users: { type: "string" },
      samples: { type: "string" },
      only: { type: "string", default: "" },
      json: { type: "string" },
      docs: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
}

function readCount(option: string, text: string | undefined, preset: number, max: number): number {
  if (text === undefined) return preset;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new Error(`${option} takes a whole number from 1 to ${max.toLocaleString("en")}.`);
}
