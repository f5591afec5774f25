// What a text in a request may be, in one place: PostgreSQL and JSON can't keep every JavaScript string.

import { z } from "zod";

/** Any text that can be stored and sent as UTF-8: no NUL, no half of a surrogate pair. */
export const anyText = z.string().refine(text => !text.includes("\0") && text.isWellFormed(), {
  error: "text without NUL characters and lone surrogates",
});

/** Such a text of `min` to `max` characters (code points). */
export function text(min: number, max: number) {
  return anyText.refine(value => value.length <= max * 2 && isBetween([...value].length, min, max), {
    error: min > 0 ? `text of ${min} to ${max} characters` : `text of at most ${max} characters`,
  });
}

/** What leaves no mark on paper, in every alphabet; some of it counts as letters, and the empty Braille cell as a symbol. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Z}\p{M}\u2800]/gu;

/** Whether somebody who looks at a text sees anything. */
export function isVisible(text: string): boolean {
  return text.replace(INVISIBLE, "") !== "";
}

/** Putting a run of combining characters in order takes time with the square of its length: 15 s for 200 KB of them. */
const MARKS_IN_A_ROW_MAX = 100;
const TOO_MANY_MARKS = new RegExp(`\\p{M}{${MARKS_IN_A_ROW_MAX + 1}}`, "u");

/** Text that can be brought into a Unicode normal form in no more time than it takes to store. */
export function normalisable(schema: z.ZodString) {
  return schema.refine(value => !TOO_MANY_MARKS.test(value), {
    error: `text with at most ${MARKS_IN_A_ROW_MAX} combining characters in a row`,
  });
}

/** A line shown as somebody's name: no control characters, and nothing that hides or turns the text around. */
export function nameText(min: number, max: number) {
  return text(min, max).refine(
    value => !/[\p{Cc}\p{Zl}\p{Zp}\u00AD\u061C\u200B\u200E\u200F\u2060\u202A-\u202E\u2066-\u2069\uFEFF]/u.test(value),
    {
      error: "text without control characters, direction marks and invisible characters",
    },
  );
}

/** An address of the web. */
export const webAddress = z
  .url({ protocol: /^https?$/, error: "an http or https address" })
  .max(2048)
  .pipe(anyText);

/** Depth and bytes (as JSON) of an object that a client attaches. */
const METADATA_DEPTH_MAX = 20;
const METADATA_BYTES_MAX = 65_536;

const JSON_OBJECT = { type: "object", additionalProperties: true } as const;

/** A JSON object as the database has it. Not z.record, which drops a field named `__proto__`. */
export const jsonObject = z.custom<Record<string, unknown>>().meta(JSON_OBJECT);

/** A JSON object that can be stored and read back as it was sent, of at most so many levels and bytes (as JSON). */
export function storableObject(levelsMax: number, bytesMax: number) {
  return z
    .custom<Record<string, unknown>>()
    .superRefine((value, context) => {
      const fault = isObject(value) ? faultIn(value, levelsMax, 1) : "a JSON object";
      if (fault) context.addIssue({ code: "custom", message: fault });
      else if (Buffer.byteLength(JSON.stringify(value)) > bytesMax) {
        context.addIssue({ code: "custom", message: `a JSON object of at most ${bytesMax} bytes` });
      }
    })
    .meta(JSON_OBJECT);
}

/** Such an object beside a card or an attribution. */
export const metadataObject = storableObject(METADATA_DEPTH_MAX, METADATA_BYTES_MAX);

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function faultIn(value: unknown, levelsMax: number, depth: number): string | undefined {
  if (typeof value === "string")
    return anyText.safeParse(value).success ? undefined : "text without NUL characters and lone surrogates";
  if (typeof value === "number") return Number.isFinite(value) ? undefined : "numbers that a double can hold";
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > levelsMax) return `at most ${levelsMax} levels`;
  const parts = Array.isArray(value) ? value : Object.entries(value).flat();
  for (const part of parts) {
    const fault = faultIn(part, levelsMax, depth + 1);
    if (fault) return fault;
  }
  return undefined;
}

function isBetween(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}
