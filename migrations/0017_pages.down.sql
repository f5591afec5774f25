-- Takes away what the pages of 0017_pages.sql are found by; they take longer then.
-- Locks: ACCESS EXCLUSIVE on users, attributions and extropy_ledger for a moment.
DROP INDEX public.users_balance_rank;
ALTER TABLE public.users DROP COLUMN balance_rank;
DROP INDEX public.extropy_ledger_rare_user;
DROP INDEX public.attributions_target_user;
UPDATE public.schema_metadata SET value = '1.13.0', updated_at = now() WHERE key = 'schema_version';
