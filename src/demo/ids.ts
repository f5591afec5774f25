// The ids of a demo. They follow from the seed, so that no table has to remember another one's.

import type { Year } from "./activity-model.ts";
import { mix32, STREAM, uuidOf } from "./random.ts";

export class Ids {
  /** Every row of every table names one, so these are kept. */
  readonly #users: string[];

  constructor(
    private readonly seed: number,
    private readonly year: Year,
  ) {
    this.#users = Array.from(year.users.joinedAt, (at, user) => uuidOf(toMs(at), seed, STREAM.person, user));
  }

  user(user: number): string {
    return this.#users[user] as string;
  }

  accountKey(user: number): string {
    return uuidOf(toMs(this.year.users.joinedAt[user]), this.seed, STREAM.accountKey, user);
  }

  card(card: number): string {
    return uuidOf(toMs(this.year.cards.at[card]), this.seed, STREAM.card, card);
  }

  attribution(attribution: number): string {
    return uuidOf(toMs(this.year.attributions.at[attribution]), this.seed, STREAM.attribution, attribution);
  }

  transaction(movement: number): string {
    return uuidOf(toMs(this.year.movements.at[movement]), this.seed, STREAM.movement, movement);
  }

  /**
   * The end of a card's slug, of the form that slugEnd (src/cards/text.ts) draws at random. 41 bits, 32 of which
   * no other card has: withdrawn cards are found by it, so no two may be equal.
   */
  slugEnd(card: number): string {
    const high = mix32(card ^ mix32(this.seed));
    return (high * 512 + (mix32(high) & 511)).toString(36).padStart(8, "0");
  }
}

function toMs(us: number | undefined): number {
  return Math.floor((us ?? 0) / 1000);
}
