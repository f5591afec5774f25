// The problem documents that an operation can answer with: which kinds have its statuses, and what each looks like.

import { type ProblemSlug, problems } from "../problem.ts";
import { EXAMPLE_ID } from "./fields.ts";
import type { Answer, Header, JsonSchema, MediaType, Reference } from "./model.ts";
import type { OperationNote } from "./operations.ts";

const slugs = Object.keys(problems) as ProblemSlug[];

const REQUEST_ID: Reference = { $ref: "#/components/headers/X-Request-Id" };

const RATE_LIMIT = Object.fromEntries(
  ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"].map(name => [
    name,
    { $ref: `#/components/headers/${name}` },
  ]),
);

/** The headers that an answer of this status has. */
export function headersOf(status: number): Record<string, Reference> {
  return {
    "X-Request-Id": REQUEST_ID,
    ...(status === 401 ? { "WWW-Authenticate": { $ref: "#/components/headers/WWW-Authenticate" } } : {}),
    ...(status === 429 ? RATE_LIMIT : {}),
    ...(status === 429 || status === 503 ? { "Retry-After": { $ref: "#/components/headers/Retry-After" } } : {}),
  };
}

/** Every kind of problem as a reusable answer. */
export function describeProblems(): Record<string, Answer> {
  return Object.fromEntries(
    slugs.map(slug => [slug, answerOf(problems[slug].status, sentenceOf(slug), { example: exampleOf(slug) })]),
  );
}

/** How an operation refuses with a status: one kind of problem, or one of several. */
export function refusalOf(status: number, note: OperationNote | undefined): Answer | Reference {
  const kinds = kindsOf(status, note);
  const [only] = kinds;
  if (only && kinds.length === 1) return { $ref: `#/components/responses/${only}` };
  const examples = Object.fromEntries(kinds.map(slug => [slug, { value: exampleOf(slug) }]));
  return answerOf(status, kinds.map(sentenceOf).join(" Or: "), { examples });
}

/** Kinds that any operation can answer with, of statuses that have more than one. */
const ORDINARY: readonly ProblemSlug[] = ["malformed-json", "bad-request", "validation"];

function kindsOf(status: number, note: OperationNote | undefined): ProblemSlug[] {
  const all = slugs.filter(slug => problems[slug].status === status);
  const own = all.filter(
    slug => ORDINARY.includes(slug) || note?.problems?.includes(slug) || isIdempotency(slug, note),
  );
  return all.length > 1 && own.length > 0 ? own : all;
}

/** A request that is still running is waited for, so `idempotency-in-flight` is not among them. */
function isIdempotency(slug: ProblemSlug, note: OperationNote | undefined): boolean {
  if (slug === "idempotency-key-missing") return note?.idempotency === "required";
  return note?.idempotency !== undefined && slug === "idempotency-key-reused";
}

function answerOf(status: number, description: string, example: MediaType): Answer {
  const schema = { $ref: "#/components/schemas/Problem" };
  return { description, headers: headersOf(status), content: { "application/problem+json": { schema, ...example } } };
}

function sentenceOf(slug: ProblemSlug): string {
  return `${problems[slug].title}.`;
}

/** Members that single kinds of problems have beside the common ones. */
export const PROBLEM_MEMBERS: Readonly<Record<string, JsonSchema>> = {
  balance: { type: "string", description: "insufficient-balance: what the account holds." },
  required: { type: "string", description: "insufficient-balance: what the movement needs." },
  attribution_id: { type: "string", format: "uuid", description: "already-attributed: the one that exists." },
};

const EXTRA: Readonly<Partial<Record<ProblemSlug, Record<string, unknown>>>> = {
  "insufficient-balance": { balance: "0.05", required: "0.10" },
  "already-attributed": { attribution_id: EXAMPLE_ID },
};

function exampleOf(slug: ProblemSlug): Record<string, unknown> {
  const { status, title, explanation } = problems[slug];
  return {
    type: `/problems/${slug}`,
    title,
    status,
    detail: explanation,
    ...EXTRA[slug],
    request_id: EXAMPLE_ID,
    ...(slug === "validation" ? { errors: [{ pointer: "/name", detail: "what is expected there" }] } : {}),
  };
}

/** The headers that the answers above and an operation's own refer to. */
export const headers: Readonly<Record<string, Header>> = {
  "X-Request-Id": { description: "The request's id.", required: true, schema: { type: "string" } },
  "WWW-Authenticate": { description: "Asks for a Bearer key.", required: true, schema: { type: "string" } },
  "Retry-After": { description: "Seconds to wait.", required: true, schema: { type: "integer", minimum: 0 } },
  "RateLimit-Limit": { description: "How many there may be in one window.", schema: { type: "integer", minimum: 1 } },
  "RateLimit-Remaining": { description: "How many are left of them.", schema: { type: "integer", minimum: 0 } },
  "RateLimit-Reset": { description: "Seconds until the next window.", schema: { type: "integer", minimum: 0 } },
  ETag: { description: "The card's version, for `If-Match`.", required: true, schema: { type: "string" } },
  "Idempotency-Replayed": {
    description: "`true` where this is the answer of an earlier request with the same Idempotency-Key.",
    schema: { type: "string", const: "true" },
  },
};
