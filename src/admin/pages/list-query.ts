// The query of a list, read for its page: the same schema as the API's, and where it is refused, what was asked for
// and why not, so that the form can show both.

import type { z } from "zod";
import type { ProblemMessage } from "../../../views/admin/notices.tsx";
import { Problem } from "../../problem.ts";
import { explainIssues, OTHER_CURSOR } from "./issues.ts";
import { messageOf } from "./problem-view.ts";
import { plainAmount } from "./typed-amount.ts";

/** Rows of a list on a page. */
export const PAGE_ROWS = 50;

/** What is not empty of the query. Of a parameter that comes twice the last one counts, and the page tells of it (issues.ts). */
export function readRaw(url: URL): Record<string, string> {
  return Object.fromEntries(
    [...url.searchParams].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value),
  );
}

export type Listed<T> = { found?: T; problem?: ProblemMessage; status: number };

type ListOptions = {
  /** Parameters that count where the query does not name them. */
  defaults?: Readonly<Record<string, string>>;
  /** What the message says can't be done. */
  title?: string;
};

/** Reads the query and then the list; a bad filter is a message beside the form, with status 422. */
export async function readList<Query, T>(
  schema: z.ZodType<Query>,
  raw: Readonly<Record<string, string>>,
  list: (query: Query) => Promise<T>,
  { defaults = PAGED, title = "This can't be listed" }: ListOptions = {},
): Promise<Listed<T>> {
  try {
    return { found: await list(readQuery(schema, raw, defaults)), status: 200 };
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500 || error.slug === "unauthenticated") throw error;
    const message = messageOf(error);
    const errors = message.errors.map(it => (it.pointer === "/cursor" ? { ...it, detail: OTHER_CURSOR } : it));
    return { problem: { ...message, errors, title }, status: error.status };
  }
}

const PAGED: Readonly<Record<string, string>> = { limit: String(PAGE_ROWS) };

/** Reads the query. Throws `validation`. */
export function readQuery<Query>(
  schema: z.ZodType<Query>,
  raw: Readonly<Record<string, string>>,
  defaults = PAGED,
): Query {
  const parsed = schema.safeParse({ ...defaults, ...daysToMoments(raw), ...plainAmounts(raw) });
  if (!parsed.success) throw new Problem("validation", { errors: explainIssues(parsed.error.issues) });
  return parsed.data;
}

const AMOUNTS = ["amount", "amount_min", "amount_max"] as const;

function plainAmounts(raw: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(AMOUNTS.flatMap(name => (raw[name] ? [[name, plainAmount(raw[name])]] : [])));
}

const DAY = /^\d{4}-\d\d-\d\d$/;
const DAY_MS = 86_400_000;

/** The fields of forms are days, the last one included; the lists know moments, the last one not included. */
function daysToMoments(raw: Readonly<Record<string, string>>): Record<string, string> {
  const { from, to } = raw;
  return {
    ...raw,
    ...(from && DAY.test(from) ? { from: `${from}T00:00:00Z` } : {}),
    ...(to && DAY.test(to) && !Number.isNaN(Date.parse(to))
      ? { to: new Date(Date.parse(to) + DAY_MS).toISOString().replace(".000Z", "Z") }
      : {}),
  };
}
