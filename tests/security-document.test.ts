// SECURITY.md shows each promise by a test: here, that there is such a test.

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./support.ts";

const text = readFileSync(join(PROJECT, "SECURITY.md"), "utf8");
const promises = text.slice(text.indexOf("## Promises"));
const rows = promises.split("\n").filter(line => line.startsWith("| ") && !line.startsWith("| promise"));
const citations = [...promises.matchAll(/`([a-z-]+\.test\.ts)`: "([^"]+)"/g)].map(
  ([, file = "", title = ""]) => [file, title] as const,
);

/** The titles of tests and of what describes them, as they stand in the file. */
function titlesOf(file: string): string[] {
  const source = readFileSync(join(PROJECT, "tests", file), "utf8");
  const call = /\b(?:test|describe)(?:\.\w+(?:\([^\n]*?\))?)?\(\s*(["'`])((?:(?!\1).)*)\1/g;
  return [...source.matchAll(call)].map(([, , title = ""]) => title);
}

test.each(citations)("%s has a test %p", (file, title) => {
  expect(existsSync(join(PROJECT, "tests", file))).toBe(true);
  expect(titlesOf(file).filter(known => known.includes(title))).not.toEqual([]);
});

test("every promise is shown by a test, and a title that there is not would be missed", () => {
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter(row => !/\| `[a-z-]+\.test\.ts`: "/.test(row))).toEqual([]);
  expect(titlesOf("keys.test.ts")).not.toContain("no such title");
});
