-- The search box of a server from before looks for neither; what is there stays as it is.
-- Locks: ACCESS EXCLUSIVE on sync_state and audit_log for a moment.
DROP INDEX public.audit_log_request, public.sync_state_client;
UPDATE public.schema_metadata SET value = '1.16.0', updated_at = now() WHERE key = 'schema_version';
