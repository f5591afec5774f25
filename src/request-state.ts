// What the server notes about a request from its arrival to its log line, beside what the route sees of it.

import type { Caller } from "./auth/scopes.ts";

export type RequestState = {
  readonly id: string;
  readonly startedMs: number;
  /** Set once the key was verified. */
  caller?: Caller;
  /** Whether this request has checked the caller's key against its row already. */
  callerConfirmed: boolean;
  /** Set where its key or address has used up its requests. */
  isOverRate?: boolean;
  /** Set where the answer may take longer than any other (deadline.ts). */
  mayTakeLong?: boolean;
};

const states = new WeakMap<Request, RequestState>();
const SANE_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** Begins the state of a request. Its id is the client's X-Request-Id where that is a sane one, else new. */
export function beginRequest(request: Request): RequestState {
  const given = request.headers.get("x-request-id");
  const id = given && SANE_ID.test(given) ? given : Bun.randomUUIDv7();
  const state: RequestState = { id, startedMs: performance.now(), callerConfirmed: false };
  states.set(request, state);
  return state;
}

/** The state of a request that has begun. */
export function stateOf(request: Request): RequestState {
  return states.get(request) ?? beginRequest(request);
}
