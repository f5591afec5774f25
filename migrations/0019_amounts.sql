-- Where in the ledger an amount may stand, with its sign. The filters of 0009_browse.sql (bloom) take -1.00 for 1.00, which every
-- stretch of the table has: PostgreSQL's hash of a number leaves the sign out. They also tell nothing of amounts from 0.20 to
-- 0.40. Of the few amounts of each stretch, each is noted now.
-- Locks: ACCESS EXCLUSIVE on extropy_ledger until the index is built (everybody waits; half a second for a million entries).
DROP INDEX public.extropy_ledger_amount;
CREATE INDEX extropy_ledger_amount ON public.extropy_ledger
  USING brin (amount numeric_minmax_multi_ops) WITH (autosummarize = on)
  WHERE transaction_type IN ('publish_reward', 'attribution_payment', 'attribution_received');
UPDATE public.schema_metadata SET value = '1.16.0', updated_at = now() WHERE key = 'schema_version';
