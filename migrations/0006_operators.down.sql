-- Takes the operators' calls away, and the audit log with every row in it; entries stay.
DROP FUNCTION public.reverse_movements(uuid[], uuid[], varchar[], varchar[], varchar[], uuid[], bigint[], text[]);
DROP FUNCTION public.adjust_balances(uuid[], uuid[], varchar[], varchar[], varchar[], uuid[], uuid[], varchar[], decimal[],
  text[], decimal[]);
DROP INDEX public.users_inactive, public.users_operators, public.users_display_name_prefix, public.users_email_prefix,
  public.users_username_prefix, public.users_created;
DROP TABLE public.audit_reasons, public.audit_log;
DROP FUNCTION public.audit_refuse_change();
UPDATE public.schema_metadata SET value = '1.2.0', updated_at = now() WHERE key = 'schema_version';
