// The wire contract of balances, entries and statistics.

import { z } from "zod";
import { moment } from "../moment.ts";
import { amountText } from "../money.ts";
import { anyText, text } from "../text.ts";

export const transactionType = z.enum([
  "initial_grant",
  "publish_reward",
  "attribution_payment",
  "attribution_received",
  "admin_adjustment",
  "bonus",
  "penalty",
  "transfer_sent",
  "transfer_received",
  "reversal",
]);
export type TransactionType = z.output<typeof transactionType>;

export const balanceQuery = z.strictObject({
  at: moment.optional().describe("A moment that is not in the future; now where it is left out."),
});

export const balance = z
  .object({ user_id: z.guid(), balance: z.string(), as_of: z.string() })
  .meta({ id: "Balance", description: "What the account held at `as_of`." });

/** An entry's id is a bigint: text, since a JSON number is exact to 2^53 only. */
export const entryId = z
  .string()
  .regex(/^[1-9][0-9]{0,18}$/, { abort: true })
  .refine(id => BigInt(id) < 2n ** 63n)
  .meta({
    description: "Digits as text: an entry's id may exceed what a JSON number holds exactly.",
    examples: ["17"],
  });

const hash = (description: string) => z.string().meta({ description, pattern: "^[0-9a-f]{64}$" });

export const ledgerEntry = z
  .object({
    id: entryId,
    user_seq: z
      .number()
      .int()
      .meta({ description: "The entry's place in its account: 1, 2, 3 …", examples: [2] }),
    transaction_id: z.guid().describe("The movement. Both legs of one between two accounts have the same."),
    transaction_type: transactionType,
    amount: z.string().describe("Negative where the account paid."),
    balance_before: z.string(),
    balance_after: z.string(),
    card_id: z.guid().nullable().describe("The account's own card that it is about."),
    attribution_id: z.guid().nullable(),
    reverses_id: entryId.nullable().describe("The entry that a reversal undoes, in digits."),
    description: z.string().nullable(),
    note: z.string().nullable().describe("What the payer of a transfer wrote."),
    created_at: z.string(),
    entry_hash: hash("SHA-256 of the entry's canonical text; it covers the hash of the entry before."),
  })
  .meta({ id: "LedgerEntry" });
export type LedgerEntry = z.output<typeof ledgerEntry>;

/** The other leg of a movement, as a member may see it. */
const siblingLeg = z
  .object({
    user: z.object({ id: z.guid(), username: z.string() }),
    transaction_type: transactionType,
    amount: z.string(),
    entry_hash: hash("The hash of that leg."),
  })
  .meta({ id: "SiblingLeg", description: "The other account's leg of the same movement." });

export const ledgerEntryDetail = ledgerEntry
  .extend({
    user_id: z.guid(),
    leg: z.number().int().describe("1 for the only leg and for the payer's, 2 for the payee's."),
    idempotency_key: z.string().nullable().describe("As the ledger keeps it, with its kind and the account in front."),
    metadata: z.record(z.string(), z.unknown()),
    prev_hash: hash("The hash of the account's entry before; 64 zeros for the first one."),
    canonical_text: z.string().describe("The text whose SHA-256, in UTF-8, is `entry_hash`."),
    sibling: siblingLeg.nullable().describe("The other leg of the movement; null: it has one leg."),
  })
  .meta({ id: "LedgerEntryDetail" });
export type LedgerEntryDetail = z.output<typeof ledgerEntryDetail>;

export const ledgerFilter = {
  type: transactionType.optional().describe("Only entries of this type."),
  from: moment.optional().describe("Only entries of this moment or later."),
  to: moment.optional().describe("Only entries before this moment."),
  card_id: z.guid().optional().describe("Only entries about this card."),
  attribution_id: z.guid().optional().describe("Only entries of this attribution."),
};
export type LedgerFilter = {
  type?: TransactionType | undefined;
  from?: string | undefined;
  to?: string | undefined;
  card_id?: string | undefined;
  attribution_id?: string | undefined;
};

export const stats = z
  .object({
    balance: z.string(),
    earned: z.string().describe("The sum of all credits, grants too."),
    spent: z.string().describe("The sum of all debits, without a sign."),
    net: z.string().describe("`earned` less `spent`, which is the balance."),
    by_type: z
      .partialRecord(transactionType, z.object({ count: z.number().int(), sum: z.string() }))
      .describe("Of each type that occurs: how many entries, and the sum of their signed amounts."),
  })
  .meta({ id: "Statistics" });
export type Stats = z.output<typeof stats>;

const NOTE_CHARACTERS_MAX = 2000;

export const transferRequest = z.strictObject({
  to_user: anyText.min(1).max(255).describe("The payee's id or username."),
  amount: amountText.refine(amount => amount !== "0.00", "an amount above zero"),
  note: text(0, NOTE_CHARACTERS_MAX).nullish(),
});

export const transferred = z
  .object({
    transaction_id: z.guid(),
    amount: z.string(),
    to_user: z.string().describe("As it was asked for."),
    balance: z.string().describe("The caller's balance after it."),
  })
  .meta({ id: "Transferred" });
