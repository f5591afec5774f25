// Whole numbers with a range, which a refusal names.

import { z } from "zod";

/** A whole number from `min` to `max`, as a JSON number. */
export function integerBetween(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}
