// What one client knows for certain in a round: the ground that was laid for all of them, and what it has done itself. It
// chooses from that what to ask next, so that the choice follows from the seed and not from what others are doing.

import type { Random } from "../../src/demo/random.ts";
import {
  type Actor,
  type Asked,
  type AttributionType,
  adjust,
  amountOf,
  type CardAsked,
  cite,
  type Movement,
  negate,
  type OwnedCard,
  PRICES,
  publish,
  transfer,
} from "./asked.ts";

/** What is there before a round's load, and known to all of its clients: a card of each writer, movements to reverse. */
export type Ground = Readonly<{
  writers: readonly Actor[];
  cards: readonly OwnedCard[];
  movements: readonly Movement[];
}>;

/** What a client learns from the answers to its own requests. */
type Answer = { entries: { id: string }[]; cards: { outcome: string; id: string }[] };

export class Knowledge {
  readonly #writers: readonly Actor[];
  readonly #othersCards: readonly OwnedCard[];
  readonly #ownCards: string[];
  readonly #movements: Movement[];
  #lastText: CardAsked | undefined;
  #lastCite: Asked | undefined;

  /** An operator may reverse `movements`; nobody else is given the same ones. */
  constructor(
    private readonly actor: Actor,
    private readonly isOperator: boolean,
    { writers, cards, movements }: Ground,
  ) {
    this.#writers = writers;
    this.#othersCards = cards.filter(({ owner }) => owner !== actor.id);
    this.#ownCards = cards.filter(({ owner }) => owner === actor.id).map(({ id }) => id);
    this.#movements = [...movements];
  }

  /** The next request. */
  choose(random: Random, key: string): Asked {
    if (this.isOperator) return random.chance(0.5) ? this.#reverse(random, key) : this.#adjust(random, key);
    const chance = random.fraction();
    if (chance < 0.35) return this.#cite(random, key);
    return chance < 0.7 ? this.#transfer(random, key) : this.#publish(random, key);
  }

  /** Takes in what a request of its own has brought. Only what succeeds whatever others do is learnt. */
  learn({ kind, legs, body }: Asked, answer: unknown): void {
    const { entries, cards } = answer as Answer;
    const [leg] = legs;
    // What takes is refused where too little is there, which is up to others.
    if (kind === "adjust" && leg && !leg.amount.startsWith("-")) {
      this.#movements.push({ entryId: entries[0]?.id ?? "", legs });
    }
    if (kind !== "publish") return;
    for (const [index, card] of (body.cards as CardAsked[]).entries()) {
      const { outcome, id } = cards[index] ?? { outcome: "", id: "" };
      if (outcome !== "published") continue;
      this.#ownCards.push(id);
      this.#lastText = card;
    }
  }

  #publish(random: Random, key: string): Asked {
    const { id: user, name } = this.actor;
    const cards: CardAsked[] = Array.from({ length: random.between(1, 3) }, (_, no) => ({
      title: `Card ${no + 1} of ${key}`,
      content: `What ${name} wrote, number ${no + 1} of ${key}.`,
      privacy_level: random.chance(0.1) ? "PRIVATE" : random.pick(["IDEAS", "BUSINESS"]),
    }));
    // A text that was published before, and earns nothing again.
    if (this.#lastText && random.chance(0.1)) cards.push(this.#lastText);
    return publish({ key, user, cards });
  }

  /** Now and then what was cited already. */
  #cite(random: Random, key: string): Asked {
    if (this.#lastCite && random.chance(0.05)) return { ...this.#lastCite, key };
    const asked = cite({
      key,
      user: this.actor.id,
      source: random.pick(this.#othersCards),
      target: random.pick(this.#ownCards),
      type: random.pick(Object.keys(PRICES)) as AttributionType,
    });
    this.#lastCite = asked;
    return asked;
  }

  #transfer(random: Random, key: string): Asked {
    const payee = random.pick(this.#writers.filter(({ id }) => id !== this.actor.id));
    // Now and then more than most accounts hold.
    const cents = random.chance(0.1) ? random.between(1_000, 20_000) : random.between(1, 60);
    return transfer({ key, user: this.actor.id, payee, amount: amountOf(cents) });
  }

  #adjust(random: Random, key: string): Asked {
    const user = random.pick(this.#writers).id;
    const type = random.pick(["bonus", "penalty", "admin_adjustment"] as const);
    const takes = type === "penalty" || (type === "admin_adjustment" && random.chance(0.5));
    const amount = amountOf(random.between(1, 100));
    return adjust({ key, operator: this.actor.id, type, leg: { user, amount: takes ? negate(amount) : amount } });
  }

  /** Each movement once; an adjustment where none is left. */
  #reverse(random: Random, key: string): Asked {
    const [movement] = this.#movements.splice(random.below(this.#movements.length), 1);
    if (!movement) return this.#adjust(random, key);
    const { entryId, legs } = movement;
    return {
      key,
      kind: "reverse",
      user: this.actor.id,
      path: `/api/admin/ledger/${entryId}/reversal`,
      body: { reason: `Reason of ${key}` },
      legs: legs.map(({ user, amount }) => ({ user, amount: negate(amount) })),
    };
  }
}
