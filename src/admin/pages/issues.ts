// What is wrong with the fields of a form or the parameters of a list, in words for whoever has typed them.

import type { z } from "zod";
import type { ProblemMessage } from "../../../views/admin/notices.tsx";
import { ID_EXPECTED } from "../../bad-values.ts";
import type { ValidationError } from "../../problem.ts";
import { DAY_OR_MOMENT_EXPECTED } from "../analytics-model.ts";

/** One error for each field, which its pointer names; of several the last, which is the narrowest. */
export function explainIssues(issues: readonly z.core.$ZodIssue[]): ValidationError[] {
  const details = new Map<string, string>();
  for (const issue of issues) {
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) details.set(...unknown(key));
    } else {
      details.set(issue.path.join("/"), expectationOf(issue));
    }
  }
  return toErrors(details);
}

function toErrors(details: ReadonlyMap<string, string>): ValidationError[] {
  return [...details].map(([pointer, detail]) => ({ pointer, detail }));
}

function unknown(name: string): [string, string] {
  return [name.slice(0, 50), "There is no such filter."];
}

/**
 * What a page says of parameters that it does not know, and of those that come twice; undefined where there are none. Where
 * `known` is "checked", the page has told of the former itself.
 */
export function explainIdle({ searchParams }: URL, known: readonly string[] | "checked"): ProblemMessage | undefined {
  // Forms send empty fields, which ask for nothing.
  const names = [...searchParams].filter(([, value]) => value.trim()).map(([name]) => name);
  const details = new Map([
    ...names.filter(name => known !== "checked" && !known.includes(name)).map(unknown),
    ...names.filter((name, at) => names.indexOf(name) !== at).map(repeated),
  ]);
  if (details.size === 0) return undefined;
  return { title: "Part of the address does nothing here", detail: "", errors: toErrors(details) };
}

function repeated(name: string): [string, string] {
  return [name.slice(0, 50), "The address has this more than once. The last one counts."];
}

/** What a list says of a cursor that is none of it: people don't write cursors, but change the address around one. */
export const OTHER_CURSOR = "This page belongs to another filter or order. Begin at the first page.";

/** Schemas of our own say what they expect; the library's words are for programmers. */
function expectationOf(issue: z.core.$ZodIssue): string {
  const field = issue.path[0];
  if (field === "cursor") return OTHER_CURSOR;
  if (field === "from" || field === "to") return DAY_OR_MOMENT_EXPECTED;
  switch (issue.code) {
    case "invalid_value":
      return `one of ${issue.values.map(String).join(", ")}`;
    case "invalid_format":
      return issue.format === "guid" ? ID_EXPECTED : issue.message;
    case "too_big":
      return issue.origin === "string" ? `at most ${issue.maximum} characters` : `at most ${issue.maximum}`;
    case "too_small":
      return issue.origin === "string" ? `at least ${issue.minimum} characters` : `at least ${issue.minimum}`;
    case "invalid_type":
      return issue.expected === "int" || issue.expected === "number" ? "a whole number" : "This is missing.";
    default:
      return issue.message;
  }
}
