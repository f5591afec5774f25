// Addresses of lists: what they are filtered and sorted by stands in the query, so that it survives reload and Back.

import { attribute } from "../components/text.tsx";

/** The query as it was asked for, without what is empty. */
export type RawQuery = Readonly<Record<string, string>>;

/** A list's address with something changed (undefined: left out), as an attribute's value. A change begins at the first page. */
export function hrefWith(path: string, raw: RawQuery, changes: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...raw, cursor: undefined, ...changes })) {
    if (value !== undefined && value !== "") query.set(name, value);
  }
  return attribute(query.size > 0 ? `${path}?${query}` : path);
}
