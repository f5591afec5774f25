// Definitions as PostgreSQL prints them, brought to one form: versions 15 to 18 print the same thing in
// different ways here and there, and so does a database that was restored from a dump.

/** The text that stands for a definition, the same for every way in which PostgreSQL 15 to 18 may print it. */
export function canonical(definition: string): string {
  return withoutLonePrefix(withTextLists(definition));
}

const VARCHAR_LITERAL = /\(('(?:[^']|'')*')::character varying\)::text/g;
const VARCHAR_ARRAY =
  /\(ARRAY\[('(?:[^']|'')*'::character varying(?:, '(?:[^']|'')*'::character varying)*)\]\)::text\[\]/g;

/**
 * `x IN ('a', 'b')` on a varchar is printed in one way when it was written by hand and in another when it was
 * restored from a dump of itself. Both become ARRAY['a'::text, 'b'::text].
 */
function withTextLists(definition: string): string {
  return definition
    .replace(VARCHAR_LITERAL, "$1::text")
    .replace(VARCHAR_ARRAY, (_, items: string) => `ARRAY[${items.replaceAll("'::character varying", "'::text")}]`);
}

const LONE_RELATION = /\n {3}FROM public\.(\w+)(?: (\w+))?(?=;|\n {2}\w)/;

/**
 * Where a view reads a single relation, PostgreSQL 15 prints its columns with their table and later ones without.
 * Subqueries name the table of every column in all versions, so nothing is lost by leaving out this one.
 */
function withoutLonePrefix(definition: string): string {
  const [, relation, alias] = LONE_RELATION.exec(definition) ?? [];
  return relation === undefined
    ? definition
    : definition.replaceAll(new RegExp(`\\b${alias ?? relation}\\.(?=\\w)`, "g"), "");
}
