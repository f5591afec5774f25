// The arguments of `bun run integrity`, and the help about them.

import { parseArgs } from "node:util";
import { readWithHelp } from "../usage-error.ts";

const CONNECTIONS_MAX = 16;

export const HELP = `Usage: bun run integrity [options]

Proves the books from their rows: every invariant over every entry, all hashes computed anew, the supply, and that
nothing which an earlier check saw was changed since. Others may go on writing meanwhile. Prints the root, one hash
over all users' heads; a clean check of everything is recorded with it.

Options:
  --full            check everything (default)
  --since-last      check only what came since the last clean check of everything, which is all where there was none
  --expect ROOT     also prove that the ledger continues what it was when it had this root
  --connections N   how many connections work at once, 1 to ${CONNECTIONS_MAX} (default 2)
  --json            print the result as JSON, as the API answers it

Exits 0 when nothing violates an invariant, 1 when something does (the first hundred are named) or nothing could be
checked, 2 when the arguments are wrong. The progress goes to standard error.
The database is the one that DATABASE_OWNER_URL or DATABASE_URL names, else the embedded one.`;

export type Arguments = Readonly<{
  full: boolean;
  expect: string | undefined;
  connections: number;
  json: boolean;
}>;

/** Reads the arguments, or gives the help that they ask for. Throws UsageError. */
export function readArguments(args: readonly string[]): Arguments | { help: string } {
  return readWithHelp(HELP, () => {
    const { values } = parse(args);
    if (values.help) return { help: HELP };
    const { full = false, "since-last": sinceLast = false, expect, connections = "2", json = false } = values;
    if (full && sinceLast) throw new Error("--full and --since-last exclude each other.");
    if (sinceLast && expect !== undefined) {
      throw new Error("A past can only be expected of a check of everything: leave --since-last out.");
    }
    if (expect !== undefined && !/^[0-9a-f]{64}$/i.test(expect)) {
      throw new Error("--expect takes a root as an earlier check has printed it: 64 hexadecimal digits.");
    }
    if (!/^\d{1,2}$/.test(connections) || Number(connections) < 1 || Number(connections) > CONNECTIONS_MAX) {
      throw new Error(`--connections takes a number from 1 to ${CONNECTIONS_MAX}.`);
    }
    return { full: !sinceLast, expect: expect?.toLowerCase(), connections: Number(connections), json };
  });
}

function parse(args: readonly string[]) {
  const [flag, text] = [{ type: "boolean" }, { type: "string" }] as const;
  return parseArgs({
    args: [...args],
    options: {
      help: { ...flag, short: "h" },
      full: flag,
      "since-last": flag,
      expect: text,
      connections: text,
      json: flag,
    },
  });
}
