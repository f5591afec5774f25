// A limit of events a name (a key, an address) within a window of time, in bounded memory. Counted here, and over all
// processes by what the exchange brings (exchange.ts).

import { LRUCache } from "lru-cache";
import { sha256 } from "../sha256.ts";

/** Names counted at the same time; the least recently seen is forgotten. */
const NAMES_MAX = 100_000;

/** `own` are this process's events that the others don't know of yet, `shared` those that all know of. */
type Window = { endsAt: number; shared: number; own: number };

/** Events of one name, to be added to those of other processes; `name` is a hash, so that no address is stored. */
export type Count = { name: string; count: number; leftMs: number };

/** What a client is told of its limit. */
export type Allowance = { limit: number; remaining: number; resetS: number };

export class RateLimit {
  readonly #windows = new LRUCache<string, Window>({ max: NAMES_MAX });
  /** Names with events that the others don't know of. */
  readonly #unshared = new Set<string>();
  #refusals = 0;

  /** At most `limit` events within `windowMs`, from a name's first event on; 0 switches it off. */
  constructor(
    readonly kind: string,
    readonly limit: number,
    readonly windowMs: number,
    private readonly onCount: () => void,
  ) {}

  /** Seconds until the name may go on, if it has used up its window, which counts as a refusal; undefined while it may. */
  blockedForSeconds(name: string): number | undefined {
    const { remaining, resetS } = this.#allowanceIn(this.#current(name));
    if (this.limit === 0 || remaining > 0) return undefined;
    this.#refusals++;
    return resetS;
  }

  /** How often a name was refused, in this process. */
  get refusals(): number {
    return this.#refusals;
  }

  #allowanceIn(window: Window | undefined): Allowance {
    const used = window ? window.shared + window.own : 0;
    const leftMs = window ? window.endsAt - Date.now() : this.windowMs;
    return {
      limit: this.limit,
      remaining: Math.max(0, this.limit - used),
      resetS: Math.max(1, Math.ceil(leftMs / 1000)),
    };
  }

  /** Counts one event; returns what is left after it. */
  count(name: string): Allowance {
    return this.#allowanceIn(this.#add(name, 1));
  }

  /** Takes back an event that turned out not to be one. */
  uncount(name: string): void {
    this.#add(name, -1);
  }

  #add(name: string, count: number): Window | undefined {
    if (this.limit === 0) return undefined;
    let window = this.#current(name);
    if (!window) {
      if (count < 0) return undefined;
      window = { endsAt: Date.now() + this.windowMs, shared: 0, own: 0 };
      this.#windows.set(name, window);
    }
    window.own += count;
    this.#unshared.add(name);
    this.onCount();
    return window;
  }

  /**
   * What the other processes don't know of yet; `told` is to be called with what all know of
   * then, in the same order, or `untold` where it failed.
   */
  unshared(): { counts: Count[]; told(totals: readonly Total[]): void; untold(): void } {
    const sent: { name: string; window: Window; count: Count }[] = [];
    for (const name of this.#unshared) {
      const window = this.#current(name);
      if (!window || window.own === 0) continue;
      const count = { name: sha256(`${this.kind} ${name}`), count: window.own, leftMs: window.endsAt - Date.now() };
      sent.push({ name, window, count });
    }
    this.#unshared.clear();
    return {
      counts: sent.map(({ count }) => count),
      told: totals => {
        totals.forEach(({ count, left_ms }, index) => {
          // The one whose events these are: another may have been opened meanwhile.
          const event = sent[index];
          if (!event) return;
          event.window.own -= event.count.count;
          event.window.shared = count;
          event.window.endsAt = Date.now() + left_ms;
        });
      },
      untold: () => {
        for (const { name } of sent) this.#unshared.add(name);
      },
    };
  }

  /** Whether there are events that the others don't know of. */
  get hasUnshared(): boolean {
    return this.#unshared.size > 0;
  }

  #current(name: string): Window | undefined {
    const window = this.#windows.get(name);
    return window && Date.now() < window.endsAt ? window : undefined;
  }
}

/** Events of all processes within the window that is open, and how long it is. */
export type Total = { count: number; left_ms: number };

/** The headers that say so (draft-ietf-httpapi-ratelimit-headers-07, in the three fields that clients know). */
export function allowanceHeaders({ limit, remaining, resetS }: Allowance): Record<string, string> {
  return {
    "ratelimit-limit": String(limit),
    "ratelimit-remaining": String(remaining),
    "ratelimit-reset": String(resetS),
  };
}

/** The headers of a refusal: when to come back, and the limit. */
export function refusalHeaders(limit: RateLimit, seconds: number): Record<string, string> {
  return { "retry-after": String(seconds), ...allowanceHeaders({ limit: limit.limit, remaining: 0, resetS: seconds }) };
}
