// Errors as problem documents (RFC 9457): one catalogue of what can go wrong, with the words that its
// page explains, and the class that carries one to the client.

/** One row a kind of problem: its HTTP status, its title, and what its page tells a person. */
export const problems = {
  "malformed-json": {
    status: 400,
    title: "The body is not JSON",
    explanation:
      "The request body could not be read as JSON in UTF-8. Check the syntax, the encoding and that the whole body was sent.",
  },
  "idempotency-key-missing": {
    status: 400,
    title: "An Idempotency-Key is needed",
    explanation:
      "This call moves tokens and is only taken with an Idempotency-Key header (1 to 200 printable characters), so that a retry can never move them twice.",
  },
  "bad-request": {
    status: 400,
    title: "The request is not well formed",
    explanation:
      "A header or the address of the request breaks the rules of HTTP or of this API. The detail says which.",
  },
  unauthenticated: {
    status: 401,
    title: "A valid API key is needed",
    explanation:
      "Send the header `Authorization: Bearer <API key>`. The key is missing, mistyped, expired, revoked or belongs to a deactivated account; for safety these are not told apart.",
  },
  "insufficient-balance": {
    status: 402,
    title: "The balance does not cover this",
    explanation:
      "The account holds less $EXTROPY than the movement needs. `balance` and `required` say how much there is and how much was asked for. Nothing was moved.",
  },
  forbidden: {
    status: 403,
    title: "This key may not do that",
    explanation: "The API key is valid, but its scopes or its account's role do not include this call.",
  },
  "not-found": {
    status: 404,
    title: "There is nothing here",
    explanation:
      "The address or id leads to nothing that this caller may see. Things that belong to somebody else answer the same.",
  },
  "method-not-allowed": {
    status: 405,
    title: "This address does not take that method",
    explanation: "The address exists, but not with this HTTP method. The `Allow` header lists those it takes.",
  },
  "last-admin": {
    status: 409,
    title: "This is the last active admin",
    explanation: "The step would leave the server without an active admin. Make somebody else an admin first.",
  },
  "already-attributed": {
    status: 409,
    title: "This attribution exists already",
    explanation:
      "The citing card already has an attribution of this type to the cited card. `attribution_id` names it. Nothing was paid again.",
  },
  "already-reversed": {
    status: 409,
    title: "This movement was reversed before",
    explanation: "A movement can be reversed once. Nothing was moved.",
  },
  "not-reversible": {
    status: 409,
    title: "This movement can't be reversed",
    explanation:
      "A reversal itself can't be reversed, nor can a movement of an account that was erased since. Make an adjustment instead.",
  },
  "duplicate-card": {
    status: 409,
    title: "Another of your cards has this text",
    explanation:
      "Title and content together are the same as those of another card of this account. Change one of them, or use the other card.",
  },
  "username-taken": {
    status: 409,
    title: "The username is taken",
    explanation: "Somebody has this username already (upper and lower case count as the same). Choose another.",
  },
  "email-taken": {
    status: 409,
    title: "The e-mail address is in use",
    explanation: "An account with this e-mail address exists already (upper and lower case count as the same).",
  },
  "idempotency-in-flight": {
    status: 409,
    title: "This is under way already",
    explanation:
      "A request with this Idempotency-Key, or a check of all books, has not finished yet. Ask again in a moment: with the same key the answer will be the first one's.",
  },
  gone: {
    status: 410,
    title: "This card was withdrawn",
    explanation: "The card was published once and its author has withdrawn it. Its text is erased.",
  },
  "precondition-failed": {
    status: 412,
    title: "It changed in the meantime",
    explanation:
      "The `If-Match` header names a version that is no longer the current one. Read it again, apply the change to what you read, and send that with the new ETag.",
  },
  "payload-too-large": {
    status: 413,
    title: "The body is too large",
    explanation: "A request body may have at most 8 MiB (8,388,608 bytes).",
  },
  "unsupported-media-type": {
    status: 415,
    title: "The body must be application/json",
    explanation: "Send the body as JSON in UTF-8 with the header `Content-Type: application/json`.",
  },
  validation: {
    status: 422,
    title: "The request holds values that can't be taken",
    explanation:
      "`errors` lists each of them: `pointer` says where in the body, the query or the path, `detail` says what is expected there. Nothing was changed.",
  },
  "self-attribution": {
    status: 422,
    title: "A card can't cite its own author's cards",
    explanation: "Source and target must be cards of different authors.",
  },
  "self-transfer": {
    status: 422,
    title: "A transfer to oneself moves nothing",
    explanation: "Payer and payee must be different accounts.",
  },
  "cursor-gone": {
    status: 422,
    title: "The server was taken back to an earlier state",
    explanation:
      "The cursor was given before the database was restored from a backup, and knows of changes that it has no more. Pull without a cursor, from the beginning, and compare: the sync protocol says how. Nothing was taken or changed.",
  },
  "other-account": {
    status: 422,
    title: "The cursor belongs to another account",
    explanation:
      "The device was in step with another account than the one whose API key it sends now. Nothing was taken or changed. Give it the key that it had, or empty it before it joins this account.",
  },
  "idempotency-key-reused": {
    status: 422,
    title: "This Idempotency-Key belongs to another request",
    explanation:
      "The key was used before with a different request. A key belongs to one request for ever; make a new one for a new request.",
  },
  "precondition-required": {
    status: 428,
    title: "An If-Match header is needed",
    explanation:
      "Send the ETag of the version that you read as `If-Match`, so that nobody's change is overwritten unseen.",
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests",
    explanation: "A limit was reached. `Retry-After` says after how many seconds it is worth another try.",
  },
  internal: {
    status: 500,
    title: "Something went wrong here",
    explanation:
      "The fault is the server's. It was logged under the `request_id`; tell the operator that id. What was asked for did not happen, or can be asked for again with the same Idempotency-Key.",
  },
  unavailable: {
    status: 503,
    title: "Not available at the moment",
    explanation:
      "The database is out of reach, or the server is stopping or has too much to do. `Retry-After` says when to try again; with the same Idempotency-Key nothing can happen twice.",
  },
} as const satisfies Record<string, { status: number; title: string; explanation: string }>;

