-- Takes away what can be made again from the entries.
DROP TABLE public.ledger_days;
UPDATE public.schema_metadata SET value = '1.9.0', updated_at = now() WHERE key = 'schema_version';
