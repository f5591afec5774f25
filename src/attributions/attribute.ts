// Making attributions: from a batch of commands to one statement, and from an outcome to the answer or the Problem. The
// rules stand in attribute_cards (migrations/0005_money.sql).

import type { Caller } from "../auth/scopes.ts";
import type { SharedKind } from "../commit-sharing.ts";
import type { Sql } from "../db.ts";
import { claimOfKey, type IdempotencyKey } from "../idempotency.ts";
import { Problem } from "../problem.ts";
import type { AttributionType } from "./model.ts";

/** One attribution to make: `source_card_id` is the cited card, `target_card_id` the caller's own that cites it. */
export type AttributeCommand = {
  caller: Caller;
  idempotency: IdempotencyKey | undefined;
  sourceCardId: string;
  targetCardId: string;
  type: AttributionType;
  /** What the caller pays, as text with two decimals. */
  amount: string;
  note: string | null;
  metadata: Record<string, unknown>;
};

type Refusal = "not-found" | "forbidden" | "gone" | "self-attribution" | "unauthenticated";
export type AttributeOutcome = {
  outcome: "created" | "replayed" | "already-attributed" | "insufficient-balance" | "key-reused" | Refusal;
  attribution_id: string;
  amount: string;
  balance: string;
};

/** How attributions share a commit. */
export function attributeKind(sql: Sql): SharedKind<AttributeCommand, AttributeOutcome> {
  return {
    execute: commands => callAttributeCards(sql, commands),
    claimsOf: ({ caller, idempotency, sourceCardId, targetCardId, type }) => [
      ...claimOfKey(caller.userId, idempotency),
      `attribution:${sourceCardId}:${targetCardId}:${type}`,
    ],
    weightOf: () => 2,
  };
}

function callAttributeCards(sql: Sql, commands: readonly AttributeCommand[]) {
  return sql<AttributeOutcome[]>`
    SELECT outcome, attribution_id, amount, balance FROM attribute_cards(
      ${commands.map(command => command.caller.userId)}::uuid[],
      ${commands.map(command => command.caller.keyId)}::uuid[],
      ${commands.map(command => command.idempotency?.key ?? null)}::varchar[],
      ${commands.map(command => command.idempotency?.requestHash ?? null)}::varchar[],
      ${commands.map(() => Bun.randomUUIDv7())}::uuid[],
      ${commands.map(() => Bun.randomUUIDv7())}::uuid[],
      ${commands.map(command => command.sourceCardId)}::uuid[],
      ${commands.map(command => command.targetCardId)}::uuid[],
      ${commands.map(command => command.type)}::varchar[],
      ${commands.map(command => command.amount)}::decimal[],
      ${commands.map(command => command.note)}::text[],
      ${commands.map(command => JSON.stringify(command.metadata))}::text[]::jsonb[])
    ORDER BY request_no`;
}

/** An outcome that made something, now or the first time. Throws the Problem that any other one stands for. */
export function requireAttributed(outcome: AttributeOutcome): AttributeOutcome {
  switch (outcome.outcome) {
    case "created":
    case "replayed":
      return outcome;
    case "key-reused":
      throw new Problem("idempotency-key-reused");
    case "already-attributed":
      throw new Problem("already-attributed", { extra: { attribution_id: outcome.attribution_id } });
    case "insufficient-balance":
      throw new Problem("insufficient-balance", { extra: { balance: outcome.balance, required: outcome.amount } });
    case "forbidden":
      throw new Problem("forbidden", { detail: "The citing card (target_card_id) must be one of the caller's own." });
    default:
      throw new Problem(outcome.outcome);
  }
}
