// What clients ask for, and what they may know of the answer beforehand: whom it moves how much.

/** The kinds of requests that a client sends, each with an Idempotency-Key. */
export const KINDS = ["publish", "cite", "transfer", "adjust", "reverse"] as const;
export type Kind = (typeof KINDS)[number];

/** One account's side of a movement; `amount` is signed, text with two decimals. */
export type Leg = Readonly<{ user: string; amount: string }>;

/** A request as the client means it, before it is sent. `key` is its Idempotency-Key, and names it. */
export type Asked = Readonly<{
  key: string;
  kind: Kind;
  /** The account on whose behalf it is sent. */
  user: string;
  path: string;
  body: Readonly<Record<string, unknown>>;
  /** What it moves where it succeeds, leg by leg. Rewards for cards are not among them. */
  legs: readonly Leg[];
}>;

export type CardAsked = Readonly<{ title: string; content: string; privacy_level: string }>;

/** What the citing author pays, by type; the server runs with its defaults. */
export const PRICES = { citation: "0.10", remix: "0.50", reply: "0.05", inspiration: "0.00" } as const;
export type AttributionType = keyof typeof PRICES;

/** For each card that is published for the first time. */
export const REWARD = "1.00";

/** Everybody's first entry. */
export const GRANT = "10.00";

/** The amount with the other sign. */
export function negate(amount: string): string {
  if (/^-?0\.00$/.test(amount)) return "0.00";
  return amount.startsWith("-") ? amount.slice(1) : `-${amount}`;
}
