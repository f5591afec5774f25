// Which of the representations on offer a client wants, by its Accept header (RFC 9110, section 12.5.1).

type Range = { type: string; quality: number; place: number };

/** Ranges read of one header; nobody honest sends more. */
const RANGES_MAX = 50;

/**
 * The type on offer that the client likes best; the first one where it does not say, or takes none of them. Of types
 * that it likes alike, one that it names goes before one that it covers with `*`, then its own order decides.
 */
export function preferredType<const T extends string>(request: Request, offered: readonly [T, ...T[]]): T {
  const ranges = parseAccept(request.headers.get("accept") ?? "*/*");
  let [best] = offered;
  let bestRank: Rank | undefined;
  for (const type of offered) {
    const rank = rankOf(type, ranges);
    if (rank && (!bestRank || isBefore(rank, bestRank))) [best, bestRank] = [type, rank];
  }
  return best;
}

/** Compared from left to right, the larger first. */
type Rank = readonly [quality: number, specificity: number, place: number];

function isBefore(a: Rank, b: Rank): boolean {
  const difference = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
  return difference > 0;
}

/** By the most specific range that covers the type; undefined where none does, or that one refuses it. */
function rankOf(type: string, ranges: readonly Range[]): Rank | undefined {
  const covering = [type, `${type.split("/", 1)[0]}/*`, "*/*"];
  for (const [index, pattern] of covering.entries()) {
    const range = ranges.find(candidate => candidate.type === pattern);
    if (range) return range.quality > 0 ? [range.quality, -index, index === 0 ? -range.place : 0] : undefined;
  }
  return undefined;
}

function parseAccept(header: string): Range[] {
  return header.split(",", RANGES_MAX).map((part, place) => {
    const [type = "", ...parameters] = part.split(";").map(piece => piece.trim().toLowerCase());
    const quality = parameters.find(parameter => parameter.startsWith("q="))?.slice(2);
    return { type, quality: quality === undefined ? 1 : Number(quality) || 0, place };
  });
}
