-- Takes away what integrity checks have recorded: roots that were noted can't be expected any more.
DROP TABLE public.integrity_results, public.integrity_heads, public.integrity_checks;

UPDATE public.schema_metadata SET value = '1.6.0', updated_at = now() WHERE key = 'schema_version';
