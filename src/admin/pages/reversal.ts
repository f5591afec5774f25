// What a reversal would do to the accounts of a movement, and whether it can be done at all: what can't be is not
// offered. The database decides (reverse_movements, migrations/0006_operators.sql); this says the same beforehand.

import { grouped } from "../../../views/admin/pieces.tsx";
import type { Sql } from "../../db.ts";
import { compareAmounts, sumAmounts } from "../../money.ts";
import type { EntryView } from "../ledger-model.ts";
import { getMovement } from "../movements-store.ts";
import { getAccount } from "../users-store.ts";

/** What the reversal takes from or gives to one account, in tokens, as the account is now. */
export type Leg = { username: string; isErased: boolean; before: string; change: string; after: string };

/** The legs of the reversal of a movement. */
export async function readReversal(sql: Sql, transactionId: string): Promise<Leg[]> {
  const { entries } = await getMovement(sql, transactionId);
  return Promise.all(
    entries.map(async ({ user_id, amount }) => {
      const { username, balance, erased_at } = await getAccount(sql, user_id);
      const change = amount.startsWith("-") ? amount.slice(1) : `-${amount}`;
      return { username, isErased: erased_at !== null, before: balance, change, after: sumAmounts([balance, change]) };
    }),
  );
}

/** Why a movement can never be reversed (again); undefined where it can. */
export function refusalOf(entry: EntryView, legs: readonly Leg[]): "already-reversed" | "not-reversible" | undefined {
  if (entry.reversed_by !== null) return "already-reversed";
  if (entry.transaction_type === "reversal" || legs.some(({ isErased }) => isErased)) return "not-reversible";
  return undefined;
}

/** Why nobody is offered to reverse an entry, where the page does not show it anyway; undefined where nothing is in the way. */
export function hindranceOf(legs: readonly Leg[]): string | undefined {
  if (legs.some(({ isErased }) => isErased)) {
    return legs.length > 1
      ? "Can't be reversed: one of its accounts is erased."
      : "Can't be reversed: the account is erased.";
  }
  const short = legs.find(({ after }) => compareAmounts(after, "0.00") < 0);
  if (!short) return undefined;
  return `Can't be reversed now: ${short.username} has ${grouped(short.before)}, and ${grouped(short.change.slice(1))} would be taken back.`;
}
