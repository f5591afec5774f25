// A problem as the client likes it: a page for people in a browser, a problem document for everybody else.

import { FailurePage } from "../views/pages/problem.tsx";
import { preferredType } from "./accept.ts";
import { type Problem, problemResponse, problems } from "./problem.ts";
import { page } from "./reply.ts";

/** The general explanation speaks of callers and ids. */
const NOTHING_HERE = "Nothing stands at this address. It may be mistyped, or what stood here was never published.";

/** The answer to a request that failed. The API itself never answers with a page. */
export async function answerProblem(problem: Problem, request: Request, requestId: string): Promise<Response> {
  const document = problemResponse(problem, requestId);
  // An address that is none gets the document as well: nothing in here may fail.
  if (URL.parse(request.url)?.pathname.startsWith("/api/") !== false) return document;
  document.headers.set("vary", "Accept");
  if (!wantsPage(request)) return document;
  const { slug, status, options } = problem;
  const detail = options.detail ?? (slug === "not-found" ? NOTHING_HERE : problems[slug].explanation);
  const headers = { ...Object.fromEntries(document.headers), "cache-control": "no-store" };
  return page(request, FailurePage({ slug, detail, requestId }), { status, headers });
}

/** Whether who asks likes a page better than a problem document. */
export function wantsPage(request: Request): boolean {
  return preferredType(request, ["application/problem+json", "text/html"]) === "text/html";
}
