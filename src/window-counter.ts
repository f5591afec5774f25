// Counts events by name in fixed windows of time, in bounded memory: the n-th within a window is one too many.

import { LRUCache } from "lru-cache";

/** Names counted at the same time; the least recently seen is forgotten. */
const NAMES_MAX = 100_000;

type Window = { startedAt: number; count: number };

/** A limit of `limit` events a name within `windowMs`; 0 switches it off. */
export class WindowCounter {
  readonly #windows = new LRUCache<string, Window>({ max: NAMES_MAX });

  constructor(
    private readonly limit: number,
    private readonly windowMs: number,
  ) {}

  /** What a refused client is told: when to come back, and the limit (draft-ietf-httpapi-ratelimit-headers). */
  refusalHeaders(seconds: number): Record<string, string> {
    return {
      "retry-after": String(seconds),
      "ratelimit-limit": String(this.limit),
      "ratelimit-remaining": "0",
      "ratelimit-reset": String(seconds),
    };
  }

  /** Seconds until the name may go on, if it has used up its window; undefined while it may. */
  blockedForSeconds(name: string): number | undefined {
    const window = this.#current(name);
    if (this.limit === 0 || !window || window.count < this.limit) return undefined;
    return Math.max(1, Math.ceil((window.startedAt + this.windowMs - Date.now()) / 1000));
  }

  /** Counts one event. */
  count(name: string): void {
    const window = this.#current(name);
    if (window) window.count++;
    else this.#windows.set(name, { startedAt: Date.now(), count: 1 });
  }

  /** Takes back an event that turned out not to be one. */
  uncount(name: string): void {
    const window = this.#current(name);
    if (window && window.count > 0) window.count--;
  }

  #current(name: string): Window | undefined {
    const window = this.#windows.get(name);
    return window && Date.now() - window.startedAt < this.windowMs ? window : undefined;
  }
}
