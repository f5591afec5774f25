-- What the entries of closed days add up to, for the overview: entries never change, so that neither does their sum.
-- Locks: none that anybody waits for; the table is new.

-- Each row can be made again from the ledger, and all are when they don't fit it any more (src/admin/ledger-days.ts).
CREATE TABLE public.ledger_days (
  day date CONSTRAINT ledger_days_pkey PRIMARY KEY,
  entries bigint NOT NULL,
  -- How many entries of each type.
  by_type jsonb NOT NULL,
  -- What was issued and burned, by the type of entry that did it.
  supply jsonb NOT NULL
);

UPDATE public.schema_metadata SET value = '1.10.0', updated_at = now() WHERE key = 'schema_version';
