-- Takes the views away, and the system account unless entries refer to it: those are never deleted.
DELETE FROM public.users u WHERE u.id = '00000000-0000-0000-0000-000000000000'
  AND NOT EXISTS (SELECT FROM public.extropy_ledger l WHERE l.user_id = u.id);
DROP VIEW public.extropy_supply, public.card_attribution_analytics, public.recent_transactions, public.user_balance_summary;
