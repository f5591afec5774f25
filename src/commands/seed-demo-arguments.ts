// The arguments of `bun run seed-demo`, their limits, and the help about them.

import { parseArgs } from "node:util";
import { readWithHelp } from "../usage-error.ts";

/** Two, since nobody can cite themselves. */
export const USERS_MIN = 2;
export const USERS_MAX = 1_000_000;
export const ENTRIES_MAX = 10_000_000;
/** More would be more than one person can publish in a year with the daily limit of rewards. */
export const ENTRIES_A_USER_MAX = 20_000;
export const SEED_MAX = 2 ** 32 - 1;
/** Each takes bcrypt's 70 ms. */
export const KEYS_MAX = 1000;

const DEFAULTS = { users: 50, entries: 2000, seed: 1, keys: 1 };

const number = (value: number) => value.toLocaleString("en");

export const HELP = `Usage: bun run seed-demo [options]

Fills a database that has no users yet, beside admins, with people, cards, citations and payments of the past year,
for screenshots, trials and benchmarks. Everything is checked before it is committed; a running server waits
meanwhile. Applies the pending migrations first. Ten million entries take some minutes and 13 GB.

Options:
  --users N          how many people, ${USERS_MIN} to ${number(USERS_MAX)} (default ${DEFAULTS.users})
  --entries N        how many ledger entries, from one for each user to ${number(ENTRIES_A_USER_MAX)} for each, at most
                     ${number(ENTRIES_MAX)} (default ${number(DEFAULTS.entries)}); about one in seven is a card
  --seed N           0 to ${SEED_MAX}; another seed makes another demo (default ${DEFAULTS.seed})
  --until TIME       when the year ends, such as 2026-01-31T12:00:00Z (default: now)
  --keys N           how many of the users get an API key to sign in with, 0 to ${number(KEYS_MAX)} (default ${DEFAULTS.keys})
  --with-keys FILE   write the keys to a new file, a username and a key a line, instead of printing them

The same options, --until included, make the same rows again; only the keys are always new.
The database is the one that DATABASE_OWNER_URL or DATABASE_URL names, else the embedded one. Amounts come
from the environment, as the server's do.`;

export type Arguments = Readonly<{
  users: number;
  entries: number;
  seed: number;
  untilMs: number;
  keys: number;
  keyFile: string | undefined;
}>;

/** Reads the arguments, or gives the help that they ask for. `now` is in milliseconds. Throws UsageError. */
export function readArguments(args: readonly string[], now: number): Arguments | { help: string } {
  return readWithHelp(HELP, () => {
    const { values } = parse(args);
    if (values.help) return { help: HELP };
    const users = readNumber("--users", values.users, DEFAULTS.users, USERS_MIN, USERS_MAX);
    const entriesMax = Math.min(ENTRIES_MAX, users * ENTRIES_A_USER_MAX);
    const usual = Math.min(Math.max(DEFAULTS.entries, users), entriesMax);
    return {
      users,
      entries: readNumber("--entries", values.entries, usual, users, entriesMax, ` with --users ${number(users)}`),
      seed: readNumber("--seed", values.seed, DEFAULTS.seed, 0, SEED_MAX),
      untilMs: readMoment("--until", values.until, now),
      keys: readNumber("--keys", values.keys, DEFAULTS.keys, 0, KEYS_MAX),
      keyFile: readPath("--with-keys", values["with-keys"]),
    };
  });
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  return parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h" },
      users: text,
      entries: text,
      seed: text,
      until: text,
      keys: text,
      "with-keys": text,
    },
  });
}

function readNumber(
  name: string,
  given: string | undefined,
  usual: number,
  min: number,
  max: number,
  condition = "",
): number {
  if (given === undefined) return usual;
  const value = Number(given);
  if (/^\d{1,10}$/.test(given) && value >= min && value <= max) return value;
  throw new Error(`${name} is ${given}. It takes a whole number from ${number(min)} to ${number(max)}${condition}.`);
}

/** Before 2000 there was no such thing to demonstrate, and the ledger takes no entry from the future. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);

function readMoment(name: string, given: string | undefined, now: number): number {
  if (given === undefined) return now;
  const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z$/.test(given) ? Date.parse(given) : Number.NaN;
  if (moment >= EARLIEST_MS && moment <= now) return moment;
  throw new Error(`${name} is ${given}. It takes a time such as 2026-01-31T12:00:00Z, from the year 2000 until now.`);
}

function readPath(name: string, given: string | undefined): string | undefined {
  if (given === "") throw new Error(`${name} takes the name of a file.`);
  return given;
}
