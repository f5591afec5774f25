// What callers hold now, the question that is asked most: those that ask while a statement is under way share the next
// one. There is no commit to share, but a round trip and a statement cost more than reading a hundred rows.

import type { Caller } from "../auth/scopes.ts";
import type { SharedKind } from "../commit-sharing.ts";
import type { Sql } from "../db.ts";
import { Problem } from "../problem.ts";

export type Balance = { user_id: string; balance: string; as_of: string };

/** How questions for a balance share a statement; the outcome is undefined where the caller's key is no longer good. */
export function balanceKind(sql: Sql): SharedKind<Caller, Balance | undefined> {
  return {
    name: "balance",
    async execute(callers) {
      const rows = await sql<(Balance & { no: number })[]>`
        SELECT q.no::integer, u.id AS user_id, u.extropy_balance AS balance, now() AS as_of
        FROM unnest(
          ${callers.map(caller => caller.userId)}::uuid[], ${callers.map(caller => caller.keyId)}::uuid[]
        ) WITH ORDINALITY AS q (user_id, key_id, no)
        JOIN users u ON u.id = q.user_id
        WHERE u.is_active AND (u.account_key_id = q.key_id OR api_key_is_live(q.key_id, u.id))`;
      const outcomes = new Array<Balance | undefined>(callers.length).fill(undefined);
      for (const { no, ...balance } of rows) outcomes[no - 1] = balance;
      return outcomes;
    },
    claimsOf: () => [],
    weightOf: () => 1,
  };
}

/** The balance of a caller whose key is good. Throws `unauthenticated`. */
export function requireBalance(outcome: Balance | undefined): Balance {
  if (!outcome) throw new Problem("unauthenticated");
  return outcome;
}
