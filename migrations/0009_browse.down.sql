-- Takes away what can be made again from the rows that stay.
DROP TABLE public.attribution_reports;
DROP TABLE public.stats_bookmarks;
ALTER TABLE public.cards DROP COLUMN earning_rank, DROP COLUMN citation_rank;
DROP INDEX public.cards_withdrawn;
DROP INDEX public.attributions_reversed;
DROP INDEX public.attributions_created;
DROP INDEX public.extropy_ledger_amount;
DROP INDEX public.extropy_ledger_rare_amount;
DROP INDEX public.extropy_ledger_rare;
UPDATE public.schema_metadata SET value = '1.5.0', updated_at = now() WHERE key = 'schema_version';
