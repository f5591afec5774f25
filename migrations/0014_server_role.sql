-- Least privilege: what the server's own role can't do by itself, functions do for it as the owner of the tables.
-- Locks: none that anybody waits for.
--
-- The role itself belongs to no migration: roles are the cluster's, and their names the operator's. `migrate apply` grants
-- what src/migrate/server-privileges.ts lists. The role can't write entries or heads: entries come in through
-- post_entries and through the first balance of a new account, and what cards earn through attributions.

-- Whoever could call one of these would post what they like, and whoever could put one of the triggers on a table of their
-- own would do so in the owner's name: hence nobody may but the owner, and the roles that `migrate apply` names.
ALTER FUNCTION public.post_entries(public.ledger_posting[]) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE EXECUTE ON FUNCTION public.post_entries(public.ledger_posting[]) FROM PUBLIC;
ALTER FUNCTION public.users_open_account() SECURITY DEFINER;
REVOKE EXECUTE ON FUNCTION public.users_open_account() FROM PUBLIC;
ALTER FUNCTION public.update_card_extropy_earned() SECURITY DEFINER;
REVOKE EXECUTE ON FUNCTION public.update_card_extropy_earned() FROM PUBLIC;

-- The live keys of one prefix with their hashes, at most ten: who verifies a key needs no others. `scopes` is NULL for
-- an account key.
CREATE FUNCTION public.find_keys(prefix varchar)
RETURNS TABLE (user_id uuid, key_id uuid, key_hash varchar, is_account_key boolean, scopes text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT u.id, u.account_key_id, u.api_key_hash, true, NULL::text[]
  FROM public.users u WHERE u.api_key_prefix = find_keys.prefix AND u.is_active
  UNION ALL
  SELECT k.user_id, k.id, k.key_hash, k.kind = 'retiring', k.scopes
  FROM public.api_keys k JOIN public.users u ON u.id = k.user_id AND u.is_active
  WHERE k.key_prefix = find_keys.prefix AND (k.expires_at IS NULL OR k.expires_at > now())
  LIMIT 10
$$;
REVOKE EXECUTE ON FUNCTION public.find_keys(varchar) FROM PUBLIC;

-- Keeps an account's key, if it is still that of `key_id`, among the keys beside it for another day, so that its hash need
-- not be read. The caller has locked the account and then gives it a new key.
CREATE FUNCTION public.retire_account_key(user_id uuid, key_id uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO public.api_keys (id, user_id, kind, name, key_hash, key_prefix, scopes, expires_at)
  SELECT u.account_key_id, u.id, 'retiring', 'account key before the rotation', u.api_key_hash, u.api_key_prefix,
    '{}', now() + interval '24 hours'
  FROM public.users u WHERE u.id = retire_account_key.user_id AND u.account_key_id = retire_account_key.key_id
$$;
REVOKE EXECUTE ON FUNCTION public.retire_account_key(uuid, uuid) FROM PUBLIC;

UPDATE public.schema_metadata SET value = '1.11.0', updated_at = now() WHERE key = 'schema_version';
