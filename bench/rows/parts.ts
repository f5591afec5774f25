// Rows that hold several figures, of which lower ones are better.

import type { Figure, Measured } from "../rows.ts";

/** The row is as good as the worst of its figures. */
export function nearestToLimit(parts: readonly Figure[]): Measured {
  const [worst] = parts.toSorted((a, b) => b.ours / b.reference - a.ours / a.reference);
  if (!worst) throw new Error("there are no figures");
  return { ours: worst.ours, reference: worst.reference, parts };
}
