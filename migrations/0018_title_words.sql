-- The words of titles, so that operators find cards by them however many there are.
-- Locks: SHARE on cards while the index is built (publishing and citing wait, readers don't; a second for 100,000 cards).

-- The words of a title, in lower case and as they stand there (no stemming, no stop words), of its first 200 characters: a member
-- can put a different one into each. Signs and pictures of all kinds part words; where words are not parted, in Chinese and
-- Japanese, each character is one. PostgreSQL's own parser of texts knows addresses, paths and tags, looks ahead for them from each
-- word to the end (8 ms for a title of `a@1a@1…`, when everybody's publish waits), and takes all that is not ASCII for a letter
-- in a database whose letters are those of C.
CREATE FUNCTION public.title_words(title text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_to_tsvector(array_remove(string_to_array(regexp_replace(lower(left(title, 200)),
    '([\u2E80-\u2FDF\u3040-\u30FF\u31F0-\u31FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFF])'
    '|[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00A9\u00AB-\u00B1\u00B4\u00B6-\u00B8\u00BB\u00BF\u00D7\u00F7'
    '\u05BE\u060C\u061B\u061F\u06D4\u0964\u0965\u2000-\u206F\u20A0-\u20CF\u2190-\u2BFF\u2E00-\u2E7F\u3000-\u303F\uFE00-\uFE0F'
    '\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65\U0001F000-\U0001FAFF]+',
    ' \1 ', 'g'), ' '), ''))
$$;

-- New words wait in a list of their own, of 16 MB at most (70,000 cards), which the server sorts in every second: whoever finds
-- it full sorts it in himself, and a commit that others wait for would take half a second.
CREATE INDEX cards_title_words ON public.cards USING gin (public.title_words(title)) WITH (gin_pending_list_limit = 16384)
  WHERE is_published;

-- Sorts in what waits; returns how many pages of the list that were. Only the owner of an index may.
CREATE FUNCTION public.sort_in_title_words() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT gin_clean_pending_list('public.cards_title_words')
$$;
REVOKE EXECUTE ON FUNCTION public.sort_in_title_words() FROM PUBLIC;

UPDATE public.schema_metadata SET value = '1.15.0', updated_at = now() WHERE key = 'schema_version';
