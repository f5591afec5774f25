-- What integrity checks leave behind: of clean full ones their root, and the users' heads that make it; of the others
-- what they found.
-- Locks: none that anybody waits for; everything here is new.

-- A full check that found no violation. Nothing here is protected by triggers: what protects a record is its root, which
-- is computed again from the heads whenever the record is used, and which an auditor keeps elsewhere.
CREATE TABLE public.integrity_checks (
  id bigserial CONSTRAINT integrity_checks_pkey PRIMARY KEY,
  checked_at timestamptz NOT NULL,
  -- What is visible of transactions that began before this, the check has seen.
  settled_at timestamptz NOT NULL,
  -- SHA-256 over the heads of all users (docs/integrity.md).
  root varchar(64) NOT NULL,
  -- By type of entry: issued, burned, entries.
  supply jsonb NOT NULL
);
CREATE INDEX integrity_checks_root ON public.integrity_checks (root);

-- The heads of users whose head has moved since the check before. user_id is no foreign key: a user who vanished
-- must be missed.
CREATE TABLE public.integrity_heads (
  user_id uuid NOT NULL,
  check_id bigint NOT NULL CONSTRAINT integrity_heads_check REFERENCES public.integrity_checks,
  entry_count bigint NOT NULL,
  head_hash varchar(64) NOT NULL,
  CONSTRAINT integrity_heads_pkey PRIMARY KEY (user_id, check_id)
);

-- What the last check of everything and the last check of what was new have found, for alarms: a check that a command
-- made is seen by the servers' metrics.
CREATE TABLE public.integrity_results (
  is_full boolean CONSTRAINT integrity_results_pkey PRIMARY KEY,
  checked_at timestamptz NOT NULL,
  entries_checked bigint NOT NULL,
  -- How many there are, by the name of the invariant.
  violations jsonb NOT NULL
);

UPDATE public.schema_metadata SET value = '1.7.0', updated_at = now() WHERE key = 'schema_version';
