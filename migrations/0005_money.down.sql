-- Takes the calls away; attributions and entries stay.
DROP FUNCTION public.send_transfers(uuid[], uuid[], varchar[], varchar[], uuid[], text[], decimal[], text[]);
DROP FUNCTION public.attribute_cards(uuid[], uuid[], varchar[], varchar[], uuid[], uuid[], uuid[], uuid[], varchar[],
  decimal[], text[], jsonb[]);
UPDATE public.schema_metadata SET value = '1.1.0', updated_at = now() WHERE key = 'schema_version';
