// What all clients together know of the world from the answers that they got: cards to cite, movements to reverse. They
// choose from it what to ask next, by random numbers that follow from the seed.

import type { Random } from "../../src/demo/random.ts";
import { type Asked, type AttributionType, type CardAsked, type Leg, negate, PRICES } from "./asked.ts";

/** An account and the key that speaks for it. */
export type Actor = Readonly<{ id: string; name: string; key: string }>;

export type Movement = Readonly<{ entryId: string; legs: readonly Leg[] }>;

/** Cards and movements to choose from: the newest ones, so that a long run keeps its pace. */
const KEPT_MAX = 2_000;

export class World {
  readonly #cards: { id: string; owner: string }[] = [];
  readonly #ownCards = new Map<string, string[]>();
  readonly #ownTexts = new Map<string, CardAsked[]>();
  readonly #lastCites = new Map<string, Asked>();
  readonly #movements: Movement[] = [];

  constructor(private readonly writers: readonly Actor[]) {}

  /** The next request of a writer. */
  askAsWriter(random: Random, writer: Actor, key: string): Asked {
    const chance = random.fraction();
    if (chance < 0.35) return this.#cite(random, writer, key) ?? this.#publish(random, writer, key);
    return chance < 0.7 ? this.#transfer(random, writer, key) : this.#publish(random, writer, key);
  }

  /** The next request of an operator. */
  askAsOperator(random: Random, operator: Actor, key: string): Asked {
    const movement = random.chance(0.5)
      ? this.#movements.splice(random.below(this.#movements.length), 1)[0]
      : undefined;
    return movement ? reverse(operator, key, movement) : this.#adjust(random, operator, key);
  }

  noteCard(owner: string, id: string, card: CardAsked): void {
    this.#cards.push({ id, owner });
    if (this.#cards.length > KEPT_MAX) this.#cards.shift();
    this.#ownCards.set(owner, [...(this.#ownCards.get(owner) ?? []).slice(-KEPT_MAX), id]);
    this.#ownTexts.set(owner, [card]);
  }

  noteMovement(movement: Movement): void {
    this.#movements.push(movement);
    if (this.#movements.length > KEPT_MAX) this.#movements.shift();
  }

  #publish(random: Random, writer: Actor, key: string): Asked {
    const cards: CardAsked[] = Array.from({ length: random.between(1, 3) }, (_, no) => ({
      title: `Card ${no + 1} of ${key}`,
      content: `What ${writer.name} wrote, number ${no + 1} of ${key}.`,
      privacy_level: random.chance(0.1) ? "PRIVATE" : random.pick(["IDEAS", "BUSINESS"]),
    }));
    // A text that was published before, and earns nothing again.
    const known = this.#ownTexts.get(writer.id)?.[0];
    if (known && random.chance(0.1)) cards.push(known);
    return { key, kind: "publish", user: writer.id, path: "/api/publish", body: { cards }, legs: [] };
  }

  /** Now and then what was cited already. Undefined where there is nothing to cite yet, or nothing to cite it in. */
  #cite(random: Random, writer: Actor, key: string): Asked | undefined {
    const before = this.#lastCites.get(writer.id);
    if (before && random.chance(0.05)) return { ...before, key };
    const own = this.#ownCards.get(writer.id);
    const others = this.#cards.filter(({ owner }) => owner !== writer.id);
    if (!own || others.length === 0) return undefined;
    const cited = random.pick(others);
    const type = random.pick(Object.keys(PRICES)) as AttributionType;
    const asked: Asked = {
      key,
      kind: "cite",
      user: writer.id,
      path: "/api/attributions",
      body: {
        source_card_id: cited.id,
        target_card_id: random.pick(own),
        attribution_type: type,
        attribution_note: `Note of ${key}`,
      },
      legs: PRICES[type] === "0.00" ? [] : between(writer.id, cited.owner, PRICES[type]),
    };
    this.#lastCites.set(writer.id, asked);
    return asked;
  }

  #transfer(random: Random, writer: Actor, key: string): Asked {
    const payee = random.pick(this.writers.filter(({ id }) => id !== writer.id));
    // Now and then more than most accounts hold.
    const amount = amountOf(random.chance(0.1) ? random.between(1_000, 20_000) : random.between(1, 60));
    return {
      key,
      kind: "transfer",
      user: writer.id,
      path: "/api/transfers",
      body: { to_user: payee.name, amount, note: `Note of ${key}` },
      legs: between(writer.id, payee.id, amount),
    };
  }

  #adjust(random: Random, operator: Actor, key: string): Asked {
    const user = random.pick(this.writers).id;
    const type = random.pick(["bonus", "penalty", "admin_adjustment"]);
    const takes = type === "penalty" || (type === "admin_adjustment" && random.chance(0.5));
    const amount = amountOf(random.between(1, 100));
    const moved = takes ? negate(amount) : amount;
    const body = { type, amount: type === "penalty" ? amount : moved, reason: `Reason of ${key}` };
    const path = `/api/admin/users/${user}/adjustments`;
    return { key, kind: "adjust", user: operator.id, path, body, legs: [{ user, amount: moved }] };
  }
}

function reverse(operator: Actor, key: string, { entryId, legs }: Movement): Asked {
  return {
    key,
    kind: "reverse",
    user: operator.id,
    path: `/api/admin/ledger/${entryId}/reversal`,
    body: { reason: `Reason of ${key}` },
    legs: legs.map(({ user, amount }) => ({ user, amount: negate(amount) })),
  };
}

function between(payer: string, payee: string, amount: string): Leg[] {
  return [
    { user: payer, amount: negate(amount) },
    { user: payee, amount },
  ];
}

function amountOf(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
}
