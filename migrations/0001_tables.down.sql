-- Takes away every table and every row in it.
DROP TABLE public.sync_state, public.transaction_notes, public.extropy_ledger, public.attributions, public.cards,
  public.api_keys, public.users, public.schema_metadata;
DROP FUNCTION public.sha256_hex(text);
DROP FUNCTION public.ledger_entry_text(varchar, bigint, uuid, bigint, uuid, varchar, numeric, numeric, numeric,
  uuid, uuid, bigint, varchar, text, jsonb, timestamptz);
DROP FUNCTION public.uuid_v7();
