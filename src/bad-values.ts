// What is wrong with the values of a request, in words for whoever sent them. A schema's own rules say what they
// expect; for all that the validator finds by itself, its words are for programmers, and these stand in their place.

import type { z } from "zod";
import type { ValidationError } from "./problem.ts";

/** Whether a value stands in a body, or in the address, where a parameter that comes twice is read as a list. */
export type Standing = "field" | "parameter";

export const ID_EXPECTED = "an id such as 0198c0de-0000-7000-8000-000000000000";

type RawIssue = Parameters<z.core.$ZodErrorMap>[0];

const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a JSON object",
  record: "a JSON object",
};

/** For `safeParse(value, { error: expectation })`: what is expected where the schema itself does not say it. */
export function expectation(issue: RawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return KINDS[issue.expected] ?? "a value of another kind";
    case "invalid_value":
      return oneOf(issue.values);
    case "invalid_union":
      return Array.isArray(issue.options) ? oneOf(issue.options) : "a value of another kind";
    case "invalid_format":
      return issue.format === "guid" ? ID_EXPECTED : "text of another form";
    case "too_small":
      if (issue.origin === "string" && issue.minimum === 1) return "text that is not empty";
      return sized(issue.origin, "at least", issue.minimum);
    case "too_big":
      return sized(issue.origin, "at most", issue.maximum);
    default:
      return "another value";
  }
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
}

const UNITS: Readonly<Record<string, string>> = { string: " character", array: " item" };

/** `a list of at most 7 items` */
function sized(origin: string, bound: string, limit: number | bigint): string {
  const unit = UNITS[origin] ?? "";
  return `${KINDS[origin] ?? "a value"} of ${bound} ${limit}${unit}${unit && limit !== 1 ? "s" : ""}`;
}

/**
 * Issues of a value as problem documents list them: a pointer to each place, and what is expected there. What is of
 * another kind altogether is told of as that alone: of a long text in place of a list, the length says nothing.
 */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  value: unknown,
  standing: Standing,
): ValidationError[] {
  const ofAnotherKind = new Set(
    issues.filter(({ code }) => code === "invalid_type").map(({ path }) => pointerOf(path)),
  );
  return issues
    .filter(({ code, path }) => code === "invalid_type" || !ofAnotherKind.has(pointerOf(path)))
    .flatMap(issue => describeIssue(issue, value, standing));
}

function describeIssue(issue: z.core.$ZodIssue, value: unknown, standing: Standing): ValidationError[] {
  if (issue.code === "unrecognized_keys") {
    const detail = `There is no such ${standing}.`;
    return issue.keys.map(key => ({ pointer: pointerOf([...issue.path, key]), detail }));
  }
  return [{ pointer: pointerOf(issue.path), detail: detailOf(issue, valueAt(issue.path, value), standing) }];
}

function detailOf(issue: z.core.$ZodIssue, found: unknown, standing: Standing): string {
  if (found === undefined && issue.code !== "custom") return "This is missing.";
  if (standing === "parameter" && Array.isArray(found)) {
    return `This parameter stands in the address ${found.length} times. Give it once.`;
  }
  return issue.message;
}

function valueAt(path: readonly PropertyKey[], value: unknown): unknown {
  return path.reduce((inner, part) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[part], value);
}

/** A JSON pointer (RFC 6901). */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map(part => `/${String(part).slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
