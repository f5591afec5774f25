// All invariants of the books, in the order in which they are told. `bun run integrity` checks them batch by batch
// (integrity/check.ts); here each is one query over all rows, as `migrate verify` and the demo's check run it.

import type { Sql, Tx } from "../db.ts";
import { appendOnly, balances, history } from "./integrity/account-rules.ts";
import { attributions, cards } from "./integrity/card-rules.ts";
import { chain, hashes, money } from "./integrity/entry-rules.ts";
import { movements, reversals } from "./integrity/movement-rules.ts";
import { type Findings, findOffences, type Rule, TABLES } from "./integrity/rule.ts";

/** Holds when what was issued less what was burned is the sum of all balances; it is compared after all else. */
export const supply: Rule = {
  name: "supply",
  describe: "What was issued less what was burned is the sum of all balances",
  checks: [],
};

export const RULES: readonly Rule[] = [
  money,
  appendOnly,
  balances,
  chain,
  hashes,
  movements,
  reversals,
  attributions,
  cards,
  supply,
  history,
];

/** `describe` is the sentence that holds when `sql` finds nothing; its rows name who offends and how. */
export type Invariant = Readonly<{ name: string; describe: string; sql: string }>;

const EXAMPLES_MAX = 10;

function overAllRows({ name, describe, checks }: Rule): Invariant {
  const tables: Readonly<Record<string, string>> = TABLES;
  // What accounts show one by one, totals show as well.
  const queries = checks.filter(({ of }) => of !== "accounts").map(({ of, sql }) => sql(tables[of] ?? ""));
  return { name, describe, sql: queries.join("\nUNION ALL\n") };
}

/** Invariants 1, 3 and 4; the second, that the ledger is append-only, is kept by triggers and seen in the chain. */
export const invariants: readonly Invariant[] = [money, balances, chain, movements, reversals].map(overAllRows);

/** What the triggers keep besides, hash by hash, and what they leave to the server: payments and earnings. */
export const recordedInvariants: readonly Invariant[] = [hashes, attributions, cards].map(overAllRows);

/** Runs one invariant's query: how many violate it, and the first ten. */
export async function checkInvariant(sql: Sql | Tx, invariant: Invariant): Promise<Findings> {
  return await findOffences(sql, invariant.sql, [], EXAMPLES_MAX);
}
