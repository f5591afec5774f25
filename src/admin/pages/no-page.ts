// What no admin page has: an address below /admin, or a method for one. Whoever is signed in is told in the frame of the
// pages, a stranger is sent to sign in as from every page, and what is no browser gets the API's problem document.

import { withoutBody } from "../../other-method.ts";
import type { Problem } from "../../problem.ts";
import { wantsPage } from "../../problem-pages.ts";
import type { Services } from "../../services.ts";
import { operatorPages } from "./operator-pages.ts";
import { noSuchPage } from "./problem-view.ts";

const ADDRESS = /^\/(admin(\/|$)|sign-(in|out)$)/;

/** Answers in the place of `not-found` and `method-not-allowed`; undefined where no admin page is asked for, or no page at all. */
export function noPages(services: Services) {
  const pages = operatorPages(services);
  return async (request: Request, problem: Problem): Promise<Response | undefined> => {
    const pathname = URL.parse(request.url)?.pathname ?? "";
    if (!ADDRESS.test(pathname)) return undefined;
    if (!wantsPage(request)) return undefined;
    const told = problem.slug === "not-found" ? noSuchPage(pathname) : problem;
    const page = await pages.read(request, () => Promise.reject(told));
    return request.method === "HEAD" ? withoutBody(page) : page;
  };
}
