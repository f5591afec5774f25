// The site map (sitemaps.org): an index at /sitemap.xml, and pages of cards that say in their address where they
// begin and end. A page is sent as it is read, a batch at a time.

import { Elysia } from "elysia";
import { z } from "zod";
import { answers } from "../contract.ts";
import { decodeCursor, encodeCursor, timeAndId } from "../cursor.ts";
import { textAnswer, unchangedAnswer } from "../page-contract.ts";
import { file } from "../reply.ts";
import type { Services } from "../services.ts";
import { findPlaceAfter, listSitemapCards, ORIGIN, type Place } from "./sitemap-store.ts";

/** The protocol's limit for a page and for the index. */
const ADDRESSES_MAX = 50_000;

/** Where a page is cut: below the limit, since cards that were withdrawn may come back to their place. */
const PAGE_CARDS = 45_000;

const BATCH_CARDS = 5_000;
const NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"';
const HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n';
const TYPE = "application/xml; charset=utf-8";

const tags = ["Pages"];
/** Cursors: the page has what comes after one place, up to and including another. */
const pageQuery = z.object({ after: z.string().max(500).optional(), up_to: z.string().max(500).optional() });

/** `/sitemap.xml` and `/sitemaps/cards.xml`. */
export function sitemapRoutes({ sql, baseUrlOf }: Services) {
  /** Ends of full pages. They hold for ever, so that only what came since must be walked through. */
  const ends: Place[] = [];

  async function findEnds(): Promise<readonly Place[]> {
    while (ends.length < ADDRESSES_MAX - 1) {
      const last = ends.at(-1);
      const next = await findPlaceAfter(sql, last ?? ORIGIN, PAGE_CARDS);
      if (!next) break;
      // Another request may have found it meanwhile.
      if (ends.at(-1) === last) ends.push(next);
    }
    return ends;
  }

  async function index(request: Request): Promise<Response> {
    const all = await findEnds();
    const entries = [undefined, ...all].map((start, number) => {
      const end = all[number];
      const query = new URLSearchParams({
        ...(start ? { after: encodeCursor(start) } : {}),
        ...(end ? { up_to: encodeCursor(end) } : {}),
      });
      const address = `${baseUrlOf(request)}/sitemaps/cards.xml${query.size > 0 ? `?${query}` : ""}`;
      return `<sitemap><loc>${Bun.escapeHTML(address)}</loc></sitemap>\n`;
    });
    return file(request, `${HEADER}<sitemapindex ${NAMESPACE}>\n${entries.join("")}</sitemapindex>\n`, TYPE);
  }

  async function* pageOf(baseUrl: string, start: Place, end: Place | undefined): AsyncGenerator<string> {
    yield `${HEADER}<urlset ${NAMESPACE}>\n`;
    let after = start;
    for (let left = ADDRESSES_MAX; left > 0; ) {
      const limit = Math.min(BATCH_CARDS, left);
      const cards = await listSitemapCards(sql, { after, upTo: end, limit });
      yield cards
        .map(({ slug, published_at, edited_at }) => {
          // A card without a slug (a direct write) has no page.
          if (slug === null) return "";
          const address = Bun.escapeHTML(`${baseUrl}/cards/${encodeURIComponent(slug)}`);
          return `<url><loc>${address}</loc><lastmod>${edited_at ?? published_at}</lastmod></url>\n`;
        })
        .join("");
      const last = cards.at(-1);
      if (!last || cards.length < limit) break;
      after = [last.published_at, last.id];
      left -= cards.length;
    }
    yield "</urlset>\n";
  }

  return new Elysia({ name: "sitemap" })
    .get("/sitemap.xml", ({ request }) => index(request), {
      response: answers({}, []),
      detail: {
        tags,
        summary: "The index of the site map",
        security: [],
        responses: { 200: textAnswer("The index.", ["application/xml"]), 304: unchangedAnswer },
      },
    })
    .get(
      "/sitemaps/cards.xml",
      ({ request, query }) => {
        const start = decodeCursor(query.after, timeAndId) ?? ORIGIN;
        const end = decodeCursor(query.up_to, timeAndId);
        return new Response(pageOf(baseUrlOf(request), start, end), {
          headers: { "content-type": TYPE, "cache-control": "public, max-age=3600" },
        });
      },
      {
        query: pageQuery,
        response: answers({}, [422]),
        detail: {
          tags,
          summary: "A page of the site map, which its index names",
          security: [],
          responses: { 200: textAnswer("Up to 50,000 addresses.", ["application/xml"]) },
        },
      },
    );
}
