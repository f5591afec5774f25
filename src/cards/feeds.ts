// Atom feeds (RFC 4287): the newest cards of everybody, and of one author.

import { Elysia } from "elysia";
import { z } from "zod";
import { authorPath } from "../../views/components/text.tsx";
import { SITE_NAME } from "../../views/layout.tsx";
import { answers } from "../contract.ts";
import { textAnswer, unchangedAnswer } from "../page-contract.ts";
import { file } from "../reply.ts";
import type { Services } from "../services.ts";
import { text } from "../text.ts";
import { cleanLine, excerptOf, nameOf, OPENING_CHARACTERS } from "./excerpt.ts";
import { type FeedCard, getAuthor, listFeedCards } from "./public-store.ts";

const ENTRIES_MAX = 30;

/** Longer texts are only begun, so that a feed stays a feed: at most 30 times this, before it becomes HTML. */
export const FEED_TEXT_CHARACTERS_MAX = 30_000;

const SUMMARY_CHARACTERS_MAX = 300;
const TYPE = "application/atom+xml; charset=utf-8";

/** Characters that XML 1.0 can't hold, not even escaped (section 2.2). */
const NOT_XML = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g;

const authorParam = z.object({ username: text(1, 255) });
const tags = ["Pages"];
const responses = { 200: textAnswer("The feed.", ["application/atom+xml"]), 304: unchangedAnswer };

type FeedHead = { id: string; title: string; path: string; pagePath: string; cards: readonly FeedCard[] };

/** `/feed.xml` and `/authors/{username}/feed.xml`. */
export function cardFeeds({ sql, markdown, baseUrlOf }: Services) {
  async function answer(request: Request, { id, title, path, pagePath, cards }: FeedHead): Promise<Response> {
    const baseUrl = baseUrlOf(request);
    // It knows every kind of feed: a seventh of what a start loads, which waits for the first feed that is asked for.
    const { generateAtomFeed } = await import("feedsmith");
    const feed = generateAtomFeed({
      id,
      title: { value: title, type: "text" },
      // A time of the cards and not of this answer, which would make every answer a new one.
      updated: new Date(cards.map(updatedAt).sort().at(-1) ?? 0),
      links: [
        { href: `${baseUrl}${path}`, rel: "self", type: "application/atom+xml" },
        { href: `${baseUrl}${pagePath}`, rel: "alternate", type: "text/html" },
      ],
      generator: { text: SITE_NAME },
      entries: await Promise.all(cards.map(card => toEntry(card, baseUrl))),
    });
    return file(request, feed.toWellFormed().replace(NOT_XML, ""), TYPE);
  }

  async function toEntry(card: FeedCard, baseUrl: string) {
    const { name } = nameOf(card.title, card.content.slice(0, OPENING_CHARACTERS));
    const { username, display_name } = card.author;
    const summary = excerptOf(card.content, SUMMARY_CHARACTERS_MAX);
    return {
      // A card's id stays what it is wherever the server or the card moves.
      id: `urn:uuid:${card.id}`,
      title: { value: name || `A card by ${display_name ?? username}`, type: "text" as const },
      updated: new Date(updatedAt(card)),
      published: new Date(card.published_at),
      links: [{ href: `${baseUrl}/cards/${encodeURIComponent(card.slug)}`, rel: "alternate", type: "text/html" }],
      authors: [{ name: display_name ?? username, uri: baseUrl + authorPath(username) }],
      categories: card.tags.flatMap(tag => (cleanLine(tag) ? [{ term: cleanLine(tag) }] : [])),
      ...(summary ? { summary: { value: summary, type: "text" as const } } : {}),
      ...(card.is_whole
        ? { content: { value: (await markdown.render(card.content)).html, type: "html" as const } }
        : {}),
    };
  }

  return new Elysia({ name: "feeds" })
    .get(
      "/feed.xml",
      async ({ request }) =>
        answer(request, {
          id: `${baseUrlOf(request)}/feed.xml`,
          title: SITE_NAME,
          path: "/feed.xml",
          pagePath: "/",
          cards: await newest(undefined),
        }),
      {
        response: answers({}, []),
        detail: { tags, summary: "The newest cards as an Atom feed", security: [], responses },
      },
    )
    .get(
      "/authors/:username/feed.xml",
      async ({ request, params }) => {
        const author = await getAuthor(sql, params.username);
        const path = authorPath(author.username);
        return answer(request, {
          id: `urn:uuid:${author.id}`,
          title: author.display_name ?? author.username,
          path: `${path}/feed.xml`,
          pagePath: path,
          cards: await newest(author.id),
        });
      },
      {
        params: authorParam,
        response: answers({}, [404]),
        detail: { tags, summary: "An author's newest cards as an Atom feed", security: [], responses },
      },
    );

  function newest(userId: string | undefined): Promise<FeedCard[]> {
    return listFeedCards(sql, { userId, limit: ENTRIES_MAX, characters: FEED_TEXT_CHARACTERS_MAX });
  }
}

/** In one form, so that texts compare as times do. */
function updatedAt({ published_at, edited_at }: FeedCard): string {
  return edited_at ?? published_at;
}
