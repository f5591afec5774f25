// Transfers between users: from a batch of commands to one statement, and from an outcome to the answer or the
// Problem. The rules stand in send_transfers (migrations/0005_money.sql).

import type { Caller } from "../auth/scopes.ts";
import type { SharedKind } from "../commit-sharing.ts";
import type { Sql } from "../db.ts";
import { claimOfKey, type IdempotencyKey } from "../idempotency.ts";
import { Problem } from "../problem.ts";

export type TransferCommand = {
  caller: Caller;
  idempotency: IdempotencyKey;
  /** An id or a username. */
  toUser: string;
  /** More than zero, as text with two decimals. */
  amount: string;
  note: string | null;
};

export type TransferOutcome = {
  outcome:
    | "sent"
    | "replayed"
    | "insufficient-balance"
    | "key-reused"
    | "not-found"
    | "self-transfer"
    | "unauthenticated";
  transaction_id: string;
  payee_id: string;
  payee_username: string;
  balance: string;
};

/** How transfers share a commit. */
export function transferKind(sql: Sql): SharedKind<TransferCommand, TransferOutcome> {
  return {
    name: "transfer",
    execute: commands => callSendTransfers(sql, commands),
    claimsOf: ({ caller, idempotency }) => claimOfKey(caller.userId, idempotency),
    weightOf: () => 2,
  };
}

function callSendTransfers(sql: Sql, commands: readonly TransferCommand[]) {
  return sql<TransferOutcome[]>`
    SELECT outcome, transaction_id, payee_id, payee_username, balance FROM send_transfers(
      ${commands.map(command => command.caller.userId)}::uuid[],
      ${commands.map(command => command.caller.keyId)}::uuid[],
      ${commands.map(command => command.idempotency.key)}::varchar[],
      ${commands.map(command => command.idempotency.requestHash)}::varchar[],
      ${commands.map(() => Bun.randomUUIDv7())}::uuid[],
      ${commands.map(command => command.toUser)}::text[],
      ${commands.map(command => command.amount)}::decimal[],
      ${commands.map(command => command.note)}::text[])
    ORDER BY request_no`;
}

/** An outcome that sent something, now or the first time. Throws the Problem that any other one stands for. */
export function requireSent(outcome: TransferOutcome, amount: string): TransferOutcome {
  switch (outcome.outcome) {
    case "sent":
    case "replayed":
      return outcome;
    case "key-reused":
      throw new Problem("idempotency-key-reused");
    case "insufficient-balance":
      throw new Problem("insufficient-balance", { extra: { balance: outcome.balance, required: amount } });
    case "not-found":
      throw new Problem("not-found", { detail: "There is nobody of this id or username who can be paid." });
    default:
      throw new Problem(outcome.outcome);
  }
}
