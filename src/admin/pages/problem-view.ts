// What went wrong, in the words that a page shows, and the page that shows nothing else: what was not found or can't be
// done at an address, and where to go from there.

import { SECTIONS, type Section } from "../../../views/admin/layout.tsx";
import type { ProblemMessage } from "../../../views/admin/notices.tsx";
import { ProblemPage, type Way } from "../../../views/admin/pages/problem.tsx";
import { Problem, type ProblemSlug, problems } from "../../problem.ts";

/** What the catalogue says to programmers, for whoever has a form before them. */
const WORDS: Partial<Record<ProblemSlug, { title: string; detail?: string }>> = {
  "not-found": { title: "There is nothing here" },
  "method-not-allowed": { title: "This page takes no such request" },
  validation: { title: "Some of this can't be taken" },
  forbidden: { title: "That is not allowed" },
  "idempotency-key-reused": {
    title: "This form was sent before",
    detail: "It did its work then, with other values. Nothing was changed now; open the form anew to do it once more.",
  },
};

/** A problem in the words that a page shows. */
export function messageOf({ slug, options }: Problem): ProblemMessage {
  return {
    title: WORDS[slug]?.title ?? problems[slug].title,
    detail: options.detail ?? WORDS[slug]?.detail ?? problems[slug].explanation,
    errors: options.errors ?? [],
  };
}

/** The page of a problem at an address that was asked for with this method. */
export function problemView(problem: Problem, method: string, pathname: string) {
  const detail = DETAILS[problem.slug]?.(problem, method, pathname);
  const told = detail === undefined ? problem : new Problem(problem.slug, { ...problem.options, detail });
  const message = messageOf(told);
  const place = placeOf(pathname);
  const isOpen = problem.options.headers?.allow?.split(", ").includes("GET");
  const ways: Way[] = [
    ...(isOpen ? [{ title: "Open the page", path: pathname }] : []),
    place ? { title: place.all, path: place.path } : { title: "The overview", path: "/admin" },
  ];
  return {
    title: message.title,
    section: place?.section ?? ("none" as const),
    body: ProblemPage({ problem: message, ways }),
    status: problem.status,
    headers: problem.options.headers ?? {},
    parameters: "checked" as const,
  };
}

/** An address below /admin that no page has. */
export function noSuchPage(pathname: string): Problem {
  return new Problem("not-found", { detail: `No page has the address \`${clipped(pathname)}\`.` });
}

/** Problems about the address itself, which name it. */
const DETAILS: Partial<Record<ProblemSlug, (problem: Problem, method: string, pathname: string) => string>> = {
  "not-found": ({ options }, _, pathname) => {
    const [, , , id = ""] = pathname.split("/");
    const thing = placeOf(pathname)?.thing;
    return options.detail ?? (thing ? `No ${thing} has the id \`${clipped(id)}\`.` : noSuchPage(pathname).message);
  },
  "method-not-allowed": ({ options }, method, pathname) =>
    `\`${clipped(pathname)}\` can't be asked with ${method}, only with ${options.headers?.allow ?? "other methods"}. Nothing was changed.`,
};

type Place = { section: Section; path: string; all: string; thing?: string };

const THINGS: ReadonlyMap<string, Pick<Place, "all" | "thing">> = new Map([
  ["users", { all: "All accounts", thing: "account" }],
  ["ledger", { all: "The whole ledger", thing: "entry" }],
  ["cards", { all: "All cards", thing: "card" }],
]);

/** The part of the admin pages that an address belongs to; undefined for the overview, and for what is in none. */
function placeOf(pathname: string): Place | undefined {
  const section = SECTIONS.find(({ name, path }) => name !== "overview" && isWithin(path, pathname));
  if (!section) return undefined;
  const { name, path, title } = section;
  return { section: name, path, all: title, ...THINGS.get(name) };
}

/** `/admin/ledger.csv` belongs to the ledger as well. */
function isWithin(path: string, pathname: string): boolean {
  return pathname.startsWith(path) && /^([/.]|$)/.test(pathname.slice(path.length));
}

/** Characters of an address that are shown. */
const SHOWN_MAX = 200;

/** A part of an address as it was typed, for a text in which a backtick begins code; it may be of any length. */
function clipped(text: string): string {
  const shown = decoded(text).replaceAll("`", "%60");
  return shown.length > SHOWN_MAX ? `${shown.slice(0, SHOWN_MAX)}…` : shown;
}

/** As it is where it is no text, or one with what nobody would see. */
function decoded(text: string): string {
  try {
    const plain = decodeURIComponent(text);
    return /\p{C}/u.test(plain) ? text : plain;
  } catch {
    return text;
  }
}
