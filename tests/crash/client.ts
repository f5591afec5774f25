// One client: sends a request, again and again until it has a definite answer, then the next one; all of it in its
// journal before and after. Now and then it hangs up in the middle, or asks again for what was answered already.

import type { Random } from "../../src/demo/random.ts";
import type { Actor, Asked } from "./asked.ts";
import { type Came, type Journal, now } from "./journal.ts";
import type { Knowledge } from "./knowledge.ts";

/** A server that does not answer for so long is given up, and asked again. */
const ANSWER_MS_MAX = 20_000;
/** Nobody waits longer than that for a definite answer; then the request stays without one. */
const DEFINITE_MS_MAX = 90_000;
const RETRY_MS = { min: 10, max: 50 };
const HANG_UP = { chance: 0.03, msMax: 12 };
const ASK_AGAIN_CHANCE = 0.08;
/** How many of its answered requests a client repeats at the end of a round, with a kill in between. */
const REPEATED_MAX = 3;

/** Random numbers for one request of a client: what it asks for, and how it goes about it. */
export type Dice = Readonly<{ asking: Random; sending: Random }>;

export type ClientOptions = Readonly<{
  baseUrl: string;
  actor: Actor;
  journal: Journal;
  /** Of its request of this number, from 1. None depends on how many numbers another one took. */
  diceOf: (no: number) => Dice;
  /** Where a retry is planted that does not keep its key. */
  keyOfRetry?: ((key: string, attempt: number) => string) | undefined;
}>;

/** What a client runs on; `name` is what its keys begin with, and nobody else's do. */
export type Errand = Readonly<{ name: string; knowledge: Knowledge; isOver: () => boolean }>;

/** A client. `isOpen`: something was sent that has no definite answer yet; `answered` counts definite successes. */
export class Client {
  isOpen = false;
  answered = 0;
  #isAbandoned = false;
  #no = 0;

  constructor(private readonly options: ClientOptions) {}

  /** Asks until it is over, and then repeats some of what was answered. */
  async run({ name, knowledge, isOver }: Errand): Promise<void> {
    const done: Asked[] = [];
    while (!isOver()) {
      const dice = this.#nextDice();
      const asked = knowledge.choose(dice.asking, `${name}-${this.#no}`);
      const came = await this.#settle(asked, 0, dice.sending);
      if (!came) continue;
      done.push(asked);
      knowledge.learn(asked, JSON.parse(came.text));
      if (dice.asking.chance(ASK_AGAIN_CHANCE)) await this.#settle(asked, came.attempt, dice.sending);
    }
    const oldest = done.slice(0, REPEATED_MAX);
    for (const asked of this.#isAbandoned ? [] : oldest) await this.#settle(asked, 100, this.#nextDice().sending);
  }

  /** Nobody answers any more: what has no definite answer stays without one. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Asks for one thing. Returns the answer where it succeeded. */
  ask(asked: Asked): Promise<Came | undefined> {
    return this.#settle(asked, 0, this.#nextDice().sending);
  }

  /** Repeats a request of another round. */
  async repeat(asked: Asked): Promise<void> {
    await this.#settle(asked, 1_000, this.#nextDice().sending);
  }

  #nextDice(): Dice {
    return this.options.diceOf(++this.#no);
  }

  /** Sends it until the answer is definite. Returns the answer where it succeeded. */
  async #settle(asked: Asked, attemptsBefore: number, random: Random): Promise<Came | undefined> {
    const { journal } = this.options;
    const deadline = performance.now() + DEFINITE_MS_MAX;
    for (let attempt = attemptsBefore + 1; performance.now() < deadline && !this.#isAbandoned; attempt++) {
      await journal.write({ type: "sent", attempt, at: now(), asked });
      // What was answered before and is asked again is open no more.
      if (attempt === 1) this.isOpen = true;
      const answer = await this.#send(asked, attempt, random);
      const isSettled = answer.type === "came" && isDefinite(answer.status);
      if (isSettled) this.isOpen = false;
      await journal.write(answer);
      if (isSettled) {
        if (answer.status >= 300) return undefined;
        this.answered++;
        return answer;
      }
      await Bun.sleep(random.between(RETRY_MS.min, RETRY_MS.max));
    }
    return undefined;
  }

  async #send(asked: Asked, attempt: number, random: Random) {
    const { baseUrl, actor, keyOfRetry } = this.options;
    const waitMs = random.chance(HANG_UP.chance) ? random.between(0, HANG_UP.msMax) : ANSWER_MS_MAX;
    const about = { key: asked.key, attempt };
    try {
      const response = await fetch(baseUrl + asked.path, {
        method: "POST",
        headers: {
          authorization: `Bearer ${actor.key}`,
          "content-type": "application/json",
          "idempotency-key": keyOfRetry?.(asked.key, attempt) ?? asked.key,
        },
        body: JSON.stringify(asked.body),
        signal: AbortSignal.timeout(waitMs),
      });
      const text = await response.text();
      const isReplayed = response.headers.get("idempotency-replayed") === "true";
      return { type: "came", ...about, at: now(), status: response.status, isReplayed, text } as const;
    } catch (error) {
      const reason = (error as { code?: string | number }).code ?? (error as Error).name;
      return { type: "missed", ...about, at: now(), reason: String(reason) } as const;
    }
  }
}

/**
 * Whether nobody needs to ask again: done, or refused for good. So is 409, which says that something was cited or reversed
 * before: a key whose first request is still running is waited for, and not refused.
 */
export function isDefinite(status: number): boolean {
  return status < 500 && status !== 429;
}
