-- What operators browse by: indexes for filters over everybody's rows, remembered analytics, and bookmarks of the
-- statistics of accounts with long ledgers.
-- Locks: ACCESS EXCLUSIVE on cards while its rows are written anew with their ranks (everybody waits), SHARE on
-- extropy_ledger and attributions while their indexes are built (writers wait, readers don't).

-- What one type of entry is, where that type is rare: of the three that every citation and every publish writes,
-- a page is found in extropy_ledger_created soon. Those three pay nothing for this but a look at their type.
CREATE INDEX extropy_ledger_rare ON public.extropy_ledger (transaction_type, created_at DESC, id DESC)
  WHERE transaction_type NOT IN ('publish_reward', 'attribution_payment', 'attribution_received');

-- The same by amount: whoever looks for a payment knows how much it was.
CREATE INDEX extropy_ledger_rare_amount ON public.extropy_ledger (amount, created_at DESC, id DESC)
  WHERE transaction_type NOT IN ('publish_reward', 'attribution_payment', 'attribution_received');

-- Where an amount may be among the others. They have one of a few amounts each; this tells in which stretches of the
-- table (128 pages) another one can stand, exactly or by size. 140 kB for a million entries, where a B-tree has 20 MB.
CREATE INDEX extropy_ledger_amount ON public.extropy_ledger
  USING brin (amount numeric_bloom_ops (n_distinct_per_range = 200), amount numeric_minmax_ops)
  WITH (autosummarize = on)
  WHERE transaction_type IN ('publish_reward', 'attribution_payment', 'attribution_received');

-- New rows come in at one end of it.
CREATE INDEX attributions_created ON public.attributions (created_at DESC, id DESC);

-- Those that were undone, which are few.
CREATE INDEX attributions_reversed ON public.attributions (created_at DESC, id DESC) WHERE reversed_at IS NOT NULL;

-- Beside cards_published: empty but for what was withdrawn.
CREATE INDEX cards_withdrawn ON public.cards (published_at DESC, id DESC) WHERE NOT is_published;

-- Where a card stands among those that are cited and earn most: NULL for most of them, then one more each time that the
-- number doubles. An index on the numbers themselves would be written with every payment; these change so rarely that
-- payments go on updating cards in place. Whoever lists the first cards looks through the highest ranks.
ALTER TABLE public.cards
  ADD COLUMN citation_rank smallint GENERATED ALWAYS AS (nullif(width_bucket(attribution_count, ARRAY[
    8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288, 1048576]), 0)) STORED,
  ADD COLUMN earning_rank smallint GENERATED ALWAYS AS (nullif(width_bucket(extropy_earned, ARRAY[
    4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288]::decimal[]), 0)) STORED;
CREATE INDEX cards_citation_rank ON public.cards (citation_rank DESC) WHERE citation_rank IS NOT NULL;
CREATE INDEX cards_earning_rank ON public.cards (earning_rank DESC) WHERE earning_rank IS NOT NULL;

-- What an account's entries added up to as far as `user_seq`, so that only those behind are added up again. An entry
-- never changes, and has that hash only where all those before it are the same.
CREATE TABLE public.stats_bookmarks (
  user_id uuid CONSTRAINT stats_bookmarks_pkey PRIMARY KEY
    CONSTRAINT stats_bookmarks_user REFERENCES public.users ON DELETE CASCADE,
  user_seq bigint NOT NULL,
  entry_hash varchar(64) NOT NULL,
  -- A list of {type, count, earned, spent}.
  totals jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Analytics of attributions as they were at `as_of`, for the days from `from_day` on, up to and without `to_day`.
CREATE TABLE public.attribution_reports (
  from_day date NOT NULL,
  to_day date NOT NULL,
  as_of timestamptz NOT NULL,
  -- What it took to make.
  duration_ms integer NOT NULL,
  report jsonb NOT NULL,
  CONSTRAINT attribution_reports_pkey PRIMARY KEY (from_day, to_day)
);

UPDATE public.schema_metadata SET value = '1.6.0', updated_at = now() WHERE key = 'schema_version';
