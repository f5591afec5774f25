-- Takes -1.00 for 1.00 again when a page of amounts is looked for.
-- Locks: ACCESS EXCLUSIVE on extropy_ledger until the index is built.
DROP INDEX public.extropy_ledger_amount;
CREATE INDEX extropy_ledger_amount ON public.extropy_ledger
  USING brin (amount numeric_bloom_ops (n_distinct_per_range = 200), amount numeric_minmax_ops)
  WITH (autosummarize = on)
  WHERE transaction_type IN ('publish_reward', 'attribution_payment', 'attribution_received');
UPDATE public.schema_metadata SET value = '1.15.0', updated_at = now() WHERE key = 'schema_version';
