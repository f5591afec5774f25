// The front page, the explanations of problems, and what robots may do.

import { Elysia } from "elysia";
import { z } from "zod";
import { SITE_NAME } from "../views/layout.tsx";
import { HomePage, SITE_DESCRIPTION } from "../views/pages/home.tsx";
import { ProblemPage, ProblemsPage } from "../views/pages/problem.tsx";
import { preferredType } from "./accept.ts";
import { listNewestCards } from "./cards/public-store.ts";
import { answers } from "./contract.ts";
import { textAnswer, unchangedAnswer } from "./page-contract.ts";
import { Problem, type ProblemSlug, problems } from "./problem.ts";
import { file, page } from "./reply.ts";
import type { Services } from "./services.ts";

const NEWEST_CARDS = 10;
const tags = ["Pages"];
const either = { 200: textAnswer("As the client prefers.", ["text/html"]), 304: unchangedAnswer };

const siteDocument = z.object({ name: z.string(), description: z.string(), links: z.record(z.string(), z.string()) });
const explanation = z.object({
  type: z.string(),
  status: z.number().int(),
  title: z.string().describe("The kind of problem in a few words."),
  explanation: z.string(),
});
const explanations = z.object({ items: z.array(explanation), next_cursor: z.null() });

/** What depends on Accept, for caches. */
const headers = { vary: "Accept" };

/** `/`, `/problems`, `/problems/{slug}` and `/robots.txt`. */
export function pageRoutes({ sql, baseUrlOf }: Services) {
  async function home(request: Request): Promise<Response> {
    const baseUrl = baseUrlOf(request);
    if (preferredType(request, ["text/html", "application/json"]) === "application/json") {
      return json(request, {
        name: SITE_NAME,
        description: SITE_DESCRIPTION,
        links: {
          documentation: `${baseUrl}/openapi`,
          openapi: `${baseUrl}/openapi/json`,
          api: `${baseUrl}/api`,
          admin: `${baseUrl}/admin`,
          feed: `${baseUrl}/feed.xml`,
          problems: `${baseUrl}/problems`,
          health: `${baseUrl}/readyz`,
        },
      });
    }
    return page(request, HomePage({ cards: await listNewestCards(sql, NEWEST_CARDS), baseUrl }), { headers });
  }

  return new Elysia({ name: "pages" })
    .get("/", ({ request }) => home(request), {
      response: answers({ 200: siteDocument }, []),
      detail: { tags, summary: "What this is, with links", security: [], responses: either },
    })
    .get(
      "/problems",
      ({ request }) =>
        wantsJson(request)
          ? json(request, { items: Object.keys(problems).filter(isProblemSlug).map(describe), next_cursor: null })
          : page(request, ProblemsPage({ baseUrl: baseUrlOf(request) }), { headers }),
      {
        response: answers({ 200: explanations }, []),
        detail: { tags, summary: "Every kind of problem", security: [], responses: either },
      },
    )
    .get(
      "/problems/:slug",
      ({ request, params: { slug } }) => {
        if (!isProblemSlug(slug)) throw new Problem("not-found");
        if (wantsJson(request)) return json(request, describe(slug));
        return page(request, ProblemPage({ slug, baseUrl: baseUrlOf(request) }), { headers });
      },
      {
        params: z.object({ slug: z.string() }),
        response: answers({ 200: explanation }, [404]),
        detail: { tags, summary: "What a kind of problem means", security: [], responses: either },
      },
    )
    .get("/robots.txt", ({ request }) => file(request, robots(baseUrlOf(request)), "text/plain; charset=utf-8"), {
      response: answers({}, []),
      detail: {
        tags,
        summary: "What robots may read",
        security: [],
        responses: { 200: textAnswer("The rules.", ["text/plain"]), 304: unchangedAnswer },
      },
    });
}

function wantsJson(request: Request): boolean {
  return preferredType(request, ["application/json", "text/html"]) === "application/json";
}

function json(request: Request, body: unknown): Response {
  return file(request, JSON.stringify(body), "application/json", { headers });
}

function isProblemSlug(slug: string): slug is ProblemSlug {
  return Object.hasOwn(problems, slug);
}

function describe(slug: ProblemSlug) {
  return { type: `/problems/${slug}`, ...problems[slug] };
}

function robots(baseUrl: string): string {
  return [
    "User-agent: *",
    "Allow: /cards/",
    "Allow: /authors/",
    "Disallow: /api/",
    "Disallow: /admin",
    "Disallow: /sign-in",
    "",
    `Sitemap: ${baseUrl}/sitemap.xml`,
    "",
  ].join("\n");
}
