// What the server asks of traces, whoever makes them.

import type { CommitWatch } from "../commit-sharing.ts";

/** What is known of a request when it has been answered. `route` is a template; undefined where none matched. */
export type Answered = Readonly<{ route: string | undefined; status: number; requestId: string }>;

export type Tracing = {
  /** Handles a request by calling `work`: what that does, and whoever it waits for, belongs to the request's span. */
  handle<T>(request: Request, work: () => T): T;
  /** What an answer says of its trace: `traceparent` (W3C Trace Context), with the request's span. */
  headersOf(request: Request): Record<string, string>;
  /** Ends the span of a request. */
  end(request: Request, answered: Answered): void;
  /** Tells of the commits of a kind beside what `watch` does. */
  watchCommits(kind: string, watch: CommitWatch): CommitWatch;
  /** Sends what is left, within a second. */
  close(): Promise<void>;
};
