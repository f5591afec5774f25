// Markdown by strangers: what becomes HTML, what can't, and that no text takes long or grows without bound.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { FEED_TEXT_CHARACTERS_MAX } from "../src/cards/feeds.ts";
import { MARKDOWN_CHARACTERS_MAX, renderMarkdown } from "../src/cards/markdown.ts";
import { MarkdownRenderer } from "../src/cards/markdown-renderer.ts";
import { RENDER_MS_MAX } from "../src/cards/markdown-thread.ts";
import { createLogger } from "../src/log.ts";
import { ATTACKS } from "./attacks.ts";
import { dangersIn, select } from "./page-support.ts";

setDefaultTimeout(60_000);

const renderer = new MarkdownRenderer(createLogger("silent"));
afterAll(() => renderer.close());

describe("what becomes HTML", () => {
  test("headings start at h2, stop at h6, and have no ids", () => {
    const html = renderMarkdown("# one\n\n## two\n\n##### five\n\n###### six\n\nunderlined\n===");
    expect(select(html, "*").map(({ tag, attributes, text }) => [tag, attributes, text])).toEqual([
      ["h2", {}, "one"],
      ["h3", {}, "two"],
      ["h6", {}, "five"],
      ["h6", {}, "six"],
      ["h2", {}, "underlined"],
    ]);
  });

  test("links to the web and to mail say that nobody vouches for them", () => {
    const html = renderMarkdown(
      "[a](https://e.example/?a=1&b=2) <https://e.example> [m](mailto:a@e.example) https://e.example/x.",
    );
    expect(select(html, "a").map(({ attributes }) => attributes)).toEqual(
      ["https://e.example/?a=1&b=2", "https://e.example", "mailto:a@e.example", "https://e.example/x"].map(href => ({
        href,
        rel: "nofollow ugc noopener",
      })),
    );
  });

  test("file names and bare e-mail addresses are words and not links", () => {
    expect(select(renderMarkdown("see readme.md, example.org and a@example.org"), "a")).toEqual([]);
  });

  test("pictures come over https, late, and without telling where they are shown", () => {
    const [image] = select(renderMarkdown('![a "cat"](https://e.example/cat.png "A cat & more")'), "img");
    expect(image?.attributes).toEqual({
      src: "https://e.example/cat.png",
      alt: 'a "cat"',
      title: "A cat & more",
      loading: "lazy",
      decoding: "async",
      referrerpolicy: "no-referrer",
    });
    const plain = renderMarkdown("![a cat](http://e.example/cat.png)");
    expect(select(plain, "img")).toEqual([]);
    expect(select(plain, "a")[0]?.text).toBe("a cat");
  });

  test("tables, code, quotes, lists and strikethrough are there, and columns are aligned without styles", () => {
    const html = renderMarkdown(
      "| a | b |\n|:-:|--:|\n| 1 | 2 |\n\n```ts\nx < 1\n```\n\n> q\n\n- [l](https://e.example)\n\n1. n\n\n~~gone~~ `code`",
    );
    const tags = new Set(select(html, "*").map(element => element.tag));
    for (const tag of ["table", "pre", "code", "blockquote", "ul", "ol", "s"]) expect(tags).toContain(tag);
    expect(select(html, "td").map(cell => cell.attributes)).toEqual([{ class: "center" }, { class: "right" }]);
    expect(select(html, "pre code")[0]?.text).toBe("x < 1\n");
    expect(dangersIn(html)).toEqual([]);
  });
});

describe("what can't", () => {
  test.each([...ATTACKS])("%j is text", attack => {
    for (const text of [attack, `before ${attack} after`, `- ${attack}`, `**${attack}**`]) {
      const html = renderMarkdown(text);
      expect(dangersIn(html)).toEqual([]);
      expect(select(html, "[id], [name]")).toEqual([]);
    }
  });

  test("a picture or a link of a kind that is not allowed leaves its words", () => {
    expect(renderMarkdown("[words](javascript:alert(1))")).toContain("words");
    expect(renderMarkdown("![words](data:image/png;base64,AA)")).toContain("words");
  });
});

