// The query of an address as text by name. Elysia's own reading, where a schema stands behind it, makes a list of
// every value with a comma in it and JSON of what is in brackets: nobody could search for "one, two".

import { z } from "zod";
import { integerBetween } from "./integer.ts";

/** Digits and nothing else: JavaScript takes "0x10", "1e2" and " 7" for numbers, too. */
const DIGITS = /^[0-9]+$/;

/** A parameter that is a whole number; `standard` where it is missing. */
export function wholeNumber({ min, max, standard }: Readonly<{ min: number; max: number; standard: number }>) {
  return z.preprocess(
    text => (typeof text === "string" && DIGITS.test(text) ? Number(text) : text),
    integerBetween(min, max).default(standard),
  );
}

/** Each name's value; a name that comes twice has a list of them, which no schema takes for a text. */
export function readQuery(address: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = Object.create(null);
  const start = address.indexOf("?");
  if (start === -1) return query;
  for (const [name, value] of new URLSearchParams(address.slice(start))) {
    const before = query[name];
    query[name] = before === undefined ? value : [before, value].flat();
  }
  return query;
}
