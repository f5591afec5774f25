// Amounts as whole cents in JavaScript numbers, for millions of entries at a time: exact, since no sum of a
// demo comes near 2^53. What the database keeps is checked there, in DECIMAL.

import type { AttributionType } from "../attributions/model.ts";
import type { Config } from "../config.ts";
import { StartError } from "../start-error.ts";

/** The largest amount that a demo is made with: ten million entries of it are 10^15 cents. */
const CENTS_MAX = 100_000_000;

/** What things cost and earn, in cents. */
export type Amounts = Readonly<{
  initialGrant: number;
  publishReward: number;
  attribution: Readonly<Record<AttributionType, number>>;
}>;

/** The configured amounts in cents. Throws StartError for those that no demo can be made with. */
export function readAmounts({ amounts }: Pick<Config, "amounts">): Amounts {
  return {
    initialGrant: toCents("INITIAL_GRANT", amounts.initialGrant, 1),
    publishReward: toCents("PUBLISH_REWARD", amounts.publishReward, 1),
    attribution: {
      citation: toCents("ATTRIBUTION_CITATION", amounts.attribution.citation, 0),
      remix: toCents("ATTRIBUTION_REMIX", amounts.attribution.remix, 0),
      reply: toCents("ATTRIBUTION_REPLY", amounts.attribution.reply, 0),
      inspiration: toCents("ATTRIBUTION_INSPIRATION", amounts.attribution.inspiration, 0),
    },
  };
}

function toCents(name: string, amount: string, min: number): number {
  const cents = Number(amount.replace(".", ""));
  if (cents >= min && cents <= CENTS_MAX) return cents;
  throw new StartError(`${name} is ${amount}. A demo needs it from ${formatCents(min)} to ${formatCents(CENTS_MAX)}.`);
}

const TWO_DIGITS = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, "0"));

/** Cents as PostgreSQL prints a DECIMAL(20,2), such as "-0.05". */
export function formatCents(cents: number): string {
  const absolute = Math.abs(cents);
  const text = `${Math.floor(absolute / 100)}.${TWO_DIGITS[absolute % 100] as string}`;
  return cents < 0 ? `-${text}` : text;
}