/** Each repeated to the length in question. They have cost other programs, or this one, more than their length. */
const HARD: readonly (readonly [name: string, piece: string, before?: string])[] = [
  ..."[ ] ( ) * _ ~ ` < > & | # - + = ! \\ : @ / \" ' \t a".split(" ").map(piece => [piece, piece] as const),
  ...["![[[[", "[a](", "[a](b)", "](", "[a]: b\n", "[a](<b", '[a](b "', "[[a](b)](c)", "[ ]", "[^1]"].map(one),
  ...["**a*", "a**", "*a_b", "*a **b ", "a***b", "~~a~~", "~~a ", "_a ", "__a", "***"].map(one),
  ...["> ", "> - ", "- > ", "> > > > a\n", "- ", "- a\n", "1. a\n", "- a\n\n  b\n\n", "-\n\n", "* * "].map(one),
  ...["`a", "``` \n", "~~~a\n```\n", "    a\n", "\ta", "`` ` "].map(one),
  ...["&amp;", "&#1", "&ngE;", "<a ", "<!--", "<![CDATA[", "<?", "<a href='", "<http://a", "</"].map(one),
  ...["|a", "a|\n-|\n", "|a|b|\n"].map(one),
  ["many rows of a wide table", "|\n", `${"|a".repeat(200)}|\n${"|-".repeat(200)}|\n`],
  ["a very wide table", "|x\n", `${"|a".repeat(20_000)}|\n${"|-".repeat(20_000)}|\n`],
  ["one long link used often", "[x]", `[x]: https://e.example/${"u".repeat(1900)}\n\n`],
  ...["https://a.b/,", "https://a.b?", "http://", "https://a.b ", "mailto:a@b.c,", "://", "//", "www.", "a@"].map(one),
  ["one long address", "a", "https://a.b/"],
  ...["# a\n", "a\n===\n", "---\n", "a  \n", "a\\\n", "a\n", "a\n\n", "\r", "\n", "\u2028", "😀", "a\u0301"].map(one),
  ["lists within lists", "", Array.from({ length: 600 }, (_, depth) => `${" ".repeat(depth)}- a`).join("\n")],
  ["quotes within quotes", "", Array.from({ length: 600 }, (_, depth) => `${">".repeat(depth)}a`).join("\n")],
  ["fences of every length", "", Array.from({ length: 400 }, (_, length) => "`".repeat(length + 1)).join(" ")],
  ["brackets that all close", "]", "[".repeat(50_000)],
];

function one(piece: string): readonly [string, string] {
  return [piece, piece];
}

function repeat([, piece, before = ""]: (typeof HARD)[number], length: number): string {
  return (before + piece.repeat(piece ? Math.ceil(length / piece.length) : 0)).slice(0, length);
}

describe("no text takes long", () => {
  test("the hardest ones we know are laid out or given up in time, and the server goes on meanwhile", async () => {
    await renderer.render("starts the thread");
    let longestBlockMs = 0;
    let last = performance.now();
    const clock = setInterval(() => {
      const now = performance.now();
      longestBlockMs = Math.max(longestBlockMs, now - last);
      last = now;
    }, 5);
    for (const hard of HARD) {
      const since = performance.now();
      const { html } = await renderer.render(repeat(hard, MARKDOWN_CHARACTERS_MAX));
      const tookMs = performance.now() - since;
      // The time limit, and a machine that does other things as well.
      expect({ name: hard[0], isInTime: tookMs < RENDER_MS_MAX + 750 }).toEqual({ name: hard[0], isInTime: true });
      expect(html.length).toBeLessThan(3_000_000);
    }
    clearInterval(clock);
    expect(longestBlockMs).toBeLessThan(RENDER_MS_MAX);
  }, 120_000);

  test("text of the longest length is laid out, a longer one is shown as it was written", async () => {
    const paragraph = `${"It is a sentence. ".repeat(13)}*Really.*\n\n`.padStart(250, "X");
    const text = paragraph.repeat(MARKDOWN_CHARACTERS_MAX / paragraph.length);
    expect(text.length).toBe(MARKDOWN_CHARACTERS_MAX);
    expect((await renderer.render(text)).isPlain).toBe(false);

    const { html, isPlain } = await renderer.render(`${text}<`);
    expect(isPlain).toBe(true);
    expect(html).toBe(`<pre class="plain">${text}&lt;</pre>`);
  });

  test("a mebibyte of any of them takes no time at all", async () => {
    const since = performance.now();
    for (const hard of HARD) expect((await renderer.render(repeat(hard, 1_048_576))).html).not.toBe("");
    expect(performance.now() - since).toBeLessThan(HARD.length * 50);
  });

  test("a small text whose HTML would be enormous is given up", async () => {
    const bomb = `[x]: https://e.example/${"u".repeat(1900)}\n\n${"[x]".repeat(20_000)}`;
    const { html, isPlain } = await renderer.render(bomb);
    expect(isPlain).toBe(true);
    expect(html.length).toBeLessThan(bomb.length * 2);
  });

  test("a text asked for by many at once is rendered once, and is there at once afterwards", async () => {
    const text = `# ${crypto.randomUUID()}\n\n${"- *a* `b`\n".repeat(2_000)}`;
    const [first, ...others] = await Promise.all(Array.from({ length: 50 }, () => renderer.render(text)));
    for (const other of others) expect(other).toBe(first as never);
    expect(await renderer.render(text)).toBe(first as never);
  });

  test("texts after one that was cut off are rendered as ever", async () => {
    await Promise.all(HARD.slice(0, 5).map(hard => renderer.render(repeat(hard, MARKDOWN_CHARACTERS_MAX))));
    expect(await renderer.render("*fine*")).toEqual({ html: "<p><em>fine</em></p>\n", isPlain: false });
  });

  test("a feed begins texts well below the limit of layout", () => {
    expect(FEED_TEXT_CHARACTERS_MAX).toBeLessThan(MARKDOWN_CHARACTERS_MAX);
  });
});
