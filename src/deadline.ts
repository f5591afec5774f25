// Every request is answered in time, also while the database is silent: 503 then, before Bun closes a connection that
// has been quiet for too long (REQUEST_S_MAX in app.ts) and leaves the client with nothing.

import { Problem } from "./problem.ts";
import { answerProblem } from "./problem-pages.ts";
import { stateOf } from "./request-state.ts";

/** More than a statement may take (20 s, db.ts; 25 s, admin/analytics-report.ts), less than a quiet connection is kept. */
const ANSWER_MS_MAX = 27_000;

type Incoming = { request: Request; server: { timeout(request: Request, seconds: number): void } | null };

/** Lets a request take longer, on purpose: for a stream, a wait, a check of everything. 0 seconds: as long as it likes. */
export function allowTime({ request, server }: Incoming, seconds: number): void {
  server?.timeout(request, seconds);
  stateOf(request).mayTakeLong = true;
}

/**
 * What `answering` gives, or a 503 after `ms` where the request was not allowed to take longer. What was begun goes on
 * all the same, so that nobody knows whether it was done; the client's retry finds out. `onLate` hears of it.
 */
export async function answerInTime(
  request: Request,
  answering: Promise<Response>,
  { ms = ANSWER_MS_MAX, onLate }: { ms?: number; onLate: (requestId: string) => void },
): Promise<Response> {
  const { promise: isLate, resolve: noteLate } = Promise.withResolvers<"late">();
  const timer = setTimeout(noteLate, ms, "late");
  try {
    const answer = await Promise.race([answering, isLate]);
    const state = stateOf(request);
    if (answer !== "late" || state.mayTakeLong) return await answering;
    onLate(state.id);
    // Nobody reads it any more.
    void answering.then(response => response.body?.cancel()).catch(() => {});
    // Of a body that comes slowly the rest is not waited for.
    return await answerProblem(new Problem("unavailable", { headers: { connection: "close" } }), request, state.id);
  } finally {
    clearTimeout(timer);
  }
}
