// Random numbers that follow from a seed, so that the same arguments make the same data again on any machine.

/**
 * sfc32, the "small fast counting" generator of Chris Doty-Humphrey's PractRand (public domain): 32 bits at a
 * time, 128 bits of state. `seed`, `stream` and `index` are 32-bit integers; each combination is a sequence of its own.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: number, index = 0) {
    this.#a = mix32(seed);
    this.#b = mix32(stream + 0x9e3779b9);
    this.#c = index | 0;
    // PractRand's own number of rounds after seeding.
    for (let round = 0; round < 12; round++) this.next();
  }

  /** An integer from 0 to 2^32 - 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number from 0 to just under 1. */
  fraction(): number {
    return this.next() / 2 ** 32;
  }

  /** An integer from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** An integer from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of the elements of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Which thing a random sequence or an id belongs to. */
export const STREAM = { activity: 1, person: 2, card: 3, attribution: 4, movement: 5, sync: 6, accountKey: 7 } as const;

/** MurmurHash3's finaliser (Austin Appleby, public domain): no two integers of 32 bits have the same result. */
export function mix32(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const DIGITS = Buffer.from("0123456789abcdef");

// Written in place: putting the text together from pieces takes ten times as long, and a ledger has millions of them.
const uuid = Buffer.from("00000000-0000-7000-8000-000000000000");

/**
 * A UUID of version 7 for the moment `ms`, whose other bits follow from seed, stream and index. Its last 32
 * bits differ for any two indexes of a stream.
 */
export function uuidOf(ms: number, seed: number, stream: number, index: number): string {
  const a = mix32(index ^ mix32(seed ^ mix32(stream)));
  const b = mix32(a ^ 0x9e3779b9);
  writeHex(0, 8, Math.floor(ms / 65_536));
  writeHex(9, 4, ms % 65_536);
  writeHex(15, 3, b >>> 20);
  writeHex(19, 4, 0x8000 | (b & 0x3fff));
  writeHex(24, 4, mix32(b));
  writeHex(28, 8, a);
  return uuid.toString("latin1");
}

function writeHex(at: number, digits: number, value: number): void {
  let rest = value;
  for (let place = at + digits - 1; place >= at; place--) {
    uuid[place] = DIGITS[rest & 15] as number;
    rest >>>= 4;
  }
}
