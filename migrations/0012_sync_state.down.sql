-- Writes states once more, also where nothing changes.
ALTER TABLE public.sync_state RESET (fillfactor);
DROP TRIGGER sync_state_skip_same ON public.sync_state;

UPDATE public.schema_metadata SET value = '1.8.0', updated_at = now() WHERE key = 'schema_version';
