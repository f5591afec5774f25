// A year in the life of a community, event by event: people join, publish, cite each other, and now and then
// something is given, taken or undone. Decides everything but names and texts, within the product's own rules.
//
// Popularity has a long tail because success breeds success: most authors and cited cards are copied from those
// before them (H. A. Simon, "On a class of skew distribution functions", 1955).

import {
  ATTRIBUTION_TYPES,
  createYear,
  legsOf,
  MOVEMENT_KINDS,
  type MovementKind,
  type Special,
  type Year,
} from "./activity-model.ts";
import type { Amounts } from "./amounts.ts";
import { Calendar } from "./calendar.ts";
import { Random, STREAM } from "./random.ts";

export type ActivityOptions = Readonly<{
  users: number;
  /** How many ledger entries there will be, exactly. At least one for each user. */
  entries: number;
  seed: number;
  /** The year ends here. */
  untilMs: number;
  amounts: Amounts;
  /** 0: no limit. */
  rewardsPerDay: number;
}>;

const DAY_US = 86_400_000_000;
const CITATIONS_A_CARD_MAX = 12;
const TRIES_MAX = 6;
/** Movements that may still be undone: mistakes are noticed soon. */
const UNDOABLE_MAX = 50;

/** How likely an event is another one than a publication. */
const PENALTY = 0.007;
const ADJUSTMENT = 0.007;
const BONUS = 0.01;
const REVERSAL = 0.015;
const TRANSFER = 0.03;
const LATE_CITATION = 0.03;

/** Simulates the year: call `step` until `isDone`, then `year` has everything. */
export class Activity {
  readonly year: Year;
  readonly #options: ActivityOptions;
  readonly #calendar: Calendar;
  readonly #random: Random;
  readonly #balance: Float64Array;
  readonly #citedLate: Uint8Array;
  #undoable: { movement: number; entry: number }[] = [];
  #now: number;

  constructor(options: ActivityOptions) {
    const { users, entries, seed, untilMs, amounts } = options;
    this.#options = options;
    this.#calendar = new Calendar(untilMs);
    this.#now = this.#calendar.start;
    this.#random = new Random(seed, STREAM.activity);
    this.#balance = new Float64Array(users);
    this.#citedLate = new Uint8Array(entries);
    this.year = createYear(users, entries, amounts);
  }

  get isDone(): boolean {
    return this.year.entries === this.#options.entries;
  }

  /** One event, with all that comes of it: at least one entry. */
  step(): void {
    this.#now = Math.max(this.#now + 1, this.#momentOf(this.year.entries));
    if (this.#someoneJoins()) this.#join();
    else if (!this.#somethingSpecial() && !this.#publish() && !this.#citeLate()) this.#give("bonus");
  }

  #momentOf(entries: number): number {
    return this.#calendar.momentOf(entries / this.#options.entries);
  }

  /** Entries that are not kept back for those who have yet to join. */
  get #free(): number {
    return this.#options.entries - this.year.entries - (this.#options.users - this.year.users.joined);
  }

  /** A few founders at once, the others along with the activity, only a little faster at first. */
  #someoneJoins(): boolean {
    const { users, entries } = this.#options;
    const { joined } = this.year.users;
    if (joined === users) return false;
    const founders = Math.max(2, Math.ceil(users * 0.1));
    if (joined < founders || this.#free <= 0) return true;
    const share = ((joined - founders) / (users - founders)) ** 1.25 * 0.98;
    return this.year.entries >= share * entries;
  }

