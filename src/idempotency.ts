// The Idempotency-Key of a request, and the hash that tells whether another request is the same one.

import canonicalize from "canonicalize";
import { invalid, Problem } from "./problem.ts";
import { sha256 } from "./sha256.ts";

/** A key with the hash of what it was sent with. */
export type IdempotencyKey = Readonly<{ key: string; requestHash: string }>;

/** Two header lines arrive as one, with a comma and a space between: a key like any other, since keys may hold both. */
const PRINTABLE = /^[\x20-\x7e]{1,200}$/;

/**
 * The request's Idempotency-Key; undefined where it has none. `operation` names method and path; `value` is the JSON
 * value that the request asks for, without anything private. Throws `validation` for a key of the wrong form.
 */
export function readIdempotencyKey(request: Request, operation: string, value: unknown): IdempotencyKey | undefined {
  const key = request.headers.get("idempotency-key");
  return key === null ? undefined : idempotencyKeyOf(key, operation, value);
}

/** The same of a key that came otherwise, such as in a form. Throws `validation` for one of the wrong form. */
export function idempotencyKeyOf(key: string, operation: string, value: unknown): IdempotencyKey {
  if (!PRINTABLE.test(key)) {
    throw invalid("/Idempotency-Key", "1 to 200 printable ASCII characters");
  }
  return { key, requestHash: sha256(`${operation}\n${canonicalize(value)}`) };
}

/** The same where the key is required. Throws `idempotency-key-missing` as well. */
export function requireIdempotencyKey(request: Request, operation: string, value: unknown): IdempotencyKey {
  const found = readIdempotencyKey(request, operation, value);
  if (!found) throw new Problem("idempotency-key-missing");
  return found;
}

/** The claim of a key for one batch of commands: the second request with it waits for the first. */
export function claimOfKey(userId: string, idempotency: IdempotencyKey | undefined): string[] {
  return idempotency ? [`key:${userId}:${idempotency.key}`] : [];
}
