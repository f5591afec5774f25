-- Takes the views away, and the system account where nothing refers to it.
DO $$
DECLARE
  entries bigint := (SELECT count(*) FROM public.extropy_ledger WHERE user_id = '00000000-0000-0000-0000-000000000000');
BEGIN
  IF entries > 0 THEN
    RAISE EXCEPTION 'the system account has % ledger entries, and ledger entries are never deleted', entries;
  END IF;
END
$$;
DELETE FROM public.users WHERE id = '00000000-0000-0000-0000-000000000000';
DROP VIEW public.extropy_supply, public.card_attribution_analytics, public.recent_transactions, public.user_balance_summary;
