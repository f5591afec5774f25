-- Sessions of operators in a browser, and what their pages look things up by.
-- Locks: SHARE ROW EXCLUSIVE on users for the foreign key, SHARE on audit_log and sync_state while their indexes are built
-- (writers wait, readers don't); the table is new.

-- Each rests on the key that it was begun with: where that ends, so does the session. Only a hash of what the browser
-- holds is here, so that whoever reads the table can't take a session over.
CREATE TABLE public.operator_sessions (
  -- SHA-256 of the token, hex.
  token_hash varchar(64) CONSTRAINT operator_sessions_pkey PRIMARY KEY,
  user_id uuid NOT NULL CONSTRAINT operator_sessions_user REFERENCES public.users ON DELETE CASCADE,
  -- users.account_key_id of then, or a row of api_keys.
  key_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT operator_sessions_token_hash CHECK (length(token_hash) = 64)
);
CREATE INDEX operator_sessions_user_id ON public.operator_sessions (user_id);
CREATE INDEX operator_sessions_last_seen ON public.operator_sessions (last_seen_at);

-- The record of a movement, for the page of its entry.
CREATE INDEX audit_log_transaction ON public.audit_log (transaction_id) WHERE transaction_id IS NOT NULL;

-- What is not in step, of everybody: the newest first. What is in step, nearly all of it, costs nothing here.
CREATE INDEX sync_state_unsettled ON public.sync_state (id) INCLUDE (sync_status) WHERE sync_status <> 'synced';

UPDATE public.schema_metadata SET value = '1.9.0', updated_at = now() WHERE key = 'schema_version';