export type ProblemSlug = keyof typeof problems;

/** One bad value: `pointer` is a JSON pointer into the body (`/cards/0/title`), or names a query or path parameter. */
export type ValidationError = { pointer: string; detail: string };

export type ProblemOptions = {
  detail?: string;
  errors?: readonly ValidationError[];
  /** Members beside the standard ones, such as `balance` and `required`. */
  extra?: Readonly<Record<string, unknown>>;
  headers?: Readonly<Record<string, string>>;
};

/** An expected failure. Thrown anywhere below a route, it becomes the answer; what is not a Problem becomes a 500. */
export class Problem extends Error {
  override name = "Problem";
  readonly status: number;

  constructor(
    readonly slug: ProblemSlug,
    readonly options: ProblemOptions = {},
  ) {
    super(options.detail ?? problems[slug].title);
    this.status = problems[slug].status;
  }
}

/** A single bad value as a validation Problem. */
export function invalid(pointer: string, detail: string): Problem {
  return new Problem("validation", { errors: [{ pointer, detail }] });
}

/** The problem document as a Response, with the headers that its status asks for. */
export function problemResponse(problem: Problem, requestId: string): Response {
  const { slug, options, status } = problem;
  const body = {
    type: `/problems/${slug}`,
    title: problems[slug].title,
    status,
    detail: options.detail ?? problems[slug].explanation,
    ...options.extra,
    request_id: requestId,
    ...(options.errors ? { errors: options.errors } : {}),
  };
  const headers = new Headers({
    ...options.headers,
    "content-type": "application/problem+json",
    "x-request-id": requestId,
  });
  if (status === 401) headers.set("www-authenticate", 'Bearer realm="extrophi"');
  if ((status === 503 || status === 429) && !headers.has("retry-after")) headers.set("retry-after", "1");
  return new Response(JSON.stringify(body), { status, headers });
}
