// What clients ask for, and what they may know of the answer beforehand: whom it moves how much. And the requests themselves,
// made from what they are about.

/** The kinds of requests that a client sends, each with an Idempotency-Key. */
export const KINDS = ["publish", "cite", "transfer", "adjust", "reverse"] as const;
export type Kind = (typeof KINDS)[number];

/** An account and the key that speaks for it. */
export type Actor = Readonly<{ id: string; name: string; key: string }>;

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

/** Something that operators may reverse: any of its entries, and all of its legs. */
export type Movement = Readonly<{ entryId: string; legs: readonly Leg[] }>;

export type OwnedCard = Readonly<{ id: string; owner: string }>;

export type CardAsked = Readonly<{ title: string; content: string; privacy_level: string }>;

/** What the citing author pays, by type; the server runs with its defaults. */
export const PRICES = { citation: "0.10", remix: "0.50", reply: "0.05", inspiration: "0.00" } as const;
export type AttributionType = keyof typeof PRICES;

/** For each card that is published for the first time. */
export const REWARD = "1.00";

/** Everybody's first entry. */
export const GRANT = "10.00";

/** What moves between two accounts. */
export function between(payer: string, payee: string, amount: string): Leg[] {
  return [
    { user: payer, amount: negate(amount) },
    { user: payee, amount },
  ];
}

export function amountOf(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
}

/** The amount with the other sign. */
export function negate(amount: string): string {
  if (/^-?0\.00$/.test(amount)) return "0.00";
  return amount.startsWith("-") ? amount.slice(1) : `-${amount}`;
}

/** A request to publish. */
export function publish({ key, user, cards }: { key: string; user: string; cards: readonly CardAsked[] }): Asked {
  return { key, kind: "publish", user, path: "/api/publish", body: { cards }, legs: [] };
}

/** A request to cite somebody's card in one's own. */
export function cite(about: {
  key: string;
  user: string;
  source: OwnedCard;
  target: string;
  type: AttributionType;
}): Asked {
  const { key, user, source, target, type } = about;
  const attribution = { source_card_id: source.id, target_card_id: target, attribution_type: type };
  const body = { ...attribution, attribution_note: `Note of ${key}` };
  const legs = PRICES[type] === "0.00" ? [] : between(user, source.owner, PRICES[type]);
  return { key, kind: "cite", user, path: "/api/attributions", body, legs };
}

/** A request to pay somebody. */
export function transfer({
  key,
  user,
  payee,
  amount,
}: {
  key: string;
  user: string;
  payee: Actor;
  amount: string;
}): Asked {
  const body = { to_user: payee.name, amount, note: `Note of ${key}` };
  return { key, kind: "transfer", user, path: "/api/transfers", body, legs: between(user, payee.id, amount) };
}

/** A request to add to an account, or to take from it. */
export function adjust(about: {
  key: string;
  operator: string;
  type: "bonus" | "penalty" | "admin_adjustment";
  leg: Leg;
}): Asked {
  const { key, operator, type, leg } = about;
  const amount = type === "penalty" ? negate(leg.amount) : leg.amount;
  const path = `/api/admin/users/${leg.user}/adjustments`;
  return { key, kind: "adjust", user: operator, path, body: { type, amount, reason: `Reason of ${key}` }, legs: [leg] };
}
