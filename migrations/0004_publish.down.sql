-- Takes the publish call away; cards and entries stay.
DROP FUNCTION public.publish_cards(uuid[], uuid[], varchar[], varchar[], varchar[], integer[], uuid[], text[], text[], varchar[], text[],
  varchar[], varchar[], varchar[], varchar[], text[], jsonb[], integer[], decimal, integer);
DROP TYPE public.publish_decision;
DROP FUNCTION public.request_states(uuid[], uuid[], varchar[], varchar[]);
DROP TYPE public.request_state;
DROP FUNCTION public.api_key_is_live(uuid, uuid);
UPDATE public.schema_metadata SET value = '1.0.0', updated_at = now() WHERE key = 'schema_version';
