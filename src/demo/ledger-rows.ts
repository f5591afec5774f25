// The ledger of a demo's year, entry by entry, and the notes beside it.

import { legsOf, MOVEMENT_KINDS, type Special, type Year } from "./activity-model.ts";
import { formatMoment } from "./calendar.ts";
import type { Value } from "./copy.ts";
import type { Ids } from "./ids.ts";
import { hashEntry, type LedgerHeads } from "./ledger-chain.ts";
import { REASONS, TRANSFER_NOTES } from "./phrases.ts";
import { Random, STREAM } from "./random.ts";

export const LEDGER_COLUMNS = [
  "id",
  "user_id",
  "transaction_type",
  "amount",
  "balance_before",
  "balance_after",
  "card_id",
  "attribution_id",
  "reverses_id",
  "idempotency_key",
  "description",
  "metadata",
  "created_at",
  "transaction_id",
  "leg",
  "user_seq",
  "prev_hash",
  "entry_hash",
] as const;

/** `firstId` is the id of the first entry; `contentHashOf` gives a card's; `heads` are moved along. */
export type LedgerSources = {
  year: Year;
  ids: Ids;
  firstId: number;
  contentHashOf: (card: number) => string;
  heads: LedgerHeads;
};

/** Every entry in the order of time. */
export function* ledgerRows({ year, ids, firstId, contentHashOf, heads }: LedgerSources): Generator<Value[]> {
  const { movements, specials } = year;
  let id = firstId;
  for (let movement = 0; movement < movements.count; movement++) {
    const at = movements.at[movement] as number;
    const kind = MOVEMENT_KINDS[movements.kind[movement] as number];
    const undone = kind === "reversal" ? (specials[movements.subject[movement] as number] as Special) : undefined;
    const transaction_id = ids.transaction(movement);
    for (const [index, leg] of legsOf(year, movement).entries()) {
      const user_id = ids.user(leg.user);
      const entry = {
        ...heads.follow(leg.user, leg.cents),
        id,
        user_id,
        transaction_id,
        transaction_type: leg.type,
        card_id: leg.card < 0 ? null : ids.card(leg.card),
        attribution_id: leg.attribution < 0 ? null : ids.attribution(leg.attribution),
        reverses_id: undone ? firstId + undone.undoneEntry + index : null,
        idempotency_key: kind === "reward" ? `publish:${user_id}:${contentHashOf(leg.card)}` : null,
        description: DESCRIPTIONS[leg.type] ?? null,
        metadata: "{}",
        created_at: at,
      };
      const hash = hashEntry(entry);
      heads.advance(leg.user, leg.cents, at, hash);
      id++;
      yield [
        entry.id,
        user_id,
        entry.transaction_type,
        entry.amount,
        entry.balance_before,
        entry.balance_after,
        entry.card_id,
        entry.attribution_id,
        entry.reverses_id,
        entry.idempotency_key,
        entry.description,
        entry.metadata,
        formatMoment(at),
        transaction_id,
        leg.number,
        entry.user_seq,
        entry.prev_hash,
        hash,
      ];
    }
  }
}

/** The same fixed texts as the migrations'. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  initial_grant: "Initial grant",
  publish_reward: "Reward for a published card",
  transfer_sent: "Transfer sent",
  transfer_received: "Transfer received",
  bonus: "Bonus",
  penalty: "Penalty",
  admin_adjustment: "Adjustment",
  attribution_payment: "Payment for an attribution",
  attribution_received: "Attribution received",
  reversal: "Reversal",
};

export const NOTE_COLUMNS = ["transaction_id", "author_id", "note", "created_at"] as const;

const SYSTEM = "00000000-0000-0000-0000-000000000000";

/** What people wrote about transfers, and why operators gave, took or reversed something. */
export function* noteRows(year: Year, ids: Ids, seed: number): Generator<Value[]> {
  const { movements, specials } = year;
  const random = new Random(seed, STREAM.movement);
  for (let movement = 0; movement < movements.count; movement++) {
    const kind = MOVEMENT_KINDS[movements.kind[movement] as number];
    if (kind === undefined || kind === "grant" || kind === "reward" || kind === "attribution") continue;
    const transfer = kind === "transfer" ? (specials[movements.subject[movement] as number] as Special) : undefined;
    if (transfer && random.chance(0.4)) continue;
    const note = random.pick<string>(kind === "transfer" ? TRANSFER_NOTES : REASONS[kind]);
    const moment = formatMoment(movements.at[movement] as number);
    yield [ids.transaction(movement), transfer ? ids.user(transfer.user) : SYSTEM, note, moment];
  }
}
