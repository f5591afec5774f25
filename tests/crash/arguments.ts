// The arguments of `bun run test:crash`, and the help about them.

import { parseArgs } from "node:util";
import { readWithHelp } from "../../src/usage-error.ts";
import { PLANTS, type Plant } from "./plants.ts";

const ROUNDS = { preset: 100, max: 10_000 };
const CLIENTS = { preset: 32, max: 128 };
const SEED_MAX = 2 ** 32 - 1;

const NAMES = PLANTS.map(({ name, describe }) => `  ${name.padEnd(22)}${describe}`).join("\n");

const HELP = `Usage: bun run test:crash [options]

Kills the server and PostgreSQL with SIGKILL under full load, round by round in turn, and proves that every answered
request is there exactly once, that every retry got the first answer, and that the books balance. Everything happens in a
temporary folder, on ports of its own, with an embedded PostgreSQL; nothing of it stays. A round takes some 5 s.

Options:
  --rounds N     how many rounds, each with a kill that counts (default ${ROUNDS.preset})
  --seed S       0 to ${SEED_MAX}: the same rounds again, as far as they can be (below)
  --round K      round K of a seed alone, on new books
  --clients N    connections at a time, 2 to ${CLIENTS.max} (default ${CLIENTS.preset}); one in eight is an operator
  --keep         keep the journals and the server's log, and say where
  --plant NAME   plant a fault that the judge has to find, within one round or two unless --rounds says more
  --help         this text

What a seed repeats, round by round: what is killed and how, after how many answers and after which pause; what each client
asks for, request by request, with the same keys, texts, amounts, payees, cards and movements, chosen from what that client has
done itself and from what the round began with; where it hangs up, and where it asks again. All of it follows from seed, round
and number of clients; round K is the same alone as after others, but for the balances that those have left.
What it does not repeat is time: how the requests of different clients meet, how far each of them comes before a kill, what
is in flight then, who is refused for want of balance, ids, and what is asked for once more at the very end.

Faults that can be planted:
${NAMES}

Exits 0 when nothing was found, 1 when the judge found something (the first are named), 2 when the arguments are wrong.
The progress goes to standard error.`;

export type Arguments = Readonly<{
  rounds: number;
  /** The only round that is wanted. */
  round: number | undefined;
  seed: number;
  clients: number;
  keep: boolean;
  plant: Plant | undefined;
}>;

/** Reads the arguments, or gives the help that they ask for. Throws UsageError. */
export function readArguments(args: readonly string[]): Arguments | { help: string } {
  return readWithHelp(HELP, () => {
    const [flag, text] = [{ type: "boolean", default: false }, { type: "string" }] as const;
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { ...flag, short: "h" },
        rounds: text,
        round: text,
        seed: text,
        clients: text,
        keep: flag,
        plant: text,
      },
    });
    if (values.help) return { help: HELP };
    const plant = PLANTS.find(({ name }) => name === values.plant);
    if (values.plant !== undefined && !plant) throw new Error(`--plant: there is no fault "${values.plant}".`);
    const round = readNumber("--round", values.round, 1, ROUNDS.max);
    if (round !== undefined && (values.rounds !== undefined || values.seed === undefined)) {
      throw new Error("--round takes one round of a --seed, and no --rounds.");
    }
    return {
      round,
      rounds: readNumber("--rounds", values.rounds, 1, ROUNDS.max) ?? (plant ? (plant.round ?? 1) : ROUNDS.preset),
      seed: readNumber("--seed", values.seed, 0, SEED_MAX) ?? Math.floor(Math.random() * SEED_MAX),
      clients: readNumber("--clients", values.clients, 2, CLIENTS.max) ?? CLIENTS.preset,
      keep: values.keep,
      plant,
    };
  });
}

function readNumber(option: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value < min || value > max) {
    throw new Error(`${option} takes a whole number from ${min} to ${max}.`);
  }
  return value;
}
