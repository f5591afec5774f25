// Lists of catalogue objects for people: one heading for each kind, and the names below it.

import { type Difference, KINDS, type Kind } from "./catalogue.ts";

const LINE_WIDTH = 100;

/** "tables", "indexes". */
export function pluralOf(kind: Kind): string {
  return kind === "index" ? "indexes" : `${kind}s`;
}

/** The lines for some objects: `heading("3 tables")`, then their names, without a function's parameters. */
export function listObjects(objects: readonly Difference[], heading: (count: string) => string): string[] {
  return KINDS.flatMap(kind => {
    const names = objects.filter(object => object.kind === kind).map(({ name }) => name.replace(/\(.*$/s, ""));
    return names.length === 0
      ? []
      : [heading(`${names.length} ${names.length === 1 ? kind : pluralOf(kind)}`), ...wrap(names)];
  });
}

function wrap(names: readonly string[]): string[] {
  const lines: string[] = [];
  for (const name of names) {
    const longer = `${lines.at(-1)}, ${name}`;
    if (lines.length > 0 && longer.length <= LINE_WIDTH) lines[lines.length - 1] = longer;
    else lines.push(`    ${name}`);
  }
  return lines;
}
