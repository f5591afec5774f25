// The wire contract of cards and of publishing.

import { z } from "zod";
import { integerBetween } from "../integer.ts";
import { anyText, jsonObject, metadataObject, normalisable, text } from "../text.ts";

/** Bytes of a card's text in UTF-8 (1 MiB). */
export const CONTENT_BYTES_MAX = 1_048_576;
export const CARDS_A_REQUEST_MAX = 100;
export const TITLE_CHARACTERS_MAX = 1000;
export const TAGS_MAX = 50;
export const TAG_CHARACTERS_MAX = 100;

export const category = z.enum(["UNASSIMILATED", "PROGRAM", "CATEGORIZED", "GRIT", "TOUGH", "JUNK"]);
export const publicLevel = z.enum(["BUSINESS", "IDEAS"]);
export type PublicLevel = z.output<typeof publicLevel>;

const title = normalisable(text(0, TITLE_CHARACTERS_MAX));
const content = normalisable(anyText).superRefine((value, context) => {
  if (Buffer.byteLength(value) > CONTENT_BYTES_MAX) {
    context.addIssue({ code: "custom", message: `at most ${CONTENT_BYTES_MAX} bytes of UTF-8` });
  } else if (value.trim() === "") {
    context.addIssue({ code: "custom", message: "text that is not empty" });
  }
});
const tags = z.array(text(1, TAG_CHARACTERS_MAX)).max(TAGS_MAX, `at most ${TAGS_MAX} tags`);

const INT32_MAX = 2_147_483_647;

export const publishRequest = z.strictObject({
  client_id: text(1, 255).nullish(),
  cards: z
    .array(
      z.strictObject({
        title: title.nullish(),
        content,
        privacy_level: anyText,
        category: category.nullish(),
        tags: tags.nullish(),
        metadata: metadataObject.nullish(),
        source_session_id: integerBetween(-INT32_MAX - 1, INT32_MAX).nullish(),
      }),
    )
    .min(1, "1 to 100 cards")
    .max(CARDS_A_REQUEST_MAX, "1 to 100 cards"),
});
export type PublishRequest = z.output<typeof publishRequest>;

/** The level under which a card may be published; undefined for every text that is not one of the two. */
export function publicLevelOf(level: string): PublicLevel | undefined {
  if (/^business$/i.test(level)) return "BUSINESS";
  if (/^ideas$/i.test(level)) return "IDEAS";
  return undefined;
}

export const publishAnswer = z.object({
  cards: z.array(
    z.object({
      index: z.number().int(),
      outcome: z.enum(["published", "duplicate", "filtered"]),
      id: z.guid().nullable(),
      slug: z.string().nullable(),
      public_url: z.string().nullable(),
      content_hash: z.string().nullable(),
      extropy_awarded: z.string(),
      reason: z.enum(["private", "daily-limit", "already-rewarded"]).optional(),
    }),
  ),
  published_urls: z.array(z.string()),
  cards_published: z.number().int(),
  cards_filtered: z.number().int(),
  extropy_earned: z.string(),
  balance: z.string(),
});
export type PublishAnswer = z.output<typeof publishAnswer>;

/** A published card as everybody sees it. */
export const card = z.object({
  id: z.guid(),
  author: z.object({ id: z.guid(), username: z.string(), display_name: z.string().nullable() }),
  title: z.string().nullable(),
  content: z.string(),
  content_hash: z.string(),
  privacy_level: publicLevel,
  category: category.nullable(),
  tags: z.array(z.string()),
  metadata: jsonObject,
  slug: z.string(),
  public_url: z.string(),
  attribution_count: z.number().int(),
  extropy_earned: z.string(),
  published_at: z.string(),
  edited_at: z.string().nullable(),
});
export type Card = z.output<typeof card>;

export const cardFilter = {
  category: category.optional().describe("Only cards of this category."),
  tag: text(1, TAG_CHARACTERS_MAX).optional(),
  privacy_level: publicLevel.optional().describe("Only cards of this level."),
  q: text(1, 200).optional(),
};

export const cardChange = z.strictObject({
  title: title.nullable().optional(),
  content: content.optional(),
  category: category.nullable().optional(),
  tags: tags.optional(),
  metadata: metadataObject.optional(),
  privacy_level: publicLevel.optional(),
});
export type CardChange = z.output<typeof cardChange>;

/** A card as devices push it: the six fields that its checksum covers, all of them there. */
export const syncedCard = z.strictObject({
  title: title.nullable(),
  content,
  privacy_level: anyText,
  category: category.nullable(),
  tags: tags.nullable(),
  metadata: metadataObject.nullable(),
});
