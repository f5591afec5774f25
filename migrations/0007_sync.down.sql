-- Takes sync away: settings, sessions and the numbers of changes; cards, profiles and sync_state stay.
ALTER TABLE public.sync_state RESET (fillfactor);
DROP TRIGGER sync_state_skip_same ON public.sync_state;
DROP FUNCTION public.withdraw_cards(uuid[], varchar[]);
DROP FUNCTION public.profile_checksum(text, text, text, text);
DROP TRIGGER users_number_profile ON public.users;
DROP TRIGGER users_number_insert ON public.users;
DROP FUNCTION public.users_number_profile();
DROP TRIGGER cards_number_update ON public.cards;
DROP TRIGGER cards_number_insert ON public.cards;
DROP FUNCTION public.cards_number_change();
DROP FUNCTION public.renew_sync_epoch();
DROP FUNCTION public.take_change_no(uuid);
DROP FUNCTION public.take_change_nos(uuid[]);
ALTER TABLE public.cards DROP COLUMN change_no, DROP COLUMN change_client_id;
DROP INDEX public.cards_user_published;
CREATE INDEX cards_user_published ON public.cards (user_id, published_at DESC, id DESC);
DROP INDEX public.sync_state_user;
DROP INDEX public.sync_state_user_status;
CREATE INDEX sync_state_user_status ON public.sync_state (user_id, sync_status);
ALTER TABLE public.sync_state DROP COLUMN base_revision, DROP COLUMN remote_revision;
DELETE FROM public.schema_metadata WHERE key = 'sync_epoch';
DROP TABLE public.sync_documents, public.sync_heads;

UPDATE public.schema_metadata SET value = '1.3.0', updated_at = now() WHERE key = 'schema_version';
