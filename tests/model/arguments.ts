// The arguments of `bun run test:model`, and the help about them.

import { parseArgs } from "node:util";
import { readWithHelp } from "../../src/usage-error.ts";

export const HELP = `Usage: bun run test:model [options]

Runs random histories of publishing, citing, transfers, adjustments, reversals, withdrawals, deactivations and retries, up to
16 requests at a time, against two server processes and against a small model in memory. After each batch there must be an
order of its requests, one after the other, in which the model gives every answer, balance and ledger entry that came.

Options:
  --histories N    how many (default 200)
  --seed S         a whole number (default: another one each time); makes the same histories again, though not the same
                   timing

Exits 0 when server and model agree, 1 when they don't, 2 when the arguments are wrong.`;

export type Arguments = Readonly<{ histories: number; seed: number }>;

/** Reads the arguments, or gives the help that they ask for. Throws UsageError. */
export function readArguments(args: readonly string[]): Arguments | { help: string } {
  return readWithHelp(HELP, () => {
    const text = { type: "string" } as const;
    const options = { help: { type: "boolean", short: "h" }, histories: text, seed: text } as const;
    const { values } = parseArgs({ args: [...args], options });
    if (values.help) return { help: HELP };
    const { histories = "200", seed = String(Math.floor(Math.random() * 1_000_000)) } = values;
    if (!/^[1-9]\d{0,6}$/.test(histories)) throw new Error("--histories takes a number from 1 to 9999999.");
    if (!/^\d{1,9}$/.test(seed)) throw new Error("--seed takes a whole number of up to nine digits.");
    return { histories: Number(histories), seed: Number(seed) };
  });
}
