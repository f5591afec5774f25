// Making attributions: from a batch of commands to one statement, and from an outcome to the answer or the Problem. The
// rules stand in attribute_cards (migrations/0011_throughput.sql).

import type { Caller } from "../auth/scopes.ts";
import type { SharedKind } from "../commit-sharing.ts";
import type { Sql } from "../db.ts";
import { claimOfKey, type IdempotencyKey } from "../idempotency.ts";
import { Problem } from "../problem.ts";
import type { Attributed, Attribution, AttributionType } from "./model.ts";

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
export type AttributeOutcome = Omit<Attribution, "id" | "extropy_amount" | "reversed_at"> & {
  outcome: "created" | "replayed" | "already-attributed" | "insufficient-balance" | "key-reused" | Refusal;
  attribution_id: string;
  amount: string;
  balance: string;
};

/** How attributions share a commit. */
export function attributeKind(sql: Sql): SharedKind<AttributeCommand, AttributeOutcome> {
  return {
    name: "attribute",
    execute: commands => callAttributeCards(sql, commands),
    claimsOf: ({ caller, idempotency, sourceCardId, targetCardId, type }) => [
      ...claimOfKey(caller.userId, idempotency),
      // One id can be written in two ways.
      `attribution:${sourceCardId}:${targetCardId}:${type}`.toLowerCase(),
    ],
    weightOf: () => 2,
  };
}

function callAttributeCards(sql: Sql, commands: readonly AttributeCommand[]) {
  return sql<AttributeOutcome[]>`
    SELECT * FROM attribute_cards(
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

/** The answer to an outcome that made something, now or the first time. Throws the Problem that any other one stands for. */
export function toAttributed(outcome: AttributeOutcome): Attributed {
  const { attribution_id: id, amount, balance } = outcome;
  switch (outcome.outcome) {
    case "created":
    case "replayed":
      return {
        attribution: {
          id,
          attribution_type: outcome.attribution_type,
          extropy_amount: amount,
          attribution_note: outcome.attribution_note,
          metadata: outcome.metadata,
          created_at: outcome.created_at,
          // Nothing is reversed when it is made, whatever became of it by the time that the same is asked for again.
          reversed_at: null,
          source_card: outcome.source_card,
          target_card: outcome.target_card,
        },
        payment: { amount, balance },
      };
    case "key-reused":
      throw new Problem("idempotency-key-reused");
    case "already-attributed":
      throw new Problem("already-attributed", { extra: { attribution_id: id } });
    case "insufficient-balance":
      throw new Problem("insufficient-balance", { extra: { balance, required: amount } });
    case "forbidden":
      throw new Problem("forbidden", { detail: "The citing card (target_card_id) must be one of the caller's own." });
    default:
      throw new Problem(outcome.outcome);
  }
}
