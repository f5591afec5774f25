// The pages of cards and of their authors, for readers: as HTML, and a card also as Markdown and as JSON.

import { Elysia } from "elysia";
import { z } from "zod";
import { AuthorPage } from "../../views/pages/author.tsx";
import { CardPage } from "../../views/pages/card.tsx";
import { preferredType } from "../accept.ts";
import { answers } from "../contract.ts";
import { movedAnswer, textAnswer, unchangedAnswer } from "../page-contract.ts";
import { file, page } from "../reply.ts";
import type { Services } from "../services.ts";
import { text } from "../text.ts";
import { cleanLine, excerptOf, nameOf, OPENING_CHARACTERS } from "./excerpt.ts";
import { card } from "./model.ts";
import { cleanAuthor, getAuthor, listAuthorCards, listRelatedCards } from "./public-store.ts";
import { type CardRow, getCardBySlug } from "./store.ts";
import { ViewCounter } from "./view-counter.ts";

const tags = ["Pages"];
const AUTHOR_PAGE_CARDS = 30;
const DESCRIPTION_CHARACTERS_MAX = 200;

const slugParam = z.object({ slug: text(1, 300) });
const authorParam = z.object({ username: text(1, 255) });
/** Others add their own parameters to links, so those that mean nothing here are let pass. */
const authorQuery = z.object({ cursor: z.string().max(500).optional() });

/** What caches must know: the answer depends on Accept. */
const headers = { vary: "Accept" };

/** `/cards/{slug}` and `/authors/{username}`. */
export function cardPages({ sql, log, markdown, baseUrlOf }: Services) {
  const views = new ViewCounter(sql, log);

  async function cardPage(row: CardRow, request: Request): Promise<Response> {
    const [rendered, related] = await Promise.all([markdown.render(row.content), listRelatedCards(sql, row.id)]);
    const view = {
      ...row,
      ...related,
      title: cleanLine(row.title ?? ""),
      ...nameOf(row.title, row.content.slice(0, OPENING_CHARACTERS)),
      author: cleanAuthor(row.author),
      tags: row.tags.map(cleanLine).filter(Boolean),
      description: excerptOf(row.content, DESCRIPTION_CHARACTERS_MAX),
      text: rendered,
    };
    return page(request, CardPage({ card: view, baseUrl: baseUrlOf(request) }), { headers });
  }

  async function answerCard(request: Request, address: string): Promise<Response> {
    const isMarkdown = address.endsWith(".md");
    const slug = isMarkdown ? address.slice(0, -".md".length) : address;
    const row = await getCardBySlug(sql, slug);
    if (row.slug !== slug) return redirect(`/cards/${encodeURIComponent(row.slug)}${isMarkdown ? ".md" : ""}`);

    if (request.method === "GET") views.count(row.id);
    const type = isMarkdown
      ? "text/markdown"
      : preferredType(request, ["text/html", "application/json", "text/markdown"]);
    switch (type) {
      case "text/html":
        return cardPage(row, request);
      case "text/markdown":
        return file(request, toMarkdown(row), "text/markdown; charset=utf-8", { headers });
      case "application/json": {
        const body = card.parse({ ...row, public_url: baseUrlOf(request) + row.public_url });
        return file(request, JSON.stringify(body), "application/json", { headers });
      }
    }
  }

  async function answerAuthor(request: Request, username: string, cursor: string | undefined): Promise<Response> {
    const author = await getAuthor(sql, username);
    if (author.username !== username) return redirect(`/authors/${encodeURIComponent(author.username)}`);
    const { items, next_cursor } = await listAuthorCards(sql, author.id, { limit: AUTHOR_PAGE_CARDS, cursor });
    const baseUrl = baseUrlOf(request);
    return page(
      request,
      AuthorPage({ author, cards: items, nextCursor: next_cursor, isFirst: cursor === undefined, baseUrl }),
    );
  }

  return (
    new Elysia({ name: "card-pages" })
      .onStop(() => views.flush())
      .get("/cards/:slug", ({ request, params }) => answerCard(request, params.slug), {
        params: slugParam,
        response: answers({ 200: card }, [404, 410]),
        detail: {
          tags,
          summary: "A card's public page",
          description:
            "HTML for browsers; `Accept: text/markdown` or `.md` after the slug gives the text as it was sent, `Accept: application/json` the card as `GET /api/cards/{id}` has it. Another address of the same card answers 301.",
          security: [],
          responses: {
            200: textAnswer("The card.", ["text/html", "text/markdown"]),
            301: movedAnswer,
            304: unchangedAnswer,
          },
        },
      })
      // HEAD has a route of its own so that it does not count as a view.
      .head("/cards/:slug", ({ request, params }) => answerCard(request, params.slug), {
        params: slugParam,
        detail: { hide: true },
      })
      .get("/authors/:username", ({ request, params, query }) => answerAuthor(request, params.username, query.cursor), {
        params: authorParam,
        query: authorQuery,
        response: answers({}, [404, 422]),
        detail: {
          tags,
          summary: "An author's page: profile and published cards, newest first",
          security: [],
          responses: { 200: textAnswer("The page.", ["text/html"]), 301: movedAnswer, 304: unchangedAnswer },
        },
      })
  );
}

function redirect(path: string): Response {
  return new Response(null, { status: 301, headers: { location: path, "cache-control": "no-cache" } });
}

/** The text as it was sent, under its title. */
function toMarkdown({ title, content }: CardRow): string {
  const heading = title?.replace(/\s+/g, " ").trim();
  return heading ? `# ${heading}\n\n${content}` : content;
}
