// Fair comparison on a machine whose speed wanders: the sides take turns (A B A B A B), and medians count.

/** Measures something once. */
export type Side = () => Promise<number>;

/** Lets every side measure `rounds` times, in turns, and gives the median of each. */
export async function takeTurns<Name extends string>(
  rounds: number,
  sides: Readonly<Record<Name, Side>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(sides) as Name[];
  const figures = new Map<Name, number[]>(names.map(name => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) {
      const figure = await sides[name]();
      figures.get(name)?.push(figure);
      console.error(`    ${round}/${rounds}  ${name.padEnd(12)} ${formatNumber(figure)}`);
    }
  }
  return Object.fromEntries(names.map(name => [name, median(figures.get(name) ?? [])])) as Record<Name, number>;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return (quantile(values, 0.5) + quantile(values, 0.5, Math.ceil)) / 2;
}

/** The value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number, round = Math.floor): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, round((sorted.length - 1) * share))];
  if (value === undefined) throw new Error("there are no values");
  return value;
}

/** For people: about four digits. */
export function formatNumber(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 3 : value < 100 ? 1 : 0 });
}
