// Amounts of $EXTROPY: text with two decimals on the wire, DECIMAL(20,2) in the database, Decimal in
// between. The only arithmetic on money in the server stands here.

import Decimal from "decimal.js";
import { z } from "zod";

// Twenty digits and their sums fit without rounding; the defaults (20 significant digits, exponents) do not.
const Exact = Decimal.clone({
  precision: 40,
  rounding: Decimal.ROUND_HALF_EVEN,
  toExpNeg: -9e15,
  toExpPos: 9e15,
});

/** What DECIMAL(20,2) holds: up to 18 digits before the point, and at most two after it; no sign, no exponent. */
const AMOUNT = /^(0|[1-9][0-9]{0,17})(\.[0-9]{1,2})?$/;

/** The largest amount, and the most that an account can hold. */
export const AMOUNT_MAX = "999999999999999999.99";

const AMOUNT_EXPECTED = 'an amount as text, such as "1.00": digits with at most two decimals';
const SIGNED_EXPECTED = 'an amount as text, such as "1.00" or "-1.00": digits with at most two decimals';

/** An amount of zero or more as text, normalised to two decimals ("1" becomes "1.00"). */
export const amountText = z
  .string({ error: AMOUNT_EXPECTED })
  .regex(AMOUNT, { error: AMOUNT_EXPECTED })
  .transform(text => formatAmount(text));

/** The same with a minus in front where it is below zero; "-0.00" is left to the caller to refuse. */
export const signedAmountText = z
  .string({ error: SIGNED_EXPECTED })
  .refine(text => AMOUNT.test(text.replace(/^-/, "")), {
    error: SIGNED_EXPECTED,
    abort: true,
  })
  .transform(text => formatAmount(text));

/** Text or Decimal to text with exactly two decimals. Throws on what is not a finite number. */
export function formatAmount(value: string | Decimal): string {
  const decimal = new Exact(value);
  if (!decimal.isFinite()) throw new RangeError("not an amount");
  return decimal.toFixed(2);
}

/** The sum of amounts given as text, as text with two decimals; "0.00" for none. */
export function sumAmounts(amounts: Iterable<string>): string {
  let total = new Exact(0);
  for (const amount of amounts) total = total.plus(amount);
  return total.toFixed(2);
}

/** Below zero where `a` is the smaller amount, above where it is the larger; zero where they are the same. */
export function compareAmounts(a: string, b: string): number {
  return new Exact(a).comparedTo(b);
}
