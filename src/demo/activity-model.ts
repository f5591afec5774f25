// What a demo's year consists of, as the simulation (activity.ts) writes it down and the rows are made from it.
// Typed arrays, one element a thing, since ten million entries have to fit into little memory.

import type { Amounts } from "./amounts.ts";

export const ATTRIBUTION_TYPES = ["citation", "remix", "reply", "inspiration"] as const;
export type AttributionType = (typeof ATTRIBUTION_TYPES)[number];

/** The kinds of movements, in the order of their codes in `Movements.kind`. */
export const MOVEMENT_KINDS = [
  "grant",
  "reward",
  "attribution",
  "transfer",
  "bonus",
  "penalty",
  "adjustment",
  "reversal",
] as const;
export type MovementKind = (typeof MOVEMENT_KINDS)[number];

/** Users are numbered in the order in which they joined; all times are microseconds since 1970. */
export type Users = { joined: number; joinedAt: Float64Array; rewardDay: Int32Array; rewardCount: Int32Array };

/** Cards in the order of their publication. `earned` is in cents; `withdrawnAt` is 0 where the card stands. */
export type Cards = {
  count: number;
  author: Int32Array;
  at: Float64Array;
  withdrawnAt: Float64Array;
  earned: Float64Array;
  citations: Int32Array;
};

/** Attributions in the order of time: `source` is cited by `target`; `type` counts in ATTRIBUTION_TYPES. */
export type Attributions = {
  count: number;
  source: Int32Array;
  target: Int32Array;
  type: Uint8Array;
  at: Float64Array;
  /** When the payment was undone, for those few where it was. */
  reversedAt: Map<number, number>;
};

/** Movements in the order of time. `subject` is a user, a card, an attribution, or the place in `Year.specials`. */
export type Movements = { count: number; kind: Uint8Array; subject: Int32Array; at: Float64Array };

/** A movement that nothing else describes. `to` belongs to transfers. Reversals say which movement they undo. */
export type Special = {
  user: number;
  to: number;
  cents: number;
  undoes: number;
  /** The place (from 0 on) of the first entry of the movement that is undone. */
  undoneEntry: number;
};

/** Everything that happened in a demo's year. */
export type Year = {
  amounts: Amounts;
  entries: number;
  users: Users;
  cards: Cards;
  attributions: Attributions;
  movements: Movements;
  specials: Special[];
};

/** A year in which nothing has happened yet, with room for so many users and entries. */
export function createYear(users: number, entries: number, amounts: Amounts): Year {
  // Every card and every movement makes an entry, and attributions end here, so none of these is longer. Memory that
  // is never written to is never taken.
  const integers = () => new Int32Array(entries);
  const moments = () => new Float64Array(entries);
  return {
    amounts,
    entries: 0,
    users: {
      joined: 0,
      joinedAt: new Float64Array(users),
      rewardDay: new Int32Array(users),
      rewardCount: new Int32Array(users),
    },
    cards: {
      count: 0,
      author: integers(),
      at: moments(),
      withdrawnAt: moments(),
      earned: moments(),
      citations: integers(),
    },
    attributions: {
      count: 0,
      source: integers(),
      target: integers(),
      type: new Uint8Array(entries),
      at: moments(),
      reversedAt: new Map(),
    },
    movements: { count: 0, kind: new Uint8Array(entries), subject: integers(), at: moments() },
    specials: [],
  };
}

/**
 * The same year without the room that it did not need. What arrays could hold counts as memory in use, and the more
 * of that there is, the more garbage is left lying: two gigabytes with ten million entries.
 */
export function trimYear(year: Year): Year {
  return {
    ...year,
    cards: trim(year.cards),
    attributions: trim(year.attributions),
    movements: trim(year.movements),
  };
}

function trim<T extends { count: number }>(columns: T): T {
  const trimmed = { ...columns };
  for (const name in columns) {
    const column: unknown = columns[name];
    const isArray = column instanceof Int32Array || column instanceof Float64Array || column instanceof Uint8Array;
    if (isArray) Object.assign(trimmed, { [name]: column.slice(0, columns.count) });
  }
  return trimmed;
}

/** One entry that a movement makes, its place and hash apart. -1: no card, no attribution. */
export type Leg = {
  user: number;
  type: string;
  cents: number;
  card: number;
  attribution: number;
  number: 1 | 2;
};

/** The legs of a movement, the payer's first. */
export function legsOf(year: Year, movement: number): Leg[] {
  const { cards, attributions, amounts, specials } = year;
  const subject = year.movements.subject[movement] as number;
  const kind = MOVEMENT_KINDS[year.movements.kind[movement] as number];
  switch (kind) {
    case "grant":
      return [lone(subject, "initial_grant", amounts.initialGrant)];
    case "reward":
      return [{ ...lone(cards.author[subject] as number, "publish_reward", amounts.publishReward), card: subject }];
    case "attribution": {
      const source = attributions.source[subject] as number;
      const target = attributions.target[subject] as number;
      const cents = amounts.attribution[ATTRIBUTION_TYPES[attributions.type[subject] as number] as AttributionType];
      return [
        legOf(cards.author[target] as number, "attribution_payment", -cents, target, subject, 1),
        legOf(cards.author[source] as number, "attribution_received", cents, source, subject, 2),
      ];
    }
  }
  const special = specials[subject] as Special;
  switch (kind) {
    case "transfer":
      return [
        legOf(special.user, "transfer_sent", -special.cents, -1, -1, 1),
        legOf(special.to, "transfer_received", special.cents, -1, -1, 2),
      ];
    case "reversal":
      return legsOf(year, special.undoes).map(leg => ({ ...leg, type: "reversal", cents: -leg.cents }));
    case "adjustment":
      return [lone(special.user, "admin_adjustment", special.cents)];
    default:
      return [lone(special.user, kind === "penalty" ? "penalty" : "bonus", special.cents)];
  }
}

function lone(user: number, type: string, cents: number): Leg {
  return legOf(user, type, cents, -1, -1, 1);
}

function legOf(user: number, type: string, cents: number, card: number, attribution: number, number: 1 | 2): Leg {
  return { user, type, cents, card, attribution, number };
}
