-- Takes away every table and every row in it.
DROP TABLE public.sync_state, public.idempotency_records, public.transaction_notes, public.extropy_ledger, public.attributions, public.former_card_texts, public.cards,
  public.api_keys, public.users, public.schema_metadata;
DROP TYPE public.user_role;
DROP FUNCTION public.uuid_v7();
