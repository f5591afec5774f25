-- Limits of requests, bad keys and registrations hold over several processes: each adds what it counted.
-- Locks: none that anybody waits for; the table is new.

-- UNLOGGED: after a crash everybody begins anew, and counting costs no WAL. A window is a row; when it is over the row begins
-- anew, or is deleted within a minute or two (src/rates/exchange.ts).
CREATE UNLOGGED TABLE public.rate_counts (
  kind varchar(20) NOT NULL,
  -- SHA-256 of the kind and of the key's id or the address: addresses are nobody's to read.
  name varchar(64) NOT NULL,
  count integer NOT NULL,
  ends_at timestamptz NOT NULL,
  CONSTRAINT rate_counts_pkey PRIMARY KEY (kind, name),
  CONSTRAINT rate_counts_not_negative CHECK (count >= 0)
);

UPDATE public.schema_metadata SET value = '1.12.0', updated_at = now() WHERE key = 'schema_version';
