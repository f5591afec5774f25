// The wire contract of all attributions, for operators.

import { z } from "zod";
import { type Attribution, attributionType } from "../attributions/model.ts";
import type { CsvColumns } from "../csv.ts";
import { pageQuery } from "../cursor.ts";
import { moment } from "../moment.ts";
import { userText } from "./user-filter.ts";

export const listedAttributionQuery = z.strictObject({
  ...pageQuery,
  type: attributionType.optional().describe("Only attributions of this type."),
  source_user: userText.optional().describe("Only those that this account received: its id or username."),
  target_user: userText.optional().describe("Only those that this account made: its id or username."),
  card_id: z.guid().optional().describe("Only those on either side of which this card stands."),
  from: moment.optional().describe("Only those of this moment or later."),
  to: moment.optional().describe("Only those before this moment."),
  reversed: z
    .enum(["true", "false"])
    .optional()
    .describe("`true`: only those whose payment was undone. `false`: only those that stand."),
});
export type ListedAttributionFilter = Omit<z.output<typeof listedAttributionQuery>, "limit" | "cursor">;

/** A line of the CSV file. */
export type AttributionLine = Omit<Attribution, "source_card" | "target_card" | "metadata"> & {
  source_card_id: string;
  source_title: string | null;
  source_user_id: string;
  source_username: string;
  target_card_id: string;
  target_title: string | null;
  target_user_id: string;
  target_username: string;
};

export const attributionColumns: CsvColumns<AttributionLine> = {
  id: "text",
  created_at: "text",
  attribution_type: "text",
  extropy_amount: "number",
  source_card_id: "text",
  source_title: "text",
  source_user_id: "text",
  source_username: "text",
  target_card_id: "text",
  target_title: "text",
  target_user_id: "text",
  target_username: "text",
  attribution_note: "text",
  reversed_at: "text",
};

export function toAttributionLine({ source_card, target_card, ...attribution }: Attribution): AttributionLine {
  return {
    ...attribution,
    source_card_id: source_card.id,
    source_title: source_card.title,
    source_user_id: source_card.author.id,
    source_username: source_card.author.username,
    target_card_id: target_card.id,
    target_title: target_card.title,
    target_user_id: target_card.author.id,
    target_username: target_card.author.username,
  };
}
