// The arguments of `bun run migrate`, and the help about them.

import { parseArgs } from "node:util";
import { readWithHelp } from "../usage-error.ts";

const OVERVIEW = `Usage: bun run migrate <command> [options]

Commands:
  apply      create the database where it is missing and apply the pending migrations
  verify     compare the schema and the books with what they should be; exits 1 on any difference
  status     show the version, the applied and the pending migrations, and the row counts
  rollback   take the newest migration back, or several; asks before it does
  snapshot   for developers: write down what verify expects, after a change of the migrations

The database is the one that DATABASE_OWNER_URL or DATABASE_URL names, else the embedded one.
bun run migrate <command> --help says more.`;

const HELP = {
  apply: `Usage: bun run migrate apply

Creates the database where it is missing and applies the pending files of migrations/ in the order of
their numbers, each in a transaction of its own. Run it as often as you like, also at the same time.
A file that fails leaves the database as it was before that file.`,

  verify: `Usage: bun run migrate verify

Checks tables, columns, constraints, indexes, triggers, views and functions, what stands around them, the
checksums of the applied migrations, and the books over all rows: amounts, balances, the order of entries,
movements and reversals. The hashes of the entries are left to bun run integrity. Changes nothing. Names
every difference and exits 1 if there is any.`,

  status: `Usage: bun run migrate status

Shows the schema's version, the applied and the pending migrations, and how many rows each table has.
A count with ~ is PostgreSQL's estimate. Changes nothing.`,

  rollback: `Usage: bun run migrate rollback [--to N] [--yes]

Takes the newest migration back, in one transaction, after showing what would be lost and asking to
type YES. Anything else changes nothing and exits 1.

Options:
  --to N   take back all migrations after number N; 0 leaves nothing behind
  --yes    don't ask, for scripts`,

  snapshot: `Usage: bun run migrate snapshot

Applies the migrations to a scratch database beside the one in use, writes what came of it to
migrations/schema.snapshot.json, and drops the scratch database. Commit the file with the migration.`,
} as const;

type Command = keyof typeof HELP;

/** What is to be done. `to` and `yes` belong to rollback. */
export type Arguments = Readonly<{ command: Command; to: number | undefined; yes: boolean }>;

/** Reads the arguments behind the command's name, or gives the help that they ask for. Throws UsageError. */
export function readArguments(args: readonly string[]): Arguments | { help: string } {
  const command = Object.keys(HELP).find((name): name is Command => name === args[0]);
  const help = command ? HELP[command] : OVERVIEW;
  return readWithHelp(help, () => {
    const { values, positionals } = parse(args);
    if (values.help) return { help };
    if (command === undefined) throw new Error(args[0] ? `There is no command "${args[0]}".` : "A command is missing.");
    if (positionals.length > 1) throw new Error(`"${positionals[1]}" is one argument too many.`);
    const { to, yes = false } = values;
    if (command !== "rollback" && (to !== undefined || yes)) throw new Error(`${command} has no option --to or --yes.`);
    if (to !== undefined && !/^\d{1,4}$/.test(to)) throw new Error("--to takes a migration's number, such as 2, or 0.");
    return { command, to: to === undefined ? undefined : Number(to), yes };
  });
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" }, to: { type: "string" }, yes: { type: "boolean" } },
  });
}
