// The wire contract of what operators do to the books.

import { z } from "zod";
import { ledgerEntry } from "../ledger/model.ts";
import { signedAmountText } from "../money.ts";
import { reason } from "./audit-model.ts";

export const adjustmentType = z.enum(["bonus", "penalty", "admin_adjustment"]);
export type AdjustmentType = z.output<typeof adjustmentType>;

export const adjustmentRequest = z
  .strictObject({
    type: adjustmentType.describe("A bonus adds, a penalty takes; an admin_adjustment does either."),
    amount: signedAmountText
      .refine(amount => !/^-?0\.00$/.test(amount), "an amount other than zero")
      .describe("Above zero; with admin_adjustment, below zero takes."),
    reason,
  })
  .refine(({ type, amount }) => type === "admin_adjustment" || !amount.startsWith("-"), {
    path: ["amount"],
    error: "an amount above zero: the sign follows the type",
  });

export const reversalRequest = z.strictObject({ reason });

/** An entry with whose it is. */
const movedEntry = ledgerEntry
  .omit({ note: true })
  .extend({ user_id: z.guid().describe("Whose account it stands in.") })
  .meta({ id: "MovedEntry" });

export const moved = z
  .object({
    transaction_id: z.guid().describe("The movement that was made."),
    entries: z.array(movedEntry).describe("Its legs, one for each account."),
  })
  .meta({ id: "Moved" });
export type Moved = z.output<typeof moved>;
