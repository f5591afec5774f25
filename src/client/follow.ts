// Keeping a device in step for as long as a signal lets it: syncs at the start, after edits, at every hint of the
// server's stream and every few minutes regardless, and comes back by itself after whatever went wrong.

import { type Api, PAUSE_MS_MAX } from "./api.ts";
import { isPartial, OtherAccount, Refused, Unreachable } from "./errors.ts";
import { pause, pauseAfter } from "./pause.ts";

export type FollowOptions = {
  signal: AbortSignal;
  /** Told of what went wrong before it is tried again. */
  onError?: (error: unknown) => void;
};

/** What is followed: a device, as far as this needs to know it. */
export type Followed = {
  api: Api;
  /** The first pause before something is tried again. */
  pauseMs: number;
  sync(): Promise<void>;
  /** Where the next pull goes on. */
  cursor(): string | undefined;
  /** Has `listener` called after each edit; returns what ends that. */
  listen(listener: () => void): () => void;
};

/** The server shows every 15 s that it is there. */
const SILENCE_MS_MAX = 50_000;
/** A connection that lasted this long was a good one: the next pause is a short one again. */
const GOOD_MS = 10_000;
/** A sync that nobody asked for: another process may have edited, and hints may be lost. */
const SYNC_MS_MAX = 120_000;
/** What is edited within this time is pushed at once. */
const EDITS_MS = 300;

/**
 * Goes on until the signal aborts or the client is closed; a sync that is under way then is not waited for. Throws Refused
 * where the key is no longer good, and OtherAccount.
 */
export async function follow(followed: Followed, { signal, onError }: FollowOptions): Promise<void> {
  const end = new AbortController();
  const until = AbortSignal.any([signal, end.signal, followed.api.closed]);
  const alarm = new Alarm();
  const unlisten = followed.listen(() => alarm.ring("edit"));
  const fail = (error: unknown) => {
    if (until.aborted) return;
    if (isFatal(error)) throw error;
    onError?.(error);
  };
  try {
    const loops = [keepSyncing(followed, alarm, until, fail), keepListening(followed, alarm, until, fail)];
    // Whichever ends first ends the other.
    const outcomes = await Promise.allSettled(loops.map(loop => loop.finally(() => end.abort())));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  } finally {
    end.abort();
    unlisten();
  }
}

function isFatal(error: unknown): boolean {
  return error instanceof OtherAccount || (error instanceof Refused && error.isKeyDead);
}

function retryAfterOf(error: unknown): number {
  return error instanceof Unreachable ? (error.retryAfterMs ?? 0) : 0;
}

async function keepSyncing(followed: Followed, alarm: Alarm, until: AbortSignal, fail: (error: unknown) => void) {
  const aborted = new Promise<void>(resolve => until.addEventListener("abort", () => resolve()));
  let failures = 0;
  let retryAfterMs = 0;
  while (!until.aborted) {
    try {
      await Promise.race([followed.sync(), aborted]);
      failures = 0;
    } catch (error) {
      fail(error);
      failures = isPartial(error) ? 0 : failures + 1;
      retryAfterMs = retryAfterOf(error);
    }
    if (failures > 0) {
      const pauseMs = Math.max(pauseAfter(failures, followed.pauseMs, PAUSE_MS_MAX), retryAfterMs);
      // An edit does not make the server come back any earlier; a hint shows that it has.
      await alarm.wait(pauseMs, until, "hint");
      continue;
    }
    const reason = await alarm.wait(SYNC_MS_MAX * (0.5 + Math.random() / 2), until);
    if (reason === "edit") await pause(EDITS_MS, until);
  }
}

async function keepListening(
  { api, cursor, pauseMs }: Followed,
  alarm: Alarm,
  until: AbortSignal,
  fail: (error: unknown) => void,
) {
  // The server ends a device's stream when the device opens another; two processes on one file are two to it.
  const path = `/api/sync/stream?${new URLSearchParams({ client_id: crypto.randomUUID() })}`;
  let failures = 0;
  while (!until.aborted) {
    const startedAt = performance.now();
    let retryAfterMs = 0;
    try {
      for await (const hinted of hintsIn(api.stream(path, until, SILENCE_MS_MAX))) {
        if (hinted !== cursor()) alarm.ring("hint");
      }
    } catch (error) {
      fail(error);
      retryAfterMs = retryAfterOf(error);
    }
    failures = performance.now() - startedAt > GOOD_MS ? 1 : failures + 1;
    await pause(Math.max(pauseAfter(failures, pauseMs, PAUSE_MS_MAX), retryAfterMs), until);
  }
}

/** The cursors of a stream's events. */
async function* hintsIn(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let text = "";
  for await (const piece of pieces) {
    const messages = (text + piece).split("\n\n");
    text = messages.pop() ?? "";
    // Of several hints the last one says it all.
    const cursor = messages.flatMap(message => cursorIn(message) ?? []).at(-1);
    if (cursor !== undefined) yield cursor;
  }
}

function cursorIn(message: string): string | undefined {
  const data = /^data: (.*)$/m.exec(message)?.[1];
  return data === undefined ? undefined : JSON.parse(data).cursor;
}

type Reason = "edit" | "hint";

/** Rings once for however many reasons there were. */
class Alarm {
  readonly #reasons = new Set<Reason>();
  #wake: (() => void) | undefined;

  ring(reason: Reason): void {
    this.#reasons.add(reason);
    this.#wake?.();
  }

  /** Waits for a reason (or for this one alone), for `ms` at most, or until the signal aborts. Forgets all reasons. */
  async wait(ms: number, signal: AbortSignal, only?: Reason): Promise<Reason | undefined> {
    const end = new AbortController();
    const isDue = () => (only ? this.#reasons.has(only) : this.#reasons.size > 0);
    this.#wake = () => isDue() && end.abort();
    this.#wake();
    await pause(ms, AbortSignal.any([signal, end.signal]));
    this.#wake = undefined;
    const reason = this.#reasons.has("hint") ? "hint" : [...this.#reasons][0];
    this.#reasons.clear();
    return reason;
  }
}
