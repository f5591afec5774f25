// Short lines out of texts by strangers: what a card is called where it is listed, and how it begins. They stand
// amid the page's own words, in attributes and in feeds, so nothing in them may hide or turn those around.

/** What is read of a text for its excerpt. */
export const OPENING_CHARACTERS = 1000;

const NAME_CHARACTERS_MAX = 90;

/** Embeddings, overrides and isolates, which reach beyond the text they stand in; plain marks of direction do not. */
const DIRECTION_CONTROLS = /[\u202A-\u202E\u2066-\u2069]/g;

/** Something that leaves ink: no control, space or mark alone, none of the letters that are blank. */
const INK = /[^\p{C}\p{Z}\p{M}\u115F\u1160\u2800\u3164\uFFA0]/u;

/** One line without control characters; empty where nothing of it would be seen. */
export function cleanLine(text: string): string {
  const line = text
    .replace(DIRECTION_CONTROLS, "")
    .replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\uFFFE\uFFFF]/gu, " ")
    .replace(/ {2,}/g, " ")
    .trim();
  return INK.test(line) ? line : "";
}

/** The words at the beginning of a Markdown text, without its marks, at most `charactersMax` with an ellipsis. */
export function excerptOf(markdown: string, charactersMax: number): string {
  return shorten(cleanLine(wordsOf(markdown.slice(0, OPENING_CHARACTERS))), charactersMax);
}

/** What a card is called: its title, else its first words, else nothing. */
export function nameOf(title: string | null, opening: string): { name: string; has_title: boolean } {
  const name = cleanLine(title ?? "");
  if (name) return { name, has_title: true };
  const firstLine = opening.split(/[\r\n]+/).find(line => cleanLine(wordsOf(line))) ?? "";
  return { name: excerptOf(firstLine, NAME_CHARACTERS_MAX), has_title: false };
}

/** Drops the marks of Markdown by eye rather than by grammar: each step is linear, and no HTML comes of it. */
function wordsOf(markdown: string): string {
  return markdown
    .replace(/^ {0,3}(?:```|~~~).*$/gm, " ")
    .replace(/!?\[([^[\]]*)\]\([^()\s]*(?: "[^"]*")?\)/g, "$1")
    .replace(/^[ \t>]*(?:#{1,6}[ \t]+|[-*+][ \t]+|\d{1,9}[.)][ \t]+)?/gm, "")
    .replace(/^[-=_* \t|:]{3,}$/gm, " ")
    .replace(/[*`|]|~~|__/g, "")
    .replace(/\s+/g, " ");
}

function shorten(line: string, charactersMax: number): string {
  if (line.length <= charactersMax) return line;
  const cut = line
    .slice(0, charactersMax)
    .toWellFormed()
    .replace(/\uFFFD$/, "");
  const lastSpace = cut.lastIndexOf(" ");
  const words = lastSpace > charactersMax / 2 ? cut.slice(0, lastSpace) : cut;
  return `${words.replace(/[\s.,;:!?-]{1,10}$/, "")}…`;
}
