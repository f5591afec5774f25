// Reversals by operators: from a batch of commands to one statement, and from an outcome to the answer or the Problem.
// The rules stand in reverse_movements (migrations/0006_operators.sql).

import type { Caller } from "../auth/scopes.ts";
import type { SharedKind } from "../commit-sharing.ts";
import type { Sql } from "../db.ts";
import { claimOfKey, type IdempotencyKey } from "../idempotency.ts";
import { Problem } from "../problem.ts";

export type ReverseCommand = {
  caller: Caller;
  idempotency: IdempotencyKey;
  requestId: string;
  /** Any entry of the movement, in digits. */
  entryId: string;
  reason: string;
};

type Refusal = "not-found" | "not-reversible" | "already-reversed" | "forbidden" | "unauthenticated";
export type ReverseOutcome =
  | { outcome: "reversed" | "replayed" | "key-reused" | Refusal; transaction_id: string }
  | { outcome: "insufficient-balance"; transaction_id: string; balance: string; required: string };

/** How reversals share a commit. */
export function reverseKind(sql: Sql): SharedKind<ReverseCommand, ReverseOutcome> {
  return {
    name: "reverse",
    execute: commands => callReverseMovements(sql, commands),
    claimsOf: ({ caller, idempotency }) => claimOfKey(caller.userId, idempotency),
    weightOf: () => 2,
  };
}

function callReverseMovements(sql: Sql, commands: readonly ReverseCommand[]) {
  return sql<ReverseOutcome[]>`
    SELECT outcome, transaction_id, balance, required FROM reverse_movements(
      ${commands.map(command => command.caller.userId)}::uuid[],
      ${commands.map(command => command.caller.keyId)}::uuid[],
      ${commands.map(command => command.idempotency.key)}::varchar[],
      ${commands.map(command => command.idempotency.requestHash)}::varchar[],
      ${commands.map(command => command.requestId)}::varchar[],
      ${commands.map(() => Bun.randomUUIDv7())}::uuid[],
      ${commands.map(command => command.entryId)}::bigint[],
      ${commands.map(command => command.reason)}::text[])
    ORDER BY request_no`;
}

/** An outcome that reversed something, now or the first time. Throws the Problem that any other one stands for. */
export function requireReversed(outcome: ReverseOutcome): ReverseOutcome {
  switch (outcome.outcome) {
    case "reversed":
    case "replayed":
      return outcome;
    case "key-reused":
      throw new Problem("idempotency-key-reused");
    case "insufficient-balance":
      throw new Problem("insufficient-balance", {
        detail: "The account that was paid has spent it: it holds less than it would have to give back.",
        extra: { balance: outcome.balance, required: outcome.required },
      });
    default:
      throw new Problem(outcome.outcome);
  }
}
