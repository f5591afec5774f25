-- Takes away the words of titles; cards are found by them no more.
-- Locks: ACCESS EXCLUSIVE on cards for a moment.
DROP FUNCTION public.sort_in_title_words();
DROP INDEX public.cards_title_words;
DROP FUNCTION public.title_words(text);
UPDATE public.schema_metadata SET value = '1.14.0', updated_at = now() WHERE key = 'schema_version';
