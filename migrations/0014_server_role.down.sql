DROP FUNCTION public.retire_account_key(uuid, uuid);
DROP FUNCTION public.find_keys(varchar);
GRANT EXECUTE ON FUNCTION public.update_card_extropy_earned() TO PUBLIC;
ALTER FUNCTION public.update_card_extropy_earned() SECURITY INVOKER;
GRANT EXECUTE ON FUNCTION public.users_open_account() TO PUBLIC;
ALTER FUNCTION public.users_open_account() SECURITY INVOKER;
GRANT EXECUTE ON FUNCTION public.post_entries(public.ledger_posting[]) TO PUBLIC;
ALTER FUNCTION public.post_entries(public.ledger_posting[]) SECURITY INVOKER RESET search_path;
UPDATE public.schema_metadata SET value = '1.10.0', updated_at = now() WHERE key = 'schema_version';
