-- What clients can make grow has an end, and the server's role loses rights that only erasures and checks of the books need.
-- Locks: ACCESS EXCLUSIVE on sync_heads and integrity_results, SHARE ROW EXCLUSIVE on sync_state (pushes wait while its rows
-- are counted, readers don't).

-- 1. States of devices -----------------------------------------------------------------------------------

-- Rows of sync_state, counted so that nobody has to.
ALTER TABLE public.sync_heads ADD COLUMN state_count integer NOT NULL DEFAULT 0;

LOCK TABLE public.sync_state IN SHARE ROW EXCLUSIVE MODE;
UPDATE public.sync_heads h SET state_count = s.count
  FROM (SELECT s.user_id, count(*) AS count FROM public.sync_state s GROUP BY s.user_id) s
  WHERE h.user_id = s.user_id;

-- An account has at most 100,000 states; where more come, the oldest are forgotten, down to 99,000, so that this is done
-- once for a thousand new ones. Nothing is lost with a state: a device whose conflict was forgotten pushes, and is told of it
-- anew. No more than 10,000 go at once, in case there are many more from before this was counted.
--
-- Whoever writes states has locked their users, so that heads need not be written in order.
CREATE FUNCTION public.sync_state_count_added() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  crowded record;
BEGIN
  FOR crowded IN
    UPDATE public.sync_heads h SET state_count = h.state_count + a.count
    FROM (SELECT a.user_id, count(*) AS count FROM added a GROUP BY a.user_id) a
    WHERE h.user_id = a.user_id
    RETURNING h.user_id, h.state_count
  LOOP
    IF crowded.state_count > 100000 THEN
      DELETE FROM public.sync_state s WHERE s.id = ANY (ARRAY(
        SELECT o.id FROM public.sync_state o WHERE o.user_id = crowded.user_id AND o.retry_count >= 0
        ORDER BY o.id LIMIT least(crowded.state_count - 99000, 10000)));
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

CREATE FUNCTION public.sync_state_count_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE public.sync_heads h SET state_count = h.state_count - r.count
    FROM (SELECT r.user_id, count(*) AS count FROM removed r GROUP BY r.user_id) r
    WHERE h.user_id = r.user_id;
  RETURN NULL;
END
$$;

-- Once a statement, and not for each of the 500 states of a push.
CREATE TRIGGER sync_state_count_insert AFTER INSERT ON public.sync_state
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.sync_state_count_added();
CREATE TRIGGER sync_state_count_delete AFTER DELETE ON public.sync_state
  REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.sync_state_count_removed();

-- 2. Erasing an account ----------------------------------------------------------------------------------

-- The last step of an erasure, and the only way to it: the account, whose balance was burned, gets a name that tells nobody, and
-- with it goes what the server's role can't delete by itself: notes that the owner wrote, reasons that operators gave for
-- what they did to the account, remembered answers, and texts that cards had. What an operator wrote about others stays
-- when that operator's own account is erased: it is about them, and nobody gets rid of the traces of his deeds by leaving.
-- Raises object_not_in_prerequisite_state where there is no such account, it is the system's or was erased before, or it
-- still holds tokens. The caller has locked the account.
CREATE FUNCTION public.erase_account(user_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  new_name text := 'erased-' || gen_random_uuid();
BEGIN
  UPDATE public.users u SET username = new_name, email = new_name || '@erased.invalid', display_name = NULL, bio = NULL,
      avatar_url = NULL, profile_url = NULL, metadata = '{}', role = 'member', is_active = false, email_verified = false,
      last_login_at = NULL, api_key_hash = new_name, api_key_prefix = 'erased', account_key_id = public.uuid_v7(),
      erased_at = now()
    WHERE u.id = erase_account.user_id AND u.erased_at IS NULL AND u.extropy_balance = 0
      AND u.id <> '00000000-0000-0000-0000-000000000000';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no account to be erased, or it still holds tokens'
      USING ERRCODE = 'object_not_in_prerequisite_state', TABLE = 'users';
  END IF;
  DELETE FROM public.transaction_notes n WHERE n.author_id = erase_account.user_id;
  DELETE FROM public.audit_reasons r USING public.audit_log a
    WHERE r.audit_id = a.id AND (a.user_id = erase_account.user_id OR a.counterparty_id = erase_account.user_id);
  DELETE FROM public.idempotency_records i WHERE i.user_id = erase_account.user_id;
  DELETE FROM public.former_card_texts f WHERE f.user_id = erase_account.user_id;
END
$$;
REVOKE EXECUTE ON FUNCTION public.erase_account(uuid) FROM PUBLIC;

-- 3. Checks of the books ---------------------------------------------------------------------------------

-- When a check last found a violation; NULL: none did since this is noted. No later result takes that away.
ALTER TABLE public.integrity_results ADD COLUMN violated_at timestamptz;

-- Notes what a check found, unless a later one was noted. A time to come is the present: a result that is dated ahead would
-- silence all that come after it. `violations` counts by the name of the invariant.
CREATE FUNCTION public.note_integrity_result(
  is_full boolean, checked_at timestamptz, entries_checked bigint, violations jsonb
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO public.integrity_results AS r (is_full, checked_at, entries_checked, violations, violated_at)
    SELECT note_integrity_result.is_full, t.at, note_integrity_result.entries_checked, note_integrity_result.violations,
      CASE WHEN EXISTS (SELECT FROM jsonb_each_text(note_integrity_result.violations) v WHERE v.value <> '0') THEN t.at END
    FROM (SELECT least(note_integrity_result.checked_at, clock_timestamp()) AS at) t
  ON CONFLICT ON CONSTRAINT integrity_results_pkey DO UPDATE SET checked_at = excluded.checked_at,
    entries_checked = excluded.entries_checked, violations = excluded.violations,
    violated_at = coalesce(excluded.violated_at, r.violated_at)
    WHERE r.checked_at <= excluded.checked_at
$$;
REVOKE EXECUTE ON FUNCTION public.note_integrity_result(boolean, timestamptz, bigint, jsonb) FROM PUBLIC;

-- Whoever locks it locks integrity_checks, so that one full check runs at a time. The server's role may not change records,
-- and PostgreSQL lets nobody lock what he may not change; of a sum there is nothing to change. No function could do it: its
-- call would take the snapshot of the check before the wait for the lock.
CREATE VIEW public.integrity_turn AS SELECT count(*) AS checks FROM public.integrity_checks;

UPDATE public.schema_metadata SET value = '1.13.0', updated_at = now() WHERE key = 'schema_version';
