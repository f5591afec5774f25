// Numbers of things as commands tell them: "1 row", "1,650,364 rows".

/** A count with the thing's name, which takes an s where there is not one. */
export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A count with a comma before every three digits. */
export function grouped(count: number): string {
  return count.toLocaleString("en");
}
