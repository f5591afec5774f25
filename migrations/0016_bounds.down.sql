-- States of devices have no end again. The rights that the server's role had come back with the next start of a release
-- that knows no functions for them.
DROP VIEW public.integrity_turn;
DROP FUNCTION public.note_integrity_result(boolean, timestamptz, bigint, jsonb);
ALTER TABLE public.integrity_results DROP COLUMN violated_at;
DROP FUNCTION public.erase_account(uuid);
DROP TRIGGER sync_state_count_delete ON public.sync_state;
DROP TRIGGER sync_state_count_insert ON public.sync_state;
DROP FUNCTION public.sync_state_count_removed();
DROP FUNCTION public.sync_state_count_added();
ALTER TABLE public.sync_heads DROP COLUMN state_count;

UPDATE public.schema_metadata SET value = '1.12.0', updated_at = now() WHERE key = 'schema_version';
