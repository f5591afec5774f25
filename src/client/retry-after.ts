// Retry-After in its two forms (RFC 9110, 10.2.3): seconds, or a moment.

/** A server that asks for more is asked again after this, five minutes. */
export const RETRY_AFTER_MS_MAX = 300_000;

/**
 * Milliseconds that an answer asks to wait, at most RETRY_AFTER_MS_MAX; undefined where it does not, or not clearly. A moment is
 * measured by the answer's own Date: this device's clock may be wrong.
 */
export function readRetryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after")?.trim();
  if (!text) return undefined;
  const ms = /^[0-9]+$/.test(text) ? Number(text) * 1000 : untilMoment(text, headers.get("date"));
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX);
}

/** Days with their names begin all three forms of a date; the oldest one says by nothing else that it is in GMT. */
const DATE = /^[A-Z][a-z]{2,8},? .*?( GMT)?$/;

function untilMoment(text: string, date: string | null): number {
  const now = timeOf(date ?? "");
  return timeOf(text) - (Number.isNaN(now) ? Date.now() : now);
}

function timeOf(text: string): number {
  const [, zone] = DATE.exec(text) ?? [text, "none"];
  return zone === "none" ? Number.NaN : Date.parse(zone ? text : `${text} GMT`);
}
