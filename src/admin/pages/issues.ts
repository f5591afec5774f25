// What is wrong with the fields of a form or the parameters of a list, in words for whoever has typed them.

import type { z } from "zod";
import type { ValidationError } from "../../problem.ts";

/** One or more errors for each issue; the pointers are names of fields, or of what has none. */
export function explainIssue(issue: z.core.$ZodIssue): ValidationError[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map(key => ({ pointer: key.slice(0, 50), detail: "There is no such filter." }));
  }
  return [{ pointer: issue.path.join("/"), detail: expectationOf(issue) }];
}

/** Schemas of our own say what they expect; the library's words are for programmers. */
function expectationOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_value":
      return `one of ${issue.values.map(String).join(", ")}`;
    case "invalid_format":
      return issue.format === "guid" ? "an id such as 0198c0de-0000-7000-8000-000000000000" : issue.message;
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
