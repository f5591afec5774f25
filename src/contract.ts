// The part of the contract that every route shares: which problems it can answer with.

import { z } from "zod";

/** A problem document (RFC 9457) as it goes over the wire. */
export const problemDocument = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  request_id: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});

/** The query of a call that takes none: a parameter that does nothing would be a wrong answer unseen. */
export const noQuery = z.strictObject({});

type ProblemStatus = 400 | 401 | 402 | 403 | 404 | 409 | 410 | 412 | 413 | 415 | 422 | 428 | 429 | 500 | 503;

/** The answers of a route by status: its own, the problems listed, and those that every route can have. */
export function answers<Own extends Record<number, z.ZodType>>(own: Own, statuses: readonly ProblemStatus[]) {
  const refusals = Object.fromEntries([...statuses, 500, 503].map(status => [status, problemDocument]));
  return { ...refusals, ...own } as Own;
}
