// The wire contract of everybody's entries, for operators.

import { z } from "zod";
import type { CsvColumns } from "../csv.ts";
import { pageQuery } from "../cursor.ts";
import { type LedgerEntryDetail, ledgerEntry, ledgerFilter, type TransactionType } from "../ledger/model.ts";
import { compareAmounts, signedAmountText } from "../money.ts";
import { invalid } from "../problem.ts";
import { userText } from "./user-filter.ts";

export const accountEntry = ledgerEntry
  .extend({
    user: z.object({ id: z.guid(), username: z.string() }).describe("Whose entry it is."),
    leg: z.number().int().describe("1 for the only leg and for the payer's, 2 for the payee's."),
  })
  .meta({ id: "AccountEntry", description: "An entry with the account that it stands in." });
export type AccountEntry = z.output<typeof accountEntry>;

export const accountEntryQuery = z.strictObject({
  ...pageQuery,
  user: userText.optional().describe("Only entries of this account: its id or username."),
  ...ledgerFilter,
  amount: signedAmountText.optional().describe("Only entries of exactly this amount, negative where the account paid."),
  amount_min: signedAmountText.optional().describe("Only entries of this amount or more; -5 is less than -1."),
  amount_max: signedAmountText.optional().describe("Only entries of this amount or less."),
  transaction_id: z.guid().optional().describe("Only the legs of this movement."),
});

export type AccountEntryFilter = {
  user?: string | undefined;
  type?: TransactionType | undefined;
  from?: string | undefined;
  to?: string | undefined;
  card_id?: string | undefined;
  attribution_id?: string | undefined;
  transaction_id?: string | undefined;
  amount?: string | undefined;
  amount_min?: string | undefined;
  amount_max?: string | undefined;
};

/** Throws `validation` where no amount can be within both ends. */
export function requireRange({ amount_min, amount_max }: AccountEntryFilter): void {
  if (amount_min === undefined || amount_max === undefined || compareAmounts(amount_min, amount_max) <= 0) return;
  throw invalid("/amount_max", "an amount that is not below `amount_min`");
}

/** An entry as its page shows it: with all that its hash covers, and what became of it. */
export type EntryView = LedgerEntryDetail & {
  user: { id: string; username: string };
  /** The entry of the other leg; null where there is none. */
  sibling_id: string | null;
  /** The entry that undid this one. */
  reversed_by: string | null;
};

/** A line of the CSV file. */
export type AccountEntryLine = Omit<AccountEntry, "user"> & { user_id: string; username: string };

export const accountEntryColumns: CsvColumns<AccountEntryLine> = {
  id: "number",
  user_id: "text",
  username: "text",
  user_seq: "number",
  created_at: "text",
  transaction_type: "text",
  amount: "number",
  balance_before: "number",
  balance_after: "number",
  description: "text",
  note: "text",
  card_id: "text",
  attribution_id: "text",
  transaction_id: "text",
  leg: "number",
  reverses_id: "number",
  entry_hash: "text",
};

export function toAccountEntryLine({ user, ...entry }: AccountEntry): AccountEntryLine {
  return { ...entry, user_id: user.id, username: user.username };
}
