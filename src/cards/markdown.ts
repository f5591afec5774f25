// Markdown by strangers to HTML that can't script: no raw HTML, links and images to few schemes only, and a bound
// on what comes out. It takes as long as the text likes: markdown-worker.ts runs it, markdown-renderer.ts limits it.

import MarkdownIt, { type Token } from "markdown-it";

/**
 * The longest text (UTF-16 units) that is laid out. At this length the worst inputs known take 200 ms (tests/markdown.test.ts
 * has them), honest ones 10 to 50 ms.
 */
export const MARKDOWN_CHARACTERS_MAX = 100_000;

/** Lists, quotes and brackets within each other; what lies deeper is left out. */
const NESTING_MAX = 100;

/** One address; browsers take no longer ones reliably. */
const ADDRESS_CHARACTERS_MAX = 2048;

/** All addresses and link titles together: a reference definition can be used again and again for 3 characters each. */
const ATTRIBUTE_CHARACTERS_MAX = 1_000_000;

/** linkify-it matches an address with one regular expression, which takes 100 ms from 4,096 characters on (1 ms for 2,048). */
const LONG_ADDRESS = /:\/\/\S{1024}/;

const ALLOWED_ADDRESS = /^(https?:\/\/|mailto:)/i;

/** Thrown where the HTML would be out of proportion to the text. */
export class MarkdownTooLarge extends Error {
  override name = "MarkdownTooLarge";
}

const plain = createParser({ linkify: false });
const linking = createParser({ linkify: true });

/** Renders Markdown (CommonMark with tables and strikethrough) as HTML. Throws MarkdownTooLarge. */
export function renderMarkdown(source: string): string {
  const parser = LONG_ADDRESS.test(source) ? plain : linking;
  const tokens = parser.parse(source, {});
  refuseAmplification(tokens);
  return parser.renderer.render(tokens, parser.options, {});
}

function createParser(options: { linkify: boolean }) {
  const parser = new MarkdownIt({ ...options, html: false, maxNesting: NESTING_MAX });
  // Only what is written as an address becomes a link: "readme.md" is none.
  parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
  parser.validateLink = address => address.length <= ADDRESS_CHARACTERS_MAX && ALLOWED_ADDRESS.test(address);
  parser.core.ruler.push("fit_page", ({ tokens }) => {
    for (const token of tokens) {
      lowerHeading(token);
      alignByClass(token);
      if (DIRECTED.has(token.type)) token.attrSet("dir", "auto");
    }
  });

  const { rules } = parser.renderer;
  rules.link_open = (tokens, index, options, _env, self) => {
    tokens[index]?.attrSet("rel", "nofollow ugc noopener");
    return self.renderToken(tokens, index, options);
  };
  rules.image = (tokens, index, options, env, self) => {
    const image = tokens[index];
    if (!image) return "";
    const alt = self.renderInlineAsText(image.children ?? [], options, env);
    return pictureOf(String(image.attrGet("src") ?? ""), alt, image.attrGet("title"));
  };
  // A wide table scrolls within itself; the page does not.
  rules.table_open = () => '<div class="wide" role="region" aria-label="Table" tabindex="0"><table dir="auto">\n';
  rules.table_close = () => "</table></div>\n";
  return parser;
}

/** What shows its direction by more than its words: the side of its marks, of its line, of its columns. */
const DIRECTED = new Set(["bullet_list_open", "ordered_list_open", "blockquote_open"]);

/** The page has its own h1. Headings get no ids, which could meet the page's. */
function lowerHeading(token: Token): void {
  if (token.type === "heading_open" || token.type === "heading_close") {
    token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + 1)}`;
  }
}

/** A column's alignment comes as a style attribute, which the pages' security policy forbids. */
function alignByClass(token: Token): void {
  const side = /^text-align:(left|center|right)$/.exec(String(token.attrGet("style")))?.[1];
  if (side) token.attrs = [["class", side]];
}

/** An image where it can be fetched without telling the path on the way, else a link to it. */
function pictureOf(address: string, alt: string, title: string | number | null): string {
  const quoted = Bun.escapeHTML;
  if (!/^https:/i.test(address)) {
    return /^http:/i.test(address)
      ? `<a href="${quoted(address)}" rel="nofollow ugc noopener">${quoted(alt || address)}</a>`
      : quoted(alt);
  }
  const tooltip = title ? ` title="${quoted(title)}"` : "";
  return `<img src="${quoted(address)}" alt="${quoted(alt)}"${tooltip} loading="lazy" decoding="async" referrerpolicy="no-referrer">`;
}

function refuseAmplification(tokens: readonly Token[]): void {
  let characters = 0;
  for (const token of tokens) {
    for (const child of token.children ?? []) {
      for (const [, value] of child.attrs ?? []) characters += String(value).length;
      if (characters > ATTRIBUTE_CHARACTERS_MAX) throw new MarkdownTooLarge();
    }
  }
}
