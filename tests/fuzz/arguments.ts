// The arguments of `bun run test:fuzz`, and the help about them.

import { parseArgs } from "node:util";
import { readWithHelp } from "../../src/usage-error.ts";

export const HELP = `Usage: bun run test:fuzz [options]

Sends malformed and hostile requests to every operation of the OpenAPI document, on a server and a database of their own:
wrong types, huge numbers, deep JSON, NUL bytes, halves of surrogate pairs, broken UTF-8, SQL and HTML in every field,
wrong content types, oversized bodies, broken addresses, and right requests among them, so that deep code is reached.
No answer may be a 5xx, one that the document does not know, or hold anything internal; the books change only as answers
say. A seed makes the same requests again.

Options:
  --requests N     how many, shared out among the operations (default 20000)
  --seed S         a whole number (default: another one each time)
  --operation ID   only this operation, by its operationId, with the requests that it would get among all; several
                   where it stands several times

Exits 0 when nothing was found, 1 when something was, 2 when the arguments are wrong.`;

export type Arguments = Readonly<{ requests: number; seed: number; only: readonly string[] }>;

/** Reads the arguments, or gives the help that they ask for. Throws UsageError. */
export function readArguments(args: readonly string[]): Arguments | { help: string } {
  return readWithHelp(HELP, () => {
    const text = { type: "string" } as const;
    const options = {
      help: { type: "boolean", short: "h" },
      requests: text,
      seed: text,
      operation: { ...text, multiple: true },
    } as const;
    const { values } = parseArgs({ args: [...args], options });
    if (values.help) return { help: HELP };
    const { requests = "20000", seed = String(Math.floor(Math.random() * 1_000_000)), operation = [] } = values;
    if (!/^[1-9]\d{0,7}$/.test(requests)) throw new Error("--requests takes a number from 1 to 99999999.");
    if (!/^\d{1,9}$/.test(seed)) throw new Error("--seed takes a whole number of up to nine digits.");
    return { requests: Number(requests), seed: Number(seed), only: operation };
  });
}
