-- Takes the counts away; each process counts for itself then.
DROP TABLE public.rate_counts;
UPDATE public.schema_metadata SET value = '1.11.0', updated_at = now() WHERE key = 'schema_version';
