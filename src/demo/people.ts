// Who takes part in a demo: names, what they say about themselves, and what they write about.

import { FIRST_NAMES, LAST_NAMES, OCCUPATIONS, PLACES } from "./names.ts";
import { Random, STREAM } from "./random.ts";
import { TOPICS, type Topic } from "./topics.ts";

export type Person = Readonly<{
  username: string;
  email: string;
  displayName: string | null;
  bio: string | null;
  profileUrl: string | null;
  emailVerified: boolean;
  isActive: boolean;
}>;

/** Makes the people of a demo, one after the other, with no username twice. */
export class People {
  readonly #taken = new Set<string>();

  constructor(private readonly seed: number) {}

  /** User number `user`. Ask for all of them in their order. */
  next(user: number): Person {
    const random = new Random(this.seed, STREAM.person, user);
    const first = random.pick(FIRST_NAMES);
    const last = random.pick(LAST_NAMES);
    const username = this.#claim(nameOf(first, last, random), random);
    return {
      username,
      email: `${username}@example.com`,
      displayName: random.chance(0.92) ? `${first} ${last}` : null,
      bio: random.chance(0.8) ? bioOf(random, topicsOf(this.seed, user)) : null,
      profileUrl: random.chance(0.3) ? `https://example.com/${username}` : null,
      emailVerified: random.chance(0.85),
      isActive: random.chance(0.97),
    };
  }

  #claim(wanted: string, random: Random): string {
    let username = wanted;
    while (this.#taken.has(username)) username = `${wanted}${random.between(2, 99_999)}`;
    this.#taken.add(username);
    return username;
  }
}

/** What a user writes about: one to three topics. */
export function topicsOf(seed: number, user: number): Topic[] {
  const random = new Random(seed + 1, STREAM.person, user);
  return Array.from({ length: random.between(1, 3) }, () => random.pick(TOPICS));
}

function nameOf(first: string, last: string, random: Random): string {
  const [given, family] = [plain(first), plain(last)];
  return random.pick([
    `${given}.${family}`,
    `${given}-${family}`,
    `${given}_${family}`,
    `${given.slice(0, 1)}${family}`,
    `${given}${family.slice(0, 1)}`,
    `${given}.writes`,
  ]);
}

function plain(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/[^a-z]/gi, "")
    .toLowerCase();
}

function bioOf(random: Random, topics: readonly Topic[]): string {
  const [first, second] = topics;
  const interests = second && second !== first ? `${first?.name} and ${second.name}` : first?.name;
  return random.pick([
    `${random.pick(OCCUPATIONS)} in ${random.pick(PLACES)}. I write about ${interests}.`,
    `Notes on ${interests}, mostly before breakfast.`,
    `${random.pick(OCCUPATIONS)}. Thinking in public about ${interests}; corrections are welcome.`,
    `From ${random.pick(PLACES)}, now elsewhere. ${capital(interests ?? "")}, and what connects them.`,
    `I collect small ideas about ${interests} and see which of them survive a year.`,
  ]);
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
