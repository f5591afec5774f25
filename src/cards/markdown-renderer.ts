// Card texts as HTML for pages and feeds: rendered once, kept while they are popular, and shown as they were
// written where they are too long or too hard to lay out. A reader never waits long, and nothing blocks the server.

import { LRUCache } from "lru-cache";
import type { Logger } from "../log.ts";
import { sha256 } from "../sha256.ts";
import { MARKDOWN_CHARACTERS_MAX } from "./markdown.ts";
import { MarkdownThread } from "./markdown-thread.ts";

/** HTML kept in memory, in UTF-16 units. */
const CACHE_CHARACTERS_MAX = 8_000_000;

/** A text that was too hard may have met a busy machine: it gets another chance after this, and not before. */
const TOO_HARD_MS = 60_000;

/** `isPlain`: the text as it was written, in one `pre`. */
export type RenderedText = { html: string; isPlain: boolean };

export class MarkdownRenderer {
  readonly #thread: MarkdownThread;
  readonly #pending = new Map<string, Promise<RenderedText>>();
  readonly #cache = new LRUCache<string, RenderedText>({
    maxSize: CACHE_CHARACTERS_MAX,
    sizeCalculation: ({ html }) => html.length + 100,
  });

  constructor(log: Logger) {
    this.#thread = new MarkdownThread(log);
  }

  /** Safe HTML of a text of any length and kind. Never throws because of the text. */
  render(source: string): Promise<RenderedText> {
    if (source.length > MARKDOWN_CHARACTERS_MAX) return Promise.resolve(plainText(source));
    const key = sha256(source, "base64");
    const known = this.#cache.get(key);
    if (known) return Promise.resolve(known);
    const pending = this.#pending.get(key) ?? this.#renderNew(key, source).finally(() => this.#pending.delete(key));
    this.#pending.set(key, pending);
    return pending;
  }

  /** What is kept: how many texts, and how many UTF-16 units of HTML they are together. */
  get kept(): Readonly<{ texts: number; characters: number }> {
    return { texts: this.#cache.size, characters: this.#cache.calculatedSize };
  }

  close(): void {
    this.#thread.close();
  }

  async #renderNew(key: string, source: string): Promise<RenderedText> {
    const outcome = await this.#thread.render(source);
    if (outcome === "busy") return plainText(source);
    const rendered = outcome === "too-hard" ? plainText(source) : { html: outcome.html, isPlain: false };
    this.#cache.set(key, rendered, outcome === "too-hard" ? { ttl: TOO_HARD_MS } : {});
    return rendered;
  }
}

function plainText(source: string): RenderedText {
  return { html: `<pre class="plain">${Bun.escapeHTML(source)}</pre>`, isPlain: true };
}
