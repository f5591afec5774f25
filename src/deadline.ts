// Every request is answered in time, also while the database is silent: 503 then, before Bun closes a connection that
// has been quiet for too long (REQUEST_S_MAX in app.ts) and leaves the client with nothing.

import { Problem } from "./problem.ts";
import { answerProblem } from "./problem-pages.ts";
import { stateOf } from "./request-state.ts";

/** More than a statement may take (20 s, db.ts; 25 s, admin/analytics-report.ts), less than a quiet connection is kept. */
const ANSWER_MS_MAX = 27_000;
/** Who sends slowly learns that, too, since from here both look alike. */
const LATE = `There was no answer within ${ANSWER_MS_MAX / 1000} seconds: the body came too slowly, or the database does not answer. What was asked for may have been done; the same request with the same Idempotency-Key finds out.`;
/** So often it is looked who waits for too long, and so much later they may hear. A timer for each request costs more than its route. */
const LOOK_MS = 500;

type Incoming = { request: Request; server: { timeout(request: Request, seconds: number): void } | null };

/** Lets a request take longer, on purpose: for a stream, a wait, a check of everything. 0 seconds: as long as it likes. */
export function allowTime({ request, server }: Incoming, seconds: number): void {
  server?.timeout(request, seconds);
  stateOf(request).mayTakeLong = true;
}

type Waiting = { lateAt: number; answering: Promise<Response>; answer(response: Promise<Response>): void };

/** The requests of a process that wait for their answers. */
export class Deadline {
  /** In the order in which they came, so that those who are late stand first. */
  readonly #waiting = new Map<Request, Waiting>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `onLate` hears of each request that was not answered within `ms`. */
  constructor(
    private readonly onLate: (requestId: string) => void,
    private readonly ms = ANSWER_MS_MAX,
  ) {}

  /**
   * What `answering` gives, or a 503 where it takes too long and the request was not allowed to. What was begun goes
   * on all the same, so that nobody knows whether it was done; the client's retry finds out.
   */
  keep(request: Request, answering: Promise<Response>): Promise<Response> {
    this.#lookLater();
    return new Promise((answer, fail) => {
      this.#waiting.set(request, { lateAt: performance.now() + this.ms, answering, answer });
      answering.then(
        response => {
          this.#waiting.delete(request);
          answer(response);
        },
        error => {
          this.#waiting.delete(request);
          fail(error);
        },
      );
    });
  }

  #lookLater(): void {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
      if (this.#waiting.size > 0) this.#lookLater();
    }, LOOK_MS);
    this.#timer.unref();
  }

  #look(): void {
    const now = performance.now();
    for (const [request, { lateAt, answering, answer }] of this.#waiting) {
      if (lateAt > now) return;
      this.#waiting.delete(request);
      const { id, mayTakeLong } = stateOf(request);
      if (mayTakeLong) continue;
      this.onLate(id);
      // Nobody reads it any more.
      void answering.then(response => response.body?.cancel()).catch(() => {});
      // Of a body that comes slowly the rest is not waited for.
      const problem = new Problem("unavailable", { detail: LATE, headers: { connection: "close" } });
      answer(answerProblem(problem, request, id));
    }
  }
}
