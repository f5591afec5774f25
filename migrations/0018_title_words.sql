-- The words of titles, so that operators find cards by them however many there are.
-- Locks: SHARE on cards while the index is built (publishing and payments wait, readers don't; a second for 100,000 cards).

-- The words of a title, in lower case and as they stand there (no stemming, no stop words), of its first 500 characters: a word
-- of more than 2,046 bytes could not be kept. What writers put between words parts them, so that nothing is read as an address, a
-- path, a tag or a number with a sign; where words are not parted, in Chinese and Japanese, each character is one.
CREATE FUNCTION public.title_words(title text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_tsvector('pg_catalog.simple', regexp_replace(left(title, 500),
    '([\u2E80-\u2FDF\u3040-\u30FF\u31F0-\u31FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFF])'
    '|[./<&+\u00A0\u00A1\u00AB\u00B7\u00BB\u00BF\u2000-\u206F\u3000-\u303F\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65-]',
    ' \1 ', 'g'))
$$;

-- New words wait in a list of their own, of 16 MB at most (70,000 cards), which the server sorts in every few seconds: whoever
-- finds it full sorts it in himself, and a commit that others wait for would take half a second.
CREATE INDEX cards_title_words ON public.cards USING gin (public.title_words(title)) WITH (gin_pending_list_limit = 16384)
  WHERE is_published;

-- Sorts in what waits; returns how many pages of the list that were. Only the owner of an index may.
CREATE FUNCTION public.sort_in_title_words() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT gin_clean_pending_list('public.cards_title_words')
$$;
REVOKE EXECUTE ON FUNCTION public.sort_in_title_words() FROM PUBLIC;

UPDATE public.schema_metadata SET value = '1.15.0', updated_at = now() WHERE key = 'schema_version';
