// The query of an address as text by name. Elysia's own reading, where a schema stands behind it, makes a list of
// every value with a comma in it and JSON of what is in brackets: nobody could search for "one, two".

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
