// Who waits for changes, and who hears of them: one statement every tenth of a second asks for the heads of all users
// that are waited for, whichever process committed. That costs writers nothing and waiters no connection
// (docs/sync.md tells why it is no NOTIFY), and it is only a hint: who is woken pulls.

import type { Caller } from "../auth/scopes.ts";
import type { Sql } from "../db.ts";
import type { Logger } from "../log.ts";
import { Problem } from "../problem.ts";

/** From the end of one question to the next: a commit is heard of within this and the time of a question. */
const POLL_MS = 100;
/** Questions that take long come more rarely, so that they take at most a fifth of one connection. */
const PAUSE_FACTOR = 4;
/** How often streams show that they are alive, and the keys of all who wait are looked at. */
const BEAT_MS = 15_000;

export const WAITERS_A_USER_MAX = 50;
export const WAITERS_MAX = 10_000;

/** Somebody who waits. A device has one waiter of a kind: the next one takes its place. */
export type Waiter = {
  kind: "poll" | "stream";
  caller: Caller;
  clientId: string | undefined;
  /** The number of the newest change that it has heard of. */
  known: number;
  /** There is a newer change. */
  onChange(head: number): void;
  /** A sign of life is due. */
  onBeat(): void;
  /** It waits no more: its place was taken, its key is dead, or the server stops. */
  onEnd(): void;
};

type Moved = { place: number; head: string; is_live: boolean };

export class ChangeWatch {
  readonly #waiters = new Set<Waiter>();
  readonly #byDevice = new Map<string, Waiter>();
  readonly #countByUser = new Map<string, number>();
  #isRunning = false;
  #isFailing = false;

  constructor(
    private readonly sql: Sql,
    private readonly log: Logger,
    private readonly stopping: AbortSignal | undefined,
  ) {
    stopping?.addEventListener("abort", () => {
      for (const waiter of this.#waiters) this.#end(waiter);
    });
  }

  /** Lets somebody wait; returns what ends that. Throws `rate-limited` and `unavailable` where too many wait. */
  add(waiter: Waiter): () => void {
    const { userId } = waiter.caller;
    if (this.stopping?.aborted) throw new Problem("unavailable");
    const before = this.#byDevice.get(deviceOf(waiter));
    if (before && waiter.clientId !== undefined) this.#end(before);
    if (this.#waiters.size >= WAITERS_MAX) throw new Problem("unavailable");
    if ((this.#countByUser.get(userId) ?? 0) >= WAITERS_A_USER_MAX) throw tooMany();

    this.#waiters.add(waiter);
    this.#countByUser.set(userId, (this.#countByUser.get(userId) ?? 0) + 1);
    if (waiter.clientId !== undefined) this.#byDevice.set(deviceOf(waiter), waiter);
    if (!this.#isRunning) void this.#run();
    return () => this.#remove(waiter);
  }

  /** How many wait in this way. */
  count(kind: Waiter["kind"]): number {
    let count = 0;
    for (const waiter of this.#waiters) if (waiter.kind === kind) count++;
    return count;
  }

  #remove(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return;
    const { userId } = waiter.caller;
    const left = (this.#countByUser.get(userId) ?? 1) - 1;
    if (left > 0) this.#countByUser.set(userId, left);
    else this.#countByUser.delete(userId);
    if (this.#byDevice.get(deviceOf(waiter)) === waiter) this.#byDevice.delete(deviceOf(waiter));
  }

  #end(waiter: Waiter): void {
    this.#remove(waiter);
    waiter.onEnd();
  }

  /** Asks as long as anybody waits. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    let beatAt = performance.now() + BEAT_MS;
    let pauseMs = POLL_MS;
    while (this.#waiters.size > 0) {
      await Bun.sleep(pauseMs);
      if (this.#waiters.size === 0) break;
      const startedAt = performance.now();
      const isBeat = startedAt >= beatAt;
      if (isBeat) beatAt = startedAt + BEAT_MS;
      await this.#ask([...this.#waiters], isBeat);
      pauseMs = Math.max(POLL_MS, (performance.now() - startedAt) * PAUSE_FACTOR);
    }
    this.#isRunning = false;
  }

  async #ask(waiters: readonly Waiter[], isBeat: boolean): Promise<void> {
    try {
      for (const { place, head, is_live } of await this.#listMoved(waiters, isBeat)) {
        const waiter = waiters[place - 1];
        if (waiter && this.#waiters.has(waiter)) this.#tell(waiter, Number(head), is_live);
      }
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.log.warn({ message: (error as Error).message }, "changes can't be watched");
      this.#isFailing = true;
    }
    if (isBeat) for (const waiter of this.#waiters) waiter.onBeat();
  }

  #tell(waiter: Waiter, head: number, isLive: boolean): void {
    if (!isLive) {
      this.#end(waiter);
    } else if (head !== waiter.known) {
      waiter.known = head;
      waiter.onChange(head);
    }
  }

  /** Of these waiters, those for whom there is something new, or all; with whether their keys are good still. */
  #listMoved(waiters: readonly Waiter[], all: boolean) {
    return this.sql<Moved[]>`
      SELECT w.place::integer, h.change_no AS head, u.is_active
        AND (u.account_key_id = w.key_id OR api_key_is_live(w.key_id, u.id)) AS is_live
      FROM unnest(${waiters.map(waiter => waiter.caller.userId)}::uuid[],
        ${waiters.map(waiter => waiter.caller.keyId)}::uuid[], ${waiters.map(waiter => waiter.known)}::bigint[])
        WITH ORDINALITY AS w (user_id, key_id, known, place)
      JOIN sync_heads h ON h.user_id = w.user_id AND (${all}::boolean OR h.change_no <> w.known)
      JOIN users u ON u.id = w.user_id`;
  }
}

function deviceOf({ kind, caller, clientId }: Waiter): string {
  return `${kind} ${caller.userId} ${clientId}`;
}

function tooMany(): Problem {
  return new Problem("rate-limited", {
    detail: `At most ${WAITERS_A_USER_MAX} pulls and streams of one account wait at a time.`,
    headers: {
      "retry-after": "1",
      "ratelimit-limit": String(WAITERS_A_USER_MAX),
      "ratelimit-remaining": "0",
      "ratelimit-reset": "1",
    },
  });
}

type Poll = Pick<Waiter, "caller" | "clientId" | "known"> & { ms: number; signal: AbortSignal };

/** Resolves when there is something newer than what is known, or after `ms`, whichever comes first. Throws as `add`. */
export async function waitForChange(watch: ChangeWatch, { ms, signal, ...waiter }: Poll): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const remove = watch.add({ ...waiter, kind: "poll", onChange: () => resolve(), onBeat: () => {}, onEnd: resolve });
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
  remove();
}
