// Ranks: generated columns that say how often a number has doubled (0009_browse.sql, 0017_pages.sql). They change so
// rarely that an index on them costs payments nothing; whoever lists the largest looks through the highest ranks.

/** The highest rank that there is, whatever the number. */
export const RANK_MAX = 18;

/** The rank of this number: 1 from `from` on, and one more each time that it doubles; 0 below. */
export function rankOf(value: number, from: number): number {
  return value < from ? 0 : Math.min(RANK_MAX, Math.floor(Math.log2(value / from)) + 1);
}
