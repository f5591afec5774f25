-- What there was at the end of each closed day, for the overview: entries never change, so that neither does their sum.
-- Locks: none that anybody waits for; the table is new.

-- Each row can be made again from the ledger, and all are when they don't fit it any more (src/admin/ledger-days.ts).
CREATE TABLE public.ledger_days (
  day date CONSTRAINT ledger_days_pkey PRIMARY KEY,
  -- All entries until then.
  entries bigint NOT NULL,
  -- How many of each type.
  by_type jsonb NOT NULL,
  -- What they issued and burned, by the type of entry that did it.
  supply jsonb NOT NULL,
  -- Cards that were published until then, those that were withdrawn since included.
  cards bigint NOT NULL
);

UPDATE public.schema_metadata SET value = '1.10.0', updated_at = now() WHERE key = 'schema_version';
