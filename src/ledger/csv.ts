// One's own ledger as a CSV file.

import type { CsvColumns } from "../csv.ts";
import type { LedgerEntry } from "./model.ts";

export const ledgerColumns: CsvColumns<LedgerEntry> = {
  id: "number",
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
  reverses_id: "number",
  entry_hash: "text",
};
