-- Operators find a device by its id, whoever has it, and a deed by the id of its request.
-- Locks: SHARE on sync_state and audit_log until the indexes are built (devices that push wait; one second for a million states).
CREATE INDEX sync_state_client ON public.sync_state (client_id, user_id);
CREATE INDEX audit_log_request ON public.audit_log (request_id);
UPDATE public.schema_metadata SET value = '1.17.0', updated_at = now() WHERE key = 'schema_version';
