-- What clean full integrity checks leave behind: their root, and the users' heads that make it.
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

UPDATE public.schema_metadata SET value = '1.7.0', updated_at = now() WHERE key = 'schema_version';
