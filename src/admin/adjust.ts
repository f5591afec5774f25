// Adjustments by operators: from a batch of commands to one statement, and from an outcome to the answer or the Problem.
// The rules stand in adjust_balances (migrations/0006_operators.sql).

import type { Caller } from "../auth/scopes.ts";
import type { SharedKind } from "../commit-sharing.ts";
import type { Sql } from "../db.ts";
import { claimOfKey, type IdempotencyKey } from "../idempotency.ts";
import { formatAmount } from "../money.ts";
import { Problem } from "../problem.ts";
import type { AdjustmentType } from "./movements-model.ts";

export type AdjustCommand = {
  caller: Caller;
  idempotency: IdempotencyKey;
  requestId: string;
  userId: string;
  type: AdjustmentType;
  /** As the request has it: a penalty's is positive. Text with two decimals. */
  amount: string;
  reason: string;
  /** What the account held when the operator decided; undefined: it may hold anything. */
  expectedBalance?: string | undefined;
};

export type AdjustOutcome = {
  outcome:
    | "adjusted"
    | "replayed"
    | "insufficient-balance"
    | "changed"
    | "key-reused"
    | "not-found"
    | "forbidden"
    | "unauthenticated";
  transaction_id: string;
  balance: string;
};

/** How adjustments share a commit. */
export function adjustKind(sql: Sql): SharedKind<AdjustCommand, AdjustOutcome> {
  return {
    name: "adjust",
    execute: commands => callAdjustBalances(sql, commands),
    claimsOf: ({ caller, idempotency }) => claimOfKey(caller.userId, idempotency),
    weightOf: () => 1,
  };
}

function callAdjustBalances(sql: Sql, commands: readonly AdjustCommand[]) {
  return sql<AdjustOutcome[]>`
    SELECT outcome, transaction_id, balance FROM adjust_balances(
      ${commands.map(command => command.caller.userId)}::uuid[],
      ${commands.map(command => command.caller.keyId)}::uuid[],
      ${commands.map(command => command.idempotency.key)}::varchar[],
      ${commands.map(command => command.idempotency.requestHash)}::varchar[],
      ${commands.map(command => command.requestId)}::varchar[],
      ${commands.map(() => Bun.randomUUIDv7())}::uuid[],
      ${commands.map(command => command.userId)}::uuid[],
      ${commands.map(command => command.type)}::varchar[],
      ${commands.map(({ type, amount }) => (type === "penalty" ? negate(amount) : amount))}::decimal[],
      ${commands.map(command => command.reason)}::text[],
      ${commands.map(command => command.expectedBalance ?? null)}::decimal[])
    ORDER BY request_no`;
}

function negate(amount: string): string {
  return formatAmount(`-${amount}`);
}

/** An outcome that adjusted something, now or the first time. Throws the Problem that any other one stands for. */
export function requireAdjusted(outcome: AdjustOutcome, amount: string): AdjustOutcome {
  switch (outcome.outcome) {
    case "adjusted":
    case "replayed":
      return outcome;
    case "key-reused":
      throw new Problem("idempotency-key-reused");
    case "changed":
      throw new Problem("precondition-failed", {
        detail: `The account holds ${outcome.balance} by now. Nothing was moved; look at it again.`,
        extra: { balance: outcome.balance },
      });
    case "insufficient-balance":
      throw new Problem("insufficient-balance", {
        extra: { balance: outcome.balance, required: amount.replace("-", "") },
      });
    case "not-found":
      throw new Problem("not-found", {
        detail: "There is no account of this id, or it is the system's or was erased.",
      });
    default:
      throw new Problem(outcome.outcome);
  }
}
