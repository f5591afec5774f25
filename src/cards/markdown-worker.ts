// Renders Markdown in a thread of its own, so that a text made to be slow delays nobody else and can be cut off.

import { MarkdownTooLarge, renderMarkdown } from "./markdown.ts";

declare const self: Worker;

/** What comes back: nothing but `ready` at first, then one a text; `html` is undefined where the text was refused. */
export type MarkdownResult = { ready: true } | { html: string | undefined };

self.onmessage = ({ data }: MessageEvent<string>) => {
  self.postMessage({ html: render(data) } satisfies MarkdownResult);
};

function render(source: string): string | undefined {
  try {
    return renderMarkdown(source);
  } catch (error) {
    // Deep nesting may exhaust the stack: a RangeError, and as good a reason to show the text as it is.
    if (error instanceof MarkdownTooLarge || error instanceof RangeError) return undefined;
    throw error;
  }
}

self.postMessage({ ready: true } satisfies MarkdownResult);
