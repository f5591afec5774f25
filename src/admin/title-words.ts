// Titles by their words: each word of what is looked for begins a word of the title, in any order.

import type { Fragment, Sql } from "../db.ts";

/** Of a card `c`: its title has words that begin with all of these. False where `words` has no word at all. */
export function hasTitleWords(sql: Sql, words: string): Fragment {
  const sought = sql`unnest(tsvector_to_array(public.title_words(${words}))) word`;
  // A title is taken to pieces, which takes ten times as long, where the letters are there at all. Neither pattern nor query needs
  // anything escaped: what is a sign in them parts words.
  return sql`
    lower(c.title) LIKE ALL (ARRAY(SELECT '%' || word || '%' FROM ${sought}))
    AND public.title_words(c.title) @@ (SELECT string_agg(quote_literal(word) || ':*', ' & ')::tsquery FROM ${sought})`;
}
