// The wire contract of attributions: source is the cited card, whose author is paid; target is the citing card, whose
// author pays. Attributions are public, as the cards are.

import { z } from "zod";
import { metadataObject, text } from "../text.ts";

export const attributionType = z.enum(["citation", "remix", "reply", "inspiration"]);
export type AttributionType = z.output<typeof attributionType>;

/** A card where others refer to it. A withdrawn one stays as a record, without title and page. */
export const cardReference = z
  .object({
    id: z.guid(),
    title: z.string().nullable(),
    slug: z.string().nullable().describe("The last part of the page's address; null: the card was withdrawn."),
    withdrawn: z.boolean().meta({ description: "Whether its author has withdrawn the card.", examples: [false] }),
    author: z
      .object({ id: z.guid(), username: z.string(), display_name: z.string().nullable() })
      .meta({ id: "Author", description: "Whose card it is." }),
  })
  .meta({ id: "CardReference" });
export type CardReference = z.output<typeof cardReference>;

export const attribution = z
  .object({
    id: z.guid(),
    attribution_type: attributionType,
    extropy_amount: z.string().describe("What the citing author paid the cited one."),
    attribution_note: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    created_at: z.string(),
    reversed_at: z.string().nullable().describe("When the payment was undone; null: it stands."),
    source_card: cardReference.describe("The cited card; its author is paid."),
    target_card: cardReference.describe("The citing card; its author pays."),
  })
  .meta({ id: "Attribution" });
export type Attribution = z.output<typeof attribution>;

const NOTE_CHARACTERS_MAX = 2000;

export const attributionRequest = z.strictObject({
  source_card_id: z.guid().describe("The card that is cited."),
  target_card_id: z.guid().describe("The caller's card that cites it."),
  attribution_type: attributionType,
  attribution_note: text(0, NOTE_CHARACTERS_MAX).nullish(),
  metadata: metadataObject.nullish(),
});

export const attributed = z
  .object({
    attribution,
    payment: z.object({
      amount: z.string().describe("What was paid to the cited card's author."),
      balance: z.string().describe("The caller's balance after it."),
    }),
  })
  .meta({ id: "Attributed" });
export type Attributed = z.output<typeof attributed>;

export const attributionFilter = {
  direction: z
    .enum(["received", "made"])
    .default("received")
    .describe("`received`: by cards that cite this one (backlinks). `made`: of cards that this one cites."),
  type: attributionType.optional().describe("Only attributions of this type."),
};
export type AttributionFilter = { direction: "received" | "made"; type?: AttributionType | undefined };

export const GRAPH_NODES_MAX = 500;
/** Some 2 MB of JSON. */
export const GRAPH_EDGES_MAX = 10_000;

export const graphQuery = z.strictObject({
  depth: z.enum(["1", "2", "3"]).default("1").transform(Number).describe("How many attributions away a card may be."),
});

export const graph = z
  .object({
    center: z.guid(),
    nodes: z.array(
      cardReference
        .extend({
          depth: z.number().int().describe("How many attributions away from the center."),
          extropy_earned: z.string(),
          attribution_count: z.number().int(),
        })
        .meta({ id: "GraphNode" }),
    ),
    edges: z.array(
      z
        .object({
          id: z.guid(),
          source: z.guid().describe("The cited card."),
          target: z.guid().describe("The citing card."),
          type: attributionType,
          amount: z.string(),
        })
        .meta({ id: "GraphEdge" }),
    ),
    truncated: z.boolean().meta({
      description: `Whether there is more than the ${GRAPH_NODES_MAX} cards nearest to the center, or than ${GRAPH_EDGES_MAX} attributions between them.`,
      examples: [false],
    }),
  })
  .meta({ id: "Graph" });
export type Graph = z.output<typeof graph>;

export const counted = z.object({ count: z.number().int(), amount: z.string() });
const totals = counted.extend({
  by_type: z.partialRecord(attributionType, counted).describe("Of each type that occurs."),
});
export type Totals = z.output<typeof totals>;

/** What one card has received. */
export const cardReceived = totals.extend({ card: cardReference }).meta({ id: "CardReceived" });
export type CardReceived = z.output<typeof cardReceived>;

export const userReceived = z
  .object({
    items: z.array(cardReceived),
    next_cursor: z.string().nullable(),
    totals: totals.describe("Of all cards, whatever the page shows."),
  })
  .meta({ id: "UserReceived" });
export type UserReceived = z.output<typeof userReceived>;
