// The wire contract of everybody's cards, for operators: all but the text, which the card's page shows.

import { z } from "zod";
import { card, category, publicLevel } from "../cards/model.ts";
import type { CsvColumns } from "../csv.ts";
import { pageQuery } from "../cursor.ts";
import { text } from "../text.ts";
import { userText } from "./user-filter.ts";

export const cardStatus = z.enum(["published", "withdrawn"]);
export const cardOrder = z.enum(["newest", "most_cited", "most_earned"]);
export type CardOrder = z.output<typeof cardOrder>;

export const listedCard = card
  .omit({ content: true, content_hash: true, metadata: true })
  .extend({
    status: cardStatus,
    title: z.string().nullable().describe("The card's title; null where it has none, and where it was withdrawn."),
    slug: z.string().nullable().describe("The last part of the page's address; null: the card was withdrawn."),
    public_url: z.string().nullable().describe("The page for readers; null: the card was withdrawn."),
    view_count: z.number().int(),
    withdrawn_at: z.string().nullable(),
  })
  .meta({ id: "ListedCard" });
export type ListedCard = z.output<typeof listedCard>;

/** A card with its text; null: the card was withdrawn. */
export type CardDetail = ListedCard & { content: string | null };

/** Beyond ASCII it is PostgreSQL that knows what is a sign. */
const isSigns = (text: string) => /^[!-/:-@[-`{-~\s]+$/.test(text);

/** Characters of the words that titles are looked through for. */
export const TITLE_QUERY_CHARACTERS_MAX = 200;

export const listedCardQuery = z.strictObject({
  ...pageQuery,
  user: userText.optional().describe("Only cards of this account: its id or username."),
  category: category.optional().describe("Only cards of this category."),
  privacy_level: publicLevel.optional().describe("Only cards of this level."),
  status: cardStatus.optional().describe("Only cards that stand, or only those that were withdrawn."),
  q: text(1, TITLE_QUERY_CHARACTERS_MAX)
    .refine(text => !isSigns(text), "a word: signs alone are none")
    .optional()
    .describe("Only cards whose title has words that begin with each of these, in any order, in upper or lower case."),
  sort: cardOrder
    .default("newest")
    .describe("`most_cited` and `most_earned` are orders of the moment: a card that is paid between two pages moves."),
});
export type ListedCardFilter = Omit<z.output<typeof listedCardQuery>, "limit" | "cursor">;

/** A line of the CSV file. */
export type ListedCardLine = Omit<ListedCard, "author" | "tags"> & { user_id: string; username: string; tags: string };

export const listedCardColumns: CsvColumns<ListedCardLine> = {
  id: "text",
  user_id: "text",
  username: "text",
  title: "text",
  status: "text",
  privacy_level: "text",
  category: "text",
  tags: "text",
  public_url: "text",
  attribution_count: "number",
  extropy_earned: "number",
  view_count: "number",
  published_at: "text",
  edited_at: "text",
  withdrawn_at: "text",
};

export function toListedCardLine({ author, tags, ...card }: ListedCard): ListedCardLine {
  return { ...card, user_id: author.id, username: author.username, tags: tags.join(" ") };
}
