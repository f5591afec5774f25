-- Takes pushing away; what was pushed stays.
DROP FUNCTION public.push_changes(uuid[], uuid[], varchar[], varchar[], varchar[], bigint[], integer[], varchar[], varchar[],
  text[], bigint[], varchar[], text[], varchar[], text[], text[], varchar[], text[], decimal, integer, integer, integer, bigint);
DROP FUNCTION public.refuse_documents(public.push_decision[], integer, bigint);
DROP TYPE public.push_decision;

UPDATE public.schema_metadata SET value = '1.4.0', updated_at = now() WHERE key = 'schema_version';
