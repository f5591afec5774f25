// One client: sends a request, again and again until it has a definite answer, then the next one; all of it in its
// journal before and after. Now and then it hangs up in the middle, or asks again for what was answered already.

import type { Random } from "../../src/demo/random.ts";
import type { Asked, CardAsked } from "./asked.ts";
import { type Came, type Journal, now } from "./journal.ts";
import type { Actor, World } from "./world.ts";

/** A server that does not answer for so long is given up, and asked again. */
const ANSWER_MS_MAX = 20_000;
/** Nobody waits longer than that for a definite answer; then the request stays without one. */
const DEFINITE_MS_MAX = 90_000;
const RETRY_MS = { min: 10, max: 50 };
const HANG_UP = { chance: 0.03, msMax: 12 };
const ASK_AGAIN_CHANCE = 0.08;
/** How many of its answered requests a client repeats at the end of a round, with a kill in between. */
const REPEATED_MAX = 3;

export type ClientOptions = Readonly<{
  baseUrl: string;
  actor: Actor;
  isOperator: boolean;
  /** What its keys begin with; nobody else's do. */
  name: string;
  random: Random;
  world: World;
  journal: Journal;
  /** Where a retry is planted that does not keep its key. */
  keyOfRetry?: (key: string, attempt: number) => string;
}>;

/** A client of one round. `asking` is what it has no definite answer to; `answered` counts definite successes. */
export class Client {
  asking: Asked | undefined;
  answered = 0;
  #isAbandoned = false;
  #no = 0;
  #done: Asked[] = [];

  constructor(private readonly options: ClientOptions) {}

  /** Asks until `isOver`, and then repeats some of what was answered. */
  async run(isOver: () => boolean): Promise<void> {
    const { random, world, actor, isOperator, name } = this.options;
    while (!isOver()) {
      const key = `${name}-${++this.#no}`;
      const asked = isOperator ? world.askAsOperator(random, actor, key) : world.askAsWriter(random, actor, key);
      const attempts = await this.#settle(asked, 0);
      if (attempts > 0 && random.chance(ASK_AGAIN_CHANCE)) await this.#settle(asked, attempts);
    }
    const oldest = this.#done.slice(0, REPEATED_MAX);
    for (const asked of this.#isAbandoned ? [] : oldest) await this.#settle(asked, 100);
  }

  /** Nobody answers any more: what has no definite answer stays without one. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Repeats a request of another round. */
  async repeat(asked: Asked): Promise<void> {
    await this.#settle(asked, 1_000);
  }

  /** Sends it until the answer is definite. Returns the number of the last attempt where it succeeded, else 0. */
  async #settle(asked: Asked, attemptsBefore: number): Promise<number> {
    const { random, journal } = this.options;
    const isFirst = attemptsBefore === 0;
    this.asking = asked;
    const deadline = performance.now() + DEFINITE_MS_MAX;
    for (let attempt = attemptsBefore + 1; performance.now() < deadline && !this.#isAbandoned; attempt++) {
      await journal.write({ type: "sent", attempt, at: now(), asked });
      const answer = await this.#send(asked, attempt);
      await journal.write(answer);
      if (answer.type === "came" && isDefinite(answer.status)) {
        this.asking = undefined;
        const succeeded = answer.status < 300;
        if (succeeded) this.answered++;
        if (succeeded && isFirst) this.#learn(asked, answer);
        return succeeded ? attempt : 0;
      }
      await Bun.sleep(random.between(RETRY_MS.min, RETRY_MS.max));
    }
    return 0;
  }

  async #send(asked: Asked, attempt: number) {
    const { baseUrl, actor, random, keyOfRetry } = this.options;
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

  #learn(asked: Asked, { text }: Came): void {
    const { world } = this.options;
    this.#done.push(asked);
    const answer = JSON.parse(text);
    if (asked.kind === "adjust") world.noteMovement({ entryId: answer.entries[0].id, legs: asked.legs });
    if (asked.kind !== "publish") return;
    for (const [index, card] of (asked.body.cards as CardAsked[]).entries()) {
      const { outcome, id } = answer.cards[index];
      if (outcome === "published") world.noteCard(asked.user, id, card);
    }
  }
}

/** Whether nobody needs to ask again: done, or refused for good. 409 may be a first attempt that is still running. */
export function isDefinite(status: number): boolean {
  return status < 500 && status !== 429;
}
