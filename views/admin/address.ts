// Addresses of lists: what they are filtered and sorted by stands in the query, so that it survives reload and Back.

import { attribute } from "../components/text.tsx";

/** The query as it was asked for, without what is empty. */
export type RawQuery = Readonly<Record<string, string>>;

/** Whether a list leaves something out: what is no filter are the page, its length and the order. */
export function isFiltered(raw: RawQuery): boolean {
  return Object.keys(raw).some(name => !["cursor", "limit", "sort"].includes(name));
}

/** What asks for a list changes the list, what its form keeps, and whether it was slow; nothing else of the page. */
export const SWAPPED = {
  "hx-target": "#list",
  "hx-select": "#list",
  "hx-select-oob": "#kept,#slow",
  "hx-swap": "outerHTML",
} as const;

/** A list's address with something changed (undefined: left out), as an attribute's value. A change begins at the first page. */
export function hrefWith(path: string, raw: RawQuery, changes: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...raw, cursor: undefined, ...changes })) {
    if (value !== undefined && value !== "") query.set(name, value);
  }
  return attribute(query.size > 0 ? `${path}?${query}` : path);
}
