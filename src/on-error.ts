// Whatever was thrown becomes a problem document: expected failures as they are, Elysia's own errors and the
// database's translated, and everything else as a 500 whose cause stands in the log only.

import type { AnyElysia } from "elysia";
import { z } from "zod";
import type { Gatekeeper, Incoming } from "./auth/guard.ts";
import { describeIssues, expectation } from "./bad-values.ts";
import { problemOf, sqlState } from "./db.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { answerOtherMethod } from "./other-method.ts";
import { invalid, Problem } from "./problem.ts";
import { answerProblem } from "./problem-pages.ts";
import { stateOf } from "./request-state.ts";

/** Bad values listed in one answer. */
const ERRORS_MAX = 50;

type Thrown = Incoming & { error: unknown; code: string | number };

type Shared = { gatekeeper: Gatekeeper; metrics: Metrics; log: Logger };

/** Answers instead of the document where an address or a method is none, for whom it concerns. */
type NoPages = (request: Request, problem: Problem) => Promise<Response | undefined>;

/** The one error handler of the app. */
export function createErrorHandler(app: () => AnyElysia, { gatekeeper, metrics, log }: Shared, noPages: NoPages) {
  return async ({ error, code, request, server }: Thrown): Promise<Response> => {
    const { id } = stateOf(request);
    let cause = error;
    try {
      if (code === "NOT_FOUND" && !(error instanceof Problem)) {
        const other = await answerOtherMethod(app(), request);
        if (other instanceof Response) return other;
        const problem = other ?? new Problem("not-found");
        const shown = await noPages(request, problem);
        if (shown) return shown;
        cause = problem;
      }
      // What an early answer tells depends on the key, so the key must be good still. Whoever sends too much is refused
      // without a question to the database, which is what the limit is for.
      if (!stateOf(request).isOverRate) await gatekeeper.confirm(request);
    } catch (refusal) {
      cause = refusal;
    }
    if (cause instanceof Problem && cause.slug === "unauthenticated") gatekeeper.forget({ request, server });
    const problem = translate(cause, code, log, id);
    metrics.countProblem(problem.slug);
    return answerProblem(problem, request, id);
  };
}

function translate(error: unknown, code: string | number, log: Logger, request_id: string): Problem {
  if (error instanceof Problem) return error;
  if (code === "VALIDATION" && isValidationError(error)) {
    const problem = explain(error);
    if (problem) return problem;
  }
  if (code === "PARSE") return new Problem("malformed-json");
  if (code === "INVALID_COOKIE_SIGNATURE")
    return new Problem("bad-request", { detail: "A cookie is not one of ours." });
  const known = problemOf(error);
  if (known?.slug !== "unavailable" && known) return known;
  const { name, message, stack, code: reason, constraint_name } = error as Record<string, unknown>;
  const details = { request_id, error: { name, code: reason, constraint: constraint_name } };
  if (known) {
    log.warn(details, "the database is out of reach");
    return known;
  }
  // An ordinary error's text is ours; a validation error's quotes the value, and a database error's may. The stack of
  // either begins with that text.
  const quotesValues = code === "VALIDATION" || sqlState(error) !== undefined;
  const frames = String(stack)
    .match(/^ {4}at .*$/gm)
    ?.join("\n");
  log.error({ ...details, ...(quotesValues ? {} : { message }), stack: frames }, "unexpected error");
  return new Problem("internal");
}

type ElysiaValidationError = { type: string; validator: { schema?: unknown }; value: unknown };

function isValidationError(error: unknown): error is ElysiaValidationError {
  return typeof error === "object" && error !== null && "validator" in error && "type" in error;
}

/** A request's bad values; undefined where it is our own answer that broke its schema. */
function explain({ type, validator, value }: ElysiaValidationError): Problem | undefined {
  const schema = [validator, validator.schema].find(holder => holder instanceof z.ZodType);
  if (type === "response" || !schema) return undefined;
  // An id of the wrong form names nothing.
  if (type === "params") return new Problem("not-found");
  if (value === null && type === "body") return invalid("", "A JSON body is needed.");
  const { issues = [] } = schema.safeParse(value, { error: expectation }).error ?? {};
  const errors = describeIssues(issues, value, type === "query" ? "parameter" : "field");
  return new Problem("validation", { errors: errors.slice(0, ERRORS_MAX) });
}
