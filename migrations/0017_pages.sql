-- What the admin pages find people's rows by, so that a page reads as much of a large ledger as of a small one: who has
-- most, the citations that somebody has made, and somebody's entries of rare types.
-- Locks: ACCESS EXCLUSIVE on users, whose rows are written anew with their ranks, until the end (everybody waits), SHARE on
-- attributions and extropy_ledger while their indexes are built. In this order: whoever writes to those two holds users already, and
-- would wait for this while this waits for them.

-- As cards have ranks: NULL for those who have little, then one more each time that the balance doubles. It changes so
-- rarely that payments go on updating accounts in place.
ALTER TABLE public.users
  ADD COLUMN balance_rank smallint GENERATED ALWAYS AS (nullif(width_bucket(extropy_balance, ARRAY[
    64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288, 1048576, 2097152, 4194304,
    8388608]::decimal[]), 0)) STORED;
CREATE INDEX users_balance_rank ON public.users (balance_rank DESC) WHERE balance_rank IS NOT NULL;
-- Nothing is known of a new column until then, and a page of the richest would look at everybody.
ANALYZE public.users;

-- What somebody has made, newest first. With whom it cites, so that those of two accounts are found in the index alone.
CREATE INDEX attributions_target_user ON public.attributions (target_user_id, created_at DESC, id DESC)
  INCLUDE (source_user_id);

-- The rare types again (0009_browse.sql), of one account: payments and publishing only look at their type.
CREATE INDEX extropy_ledger_rare_user ON public.extropy_ledger (user_id, transaction_type, created_at DESC, id DESC)
  WHERE transaction_type NOT IN ('publish_reward', 'attribution_payment', 'attribution_received');

UPDATE public.schema_metadata SET value = '1.14.0', updated_at = now() WHERE key = 'schema_version';
