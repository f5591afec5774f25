// A list of texts as PostgreSQL reads a text[]: for COPY, and for connections that were not told about types.

/** A text[] as PostgreSQL reads it. */
export function arrayLiteral(elements: readonly string[]): string {
  return `{${elements.map(element => `"${element.replace(/[\\"]/g, "\\$&")}"`).join(",")}}`;
}
