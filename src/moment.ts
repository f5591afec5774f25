// A moment in a request, to the microsecond: a Date would cut it to milliseconds, and PostgreSQL knows fewer offsets
// and other years than RFC 3339.

import { z } from "zod";
import { invalid } from "./problem.ts";

const FORM = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/;
const EXPECTED = "a time such as 2030-01-31T12:00:00.123456Z, with at most six decimals";

/** A moment with any offset, as text in UTC with six decimals. */
export const moment = z.iso.datetime({ offset: true, error: EXPECTED }).transform((text, context) => {
  const utc = inUtc(text);
  if (utc !== undefined) return utc;
  context.addIssue({ code: "custom", message: EXPECTED });
  return z.NEVER;
});

/** Undefined where it has more decimals, or an offset carries it out of the years 1 to 9999. */
function inUtc(text: string): string | undefined {
  const [, second, fraction = "", zone] = FORM.exec(text) ?? [];
  if (second === undefined) return undefined;
  const utc = new Date(`${second}${zone}`).toISOString();
  return /^(?!0000)\d{4}-/.test(utc) ? `${utc.slice(0, 19)}.${fraction.padEnd(6, "0")}Z` : undefined;
}

/** Throws `validation` where a time ends before it has begun. */
export function requirePeriod({ from, to }: { from?: string | undefined; to?: string | undefined }): void {
  if (from !== undefined && to !== undefined && from >= to) throw invalid("/to", "a moment after `from`");
}
