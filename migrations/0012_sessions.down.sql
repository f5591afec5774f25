-- Takes the sessions away: whoever is signed in has to sign in again.
DROP INDEX public.sync_state_unsettled;
DROP INDEX public.audit_log_transaction;
DROP TABLE public.operator_sessions;
UPDATE public.schema_metadata SET value = '1.8.0', updated_at = now() WHERE key = 'schema_version';
