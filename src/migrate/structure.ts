// The checks of `verify` that compare two catalogues: what is missing, what is another, what is one too many.

import type { Catalogue, Difference, Kind } from "./catalogue.ts";
import { pluralOf } from "./listing.ts";

/**
 * One thing looked at. `differences` is empty where it is as it should be, which `summary` says then; `more` counts
 * those that are not listed; `notes` are worth knowing and no fault.
 */
export type Check = Readonly<{
  name: string;
  summary: string;
  differences: readonly string[];
  more: number;
  notes: readonly string[];
}>;

/** Kinds where one more than expected can't change what the schema does: an operator's own table, or a faster index. */
const HARMLESS_WHERE_EXTRA: ReadonlySet<Kind> = new Set(["table", "index", "view", "function", "sequence", "type"]);

/**
 * Compares the objects of one kind; `differences` are those of all kinds. The parts of a missing table are not named
 * beside it, nor those of a table that is not ours.
 */
export function checkKind(
  kind: Kind,
  expected: Catalogue,
  found: Catalogue,
  differences: readonly Difference[],
): Check {
  const relevant = differences.filter(difference => {
    const table = difference.name.split(".")[0] ?? "";
    const inBoth = (expected.table[table] === undefined) === (found.table[table] === undefined);
    return difference.kind === kind && (kind === "table" || inBoth);
  });
  const isNote = (difference: Difference) =>
    difference.expected === undefined && HARMLESS_WHERE_EXTRA.has(kind) && !isOverload(difference, expected);
  const count = Object.keys(expected[kind]).length;
  return {
    name: pluralOf(kind),
    summary:
      count === 0 ? "none, as it should be" : `${count} as they should be${kind === "trigger" ? ", all enabled" : ""}`,
    differences: relevant.filter(difference => !isNote(difference)).map(describeDifference),
    more: 0,
    notes: relevant.filter(isNote).map(({ name }) => `${kind} ${name} is not from the migrations`),
  };
}

/** A function with the name of ours and other parameters: a call could reach it in place of ours. */
function isOverload({ kind, name }: Difference, expected: Catalogue): boolean {
  const named = name.replace(/\(.*$/s, "(");
  return kind === "function" && Object.keys(expected.function).some(ours => ours.startsWith(named));
}

function describeDifference({ kind, name, expected, found }: Difference): string {
  if (expected === undefined) return `${kind} ${name} should not be there: ${found}`;
  if (found === undefined) return `${kind} ${name} is missing: ${expected.split("\n")[0]}`;
  // Of a long definition, the first line that is another one.
  const [wanted, present] = [expected.split("\n"), found.split("\n")];
  const line = wanted.findIndex((text, index) => text !== present[index]);
  const at = line === -1 ? wanted.length : line;
  return `${kind} ${name} is: ${(present[at] ?? "").trim()}\n  expected: ${(wanted[at] ?? "(nothing more)").trim()}`;
}

const MONEY = /^numeric\(20,2\)/;
const INEXACT = /^(real|double precision|money)\b/;

/** Says once more what matters most about the columns: money is exact. */
export function checkMoneyColumns(expected: Catalogue, found: Catalogue): Check {
  const isMoney = (name: string) => MONEY.test(expected.column[name] ?? "");
  const isOurs = (name: string) => expected.table[name.split(".")[0] ?? ""] !== undefined;
  const differences = Object.entries(found.column).flatMap(([name, type]) => {
    if (isMoney(name)) return MONEY.test(type) ? [] : [`${name} is ${type}, not DECIMAL(20,2)`];
    return isOurs(name) && INEXACT.test(type) ? [`${name} is ${type}, which holds no money exactly`] : [];
  });
  const count = Object.keys(expected.column).filter(isMoney).length;
  const summary = `${count} are DECIMAL(20,2), none is a FLOAT`;
  return { name: "money columns", summary, differences, more: 0, notes: [] };
}
