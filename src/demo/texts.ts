// Writes a demo's cards: titles, and some paragraphs of Markdown put together from the phrases and a topic's words.

import { topicsOf } from "./people.ts";
import { CLOSINGS, HEADINGS, OPENINGS, POINTS, QUOTES, SENTENCES, TITLES } from "./phrases.ts";
import { Random, STREAM } from "./random.ts";
import type { Topic } from "./topics.ts";

const CATEGORIES = ["UNASSIMILATED", "PROGRAM", "CATEGORIZED", "GRIT", "TOUGH", "JUNK"] as const;
const NUMBERS = ["three", "four", "five", "six", "seven", "ten", "twelve", "twenty", "thirty", "forty"];
const SEASONS = ["spring", "summer", "autumn", "winter", "month"];

export type CardText = {
  title: string | null;
  content: string;
  privacy_level: "BUSINESS" | "IDEAS";
  category: string | null;
  tags: string[];
  metadata: Record<string, never>;
};

/** A phrase cut into its fixed texts and the names of what stands between them. */
type Phrase = readonly { text: string; slot: Slot | undefined }[];
type Slot = "thing" | "other" | "third" | "act" | "Act" | "also" | "topic" | "Topic" | "people" | "number" | "season";

const titles = TITLES.map(parse);
const openings = OPENINGS.map(parse);
const sentences = SENTENCES.map(parse);
const closings = CLOSINGS.map(parse);
const headings = HEADINGS.map(parse);
const points = POINTS.map(parse);
const quotes = QUOTES.map(parse);

const STEPS = [1, 5, 7, 11, 13, 17, 19, 23].filter(step => sentences.length % step !== 0 || step === 1);

function parse(phrase: string): Phrase {
  return phrase.split("}").map(part => {
    const [text = "", slot] = part.split("{");
    return { text, slot: slot as Slot | undefined };
  });
}

/** The text of card number `card`, by user number `author`. With so many combinations, two alike are not to be expected. */
export function writeCard(seed: number, card: number, author: number): CardText {
  const random = new Random(seed, STREAM.card, card);
  const topic = random.pick(topicsOf(seed, author));
  const fill = filler(random, topic);
  const title = random.chance(0.96) ? fill(random.pick(titles)) : null;
  return {
    title,
    content: writeContent(random, fill),
    privacy_level: random.chance(0.6) ? "IDEAS" : "BUSINESS",
    category: random.chance(0.9) ? (CATEGORIES[Math.floor(random.fraction() ** 2 * CATEGORIES.length)] ?? null) : null,
    tags: pickTags(random, topic),
    metadata: {},
  };
}

function writeContent(random: Random, fill: (phrase: Phrase) => string): string {
  // A walk through all sentences by a step that shares no divisor with their number: none comes twice in a card.
  const step = random.pick(STEPS);
  let place = random.below(sentences.length);
  const paragraph = (min: number, max: number) =>
    Array.from({ length: random.between(min, max) }, () => {
      place = (place + step) % sentences.length;
      return fill(sentences[place] as Phrase);
    }).join(" ");
  const blocks = [`${fill(random.pick(openings))} ${paragraph(2, 3)}`];
  const middle = random.between(1, 4);
  for (let block = 0; block < middle; block++) {
    const roll = random.fraction();
    if (roll < 0.2) blocks.push(`## ${fill(random.pick(headings))}`);
    else if (roll < 0.35) blocks.push(`> ${fill(random.pick(quotes))}`);
    else if (roll < 0.5) blocks.push(listOf(random, fill));
    blocks.push(paragraph(2, 4));
  }
  if (random.chance(0.6)) blocks.push(fill(random.pick(closings)));
  return blocks.join("\n\n");
}

function listOf(random: Random, fill: (phrase: Phrase) => string): string {
  return Array.from({ length: random.between(2, 4) }, () => `- ${fill(random.pick(points))}`).join("\n");
}

function pickTags(random: Random, { tags }: Topic): string[] {
  const start = random.below(tags.length);
  return Array.from({ length: random.between(0, 3) }, (_, index) => tags[(start + index) % tags.length] as string);
}

/** Fills phrases with words of a topic. */
function filler(random: Random, topic: Topic): (phrase: Phrase) => string {
  const { things, acts } = topic;
  return phrase => {
    const thing = random.below(things.length);
    const act = random.below(acts.length);
    const wordFor = (slot: Slot): string => {
      switch (slot) {
        case "thing":
          return things[thing] as string;
        case "other":
          return things[(thing + 1) % things.length] as string;
        case "third":
          return things[(thing + 4) % things.length] as string;
        case "act":
          return acts[act] as string;
        case "Act":
          return capital(acts[act] as string);
        case "also":
          return acts[(act + 1) % acts.length] as string;
        case "topic":
          return topic.name;
        case "Topic":
          return capital(topic.name);
        case "people":
          return topic.people;
        case "number":
          return random.pick(NUMBERS);
        case "season":
          return random.pick(SEASONS);
      }
    };
    let text = "";
    for (const part of phrase) text += part.slot ? part.text + wordFor(part.slot) : part.text;
    return text;
  };
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