  #join(): void {
    const { users } = this.year;
    users.joinedAt[users.joined] = this.#now;
    users.rewardDay[users.joined] = -1;
    this.#post("grant", users.joined++);
  }

  #somethingSpecial(): boolean {
    let roll = this.#random.fraction();
    const falls = (probability: number) => {
      roll -= probability;
      return roll < 0;
    };
    if (falls(PENALTY)) return this.#give("penalty");
    if (falls(ADJUSTMENT)) return this.#give("adjustment");
    if (falls(BONUS)) return this.#give("bonus");
    if (falls(REVERSAL)) return this.#undo();
    if (falls(TRANSFER)) return this.#transfer();
    return falls(LATE_CITATION) && this.#citeLate();
  }

  /** A new card with its reward, and a few minutes later the cards that it cites. */
  #publish(): boolean {
    const author = this.#pickAuthor();
    if (author === undefined) return false;
    const { cards, users, amounts } = this.year;
    const card = cards.count++;
    cards.author[card] = author;
    cards.at[card] = this.#now;
    cards.earned[card] = amounts.publishReward;
    if (this.#random.chance(0.015)) {
      const withdrawnAt = this.#now + Math.floor((0.1 + this.#random.fraction() * 60) * DAY_US);
      if (withdrawnAt < this.#calendar.end) cards.withdrawnAt[card] = withdrawnAt;
    }
    const day = Math.floor(this.#now / DAY_US);
    users.rewardCount[author] = users.rewardDay[author] === day ? (users.rewardCount[author] as number) + 1 : 1;
    users.rewardDay[author] = day;
    this.#post("reward", card);
    this.#citeFrom(card, author);
    return true;
  }

  /** Undefined where those who were thought of have all had their day's rewards. */
  #pickAuthor(): number | undefined {
    const { cards, users } = this.year;
    const { rewardsPerDay } = this.#options;
    const day = Math.floor(this.#now / DAY_US);
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      const again = cards.count > 0 && attempt === 0 && this.#random.chance(0.55);
      const author = again
        ? (cards.author[this.#random.below(cards.count)] as number)
        : this.#random.below(users.joined);
      const count = users.rewardDay[author] === day ? (users.rewardCount[author] as number) : 0;
      if (rewardsPerDay === 0 || count < rewardsPerDay) return author;
    }
    return undefined;
  }

  #citeFrom(target: number, author: number): void {
    if (this.#random.chance(0.15)) return;
    const cited = new Set<number>();
    for (let count = 1; count < CITATIONS_A_CARD_MAX && (count === 1 || this.#random.chance(0.76)); count++) {
      const source = this.#pickSource(target, author);
      if (source === undefined || cited.has(source)) continue;
      cited.add(source);
      this.#attribute(source, target);
    }
  }

  /** A card of another author that is older than `target` and stands. */
  #pickSource(target: number, author: number): number | undefined {
    const { attributions } = this.year;
    for (let attempt = 0; target > 0 && attempt < TRIES_MAX; attempt++) {
      const copied = attributions.count > 0 && this.#random.chance(0.5);
      // Else any card, the newer the likelier.
      const card = copied
        ? (attributions.source[this.#random.below(attributions.count)] as number)
        : target - 1 - Math.floor(target * this.#random.fraction() ** 2);
      if (card < target && this.#isCitable(card, author)) return card;
    }
    return undefined;
  }

  #isCitable(card: number, author: number): boolean {
    return this.year.cards.author[card] !== author && this.#stands(card);
  }

  #stands(card: number): boolean {
    const withdrawnAt = this.year.cards.withdrawnAt[card] as number;
    return withdrawnAt === 0 || withdrawnAt > this.#now;
  }

  /** An older card is cited by once, a newer card of somebody else's: a pair that can't have been there before. */
  #citeLate(): boolean {
    const { cards } = this.year;
    if (cards.count < 2) return false;
    const target = this.#random.below(cards.count - 1);
    const source = target + 1 + this.#random.below(cards.count - 1 - target);
    const isNew = this.#citedLate[target] === 0;
    if (!isNew || !this.#stands(target) || !this.#isCitable(source, cards.author[target] as number)) return false;
    const before = this.year.entries;
    this.#attribute(source, target);
    this.#citedLate[target] = 1;
    return this.year.entries > before;
  }

  #attribute(source: number, target: number): void {
    const { attributions, cards, amounts } = this.year;
    const roll = this.#random.fraction();
    const type = roll < 0.62 ? 0 : roll < 0.72 ? 1 : roll < 0.9 ? 2 : 3;
    const cents = amounts.attribution[ATTRIBUTION_TYPES[type]];
    if (cents > 0 && (this.#free < 2 || (this.#balance[cards.author[target] as number] as number) < cents)) return;
    if (attributions.count === attributions.source.length) return;
    // Some minutes after the card, but before what comes next in a busy year.
    const gap = this.#momentOf(this.year.entries + 1) - this.#momentOf(this.year.entries);
    const pause = Math.min(this.#random.between(20, 400) * 1_000_000, Math.floor(gap * 0.9));
    this.#now += 1 + (cents > 0 ? pause : Math.min(pause, this.#random.between(1, 30) * 1_000_000));
    const attribution = attributions.count++;
    attributions.source[attribution] = source;
    attributions.target[attribution] = target;
    attributions.type[attribution] = type;
    attributions.at[attribution] = this.#now;
    this.#count(source, cents, 1);
    if (cents > 0) this.#post("attribution", attribution);
  }

  /** What an attribution does to the card that is cited. */
  #count(source: number, cents: number, citations: 1 | -1): void {
    const { cards } = this.year;
    cards.earned[source] = (cards.earned[source] as number) + cents;
    cards.citations[source] = (cards.citations[source] as number) + citations;
  }

  #transfer(): boolean {
    const { users } = this.year;
    const user = this.#random.below(users.joined);
    const to = this.#random.below(users.joined);
    const cents = this.#random.pick([50, 100, 100, 200, 250, 500, 1000]);
    if (user === to || this.#free < 2 || (this.#balance[user] as number) < cents * 2) return false;
    this.#post("transfer", this.#describe({ user, to, cents }));
    return true;
  }

  #give(kind: "bonus" | "penalty" | "adjustment"): boolean {
    const user = this.#random.below(this.year.users.joined);
    if (this.#free < 1) return false;
    const size = this.#random.pick([25, 50, 100, 200, 500]);
    const cents = kind === "penalty" || (kind === "adjustment" && this.#random.chance(0.5)) ? -size : size;
    if ((this.#balance[user] as number) + cents < 0) return false;
    this.#post(kind, this.#describe({ user, cents }));
    return true;
  }

  /** A recent movement is reversed, unless what it moved has been spent. */
  #undo(): boolean {
    const place = this.#random.below(this.#undoable.length);
    const [undone] = this.#undoable.splice(place, 1);
    if (!undone) return false;
    const { movements, attributions } = this.year;
    const legs = legsOf(this.year, undone.movement);
    if (this.#free < legs.length || legs.some(leg => (this.#balance[leg.user] as number) < leg.cents)) return false;
    if (MOVEMENT_KINDS[movements.kind[undone.movement] as number] === "attribution") {
      const attribution = movements.subject[undone.movement] as number;
      attributions.reversedAt.set(attribution, this.#now);
      this.#count(attributions.source[attribution] as number, -(legs[1]?.cents ?? 0), -1);
    }
    this.#post("reversal", this.#describe({ undoes: undone.movement, undoneEntry: undone.entry }));
    return true;
  }

  #describe(special: Partial<Special>): number {
    return this.year.specials.push({ user: -1, to: -1, cents: 0, undoes: -1, undoneEntry: -1, ...special }) - 1;
  }

  /** Writes a movement down and moves the balances. */
  #post(kind: MovementKind, subject: number): void {
    const { movements } = this.year;
    const movement = movements.count++;
    movements.kind[movement] = MOVEMENT_KINDS.indexOf(kind);
    movements.subject[movement] = subject;
    movements.at[movement] = this.#now;
    if (kind !== "grant" && kind !== "reward" && kind !== "reversal") {
      this.#undoable.push({ movement, entry: this.year.entries });
      if (this.#undoable.length > UNDOABLE_MAX) this.#undoable.shift();
    }
    for (const leg of legsOf(this.year, movement)) {
      this.#balance[leg.user] = (this.#balance[leg.user] as number) + leg.cents;
      this.year.entries++;
    }
  }
}
