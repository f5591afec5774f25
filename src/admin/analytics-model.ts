// The wire contract of the analytics of attributions: who is cited, and what flows between authors.

import { z } from "zod";
import { attributionType, cardReference, counted } from "../attributions/model.ts";
import { moment } from "../moment.ts";
import { invalid } from "../problem.ts";

export const DAYS_DEFAULT = 30;
export const DAYS_MAX = 366;
/** Cards, authors and flows that are listed. */
export const TOP = 20;

const DAY_MS = 86_400_000;
/** What has a date of four digits: from the first day of year 1 until the last one of 9999, as the end of a time. */
const DAY_MIN = Date.parse("0001-01-01") / DAY_MS;
const DAY_BOUND = Date.parse("9999-12-31") / DAY_MS;

/** What lists and reports that begin or end at a day take. */
export const DAY_OR_MOMENT_EXPECTED = "a day such as 2030-01-31, or a time such as 2030-01-31T12:00:00Z";
const expected = { error: DAY_OR_MOMENT_EXPECTED };
// Of a text that is neither, the union says what the first of them does.
const dayOrMoment = z.union(
  [z.iso.date(expected).refine(date => !date.startsWith("0000"), expected), moment],
  expected,
);

export const analyticsQuery = z.strictObject({
  from: dayOrMoment
    .optional()
    .describe(`The first day (UTC), or a time of it. ${DAYS_DEFAULT} days before the end where it is left out.`),
  to: dayOrMoment
    .optional()
    .describe(
      `The end: a day that does not count any more, or a time of the last day. The end of today where it is left out. At most ${DAYS_MAX} days after the beginning.`,
    ),
});

/** Whole days in UTC, such as 2030-01-31; `to` is the day after the last one. */
export type Days = Readonly<{ from: string; to: string }>;

/** The days that a query asks for, on a day that has begun at `nowMs`. Throws `validation`. */
export function readDays(query: z.output<typeof analyticsQuery>, nowMs: number): Days {
  const end = query.to === undefined ? dayOf(nowMs) + 1 : Math.ceil(Date.parse(query.to) / DAY_MS);
  const start = query.from === undefined ? end - DAYS_DEFAULT : dayOf(Date.parse(query.from));
  const isBackwards =
    query.from !== undefined && query.to !== undefined && Date.parse(query.from) >= Date.parse(query.to);
  if (start < DAY_MIN || end > DAY_BOUND)
    throw invalid(query.to === undefined ? "/from" : "/to", "days of the years 1 to 9999");
  if (start >= end || isBackwards) throw invalid("/to", "a moment after `from`");
  if (end - start > DAYS_MAX) throw invalid("/from", `a time of at most ${DAYS_MAX} days`);
  return { from: dateOf(start), to: dateOf(end) };
}

/** So many days, of which the last one is that of `nowMs`. */
export function lastDays(count: number, nowMs: number): Days {
  const end = dayOf(nowMs) + 1;
  return { from: dateOf(end - count), to: dateOf(end) };
}

/** Days since 1970. */
function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

const author = cardReference.shape.author;

export const analytics = z
  .object({
    from: z.string().describe("The first moment that counts."),
    to: z.string().describe("The first moment that does not count any more."),
    as_of: z.string().describe("The moment of which these figures are. What happened since is not in them."),
    totals: counted.describe("All attributions of the time that stand. Reversed ones count nowhere here."),
    top_cards: z.array(counted.extend({ card: cardReference })).describe(`The ${TOP} cards that were paid most.`),
    top_authors: z.array(counted.extend({ author })).describe(`The ${TOP} authors that were paid most.`),
    flows: z
      .array(counted.extend({ payer: author, payee: author }))
      .describe(`The ${TOP} largest flows from one author to another.`),
    days: z
      .array(z.object({ day: z.string(), by_type: z.partialRecord(attributionType, counted) }))
      .describe("Each day (UTC) with attributions, oldest first."),
  })
  .meta({ id: "AttributionAnalytics" });
export type Analytics = z.output<typeof analytics>;
