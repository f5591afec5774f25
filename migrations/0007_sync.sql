-- Sync: every change of what a user's devices keep in step gets a number, and the newest state of everything is
-- found by it.
-- Locks: ACCESS EXCLUSIVE on cards, users and sync_state while it runs; the cards that exist are rewritten once, to be
-- numbered.
--
-- The idea in one paragraph: a user's changes are numbered 1, 2, 3 … from one row a user, which stays locked until the
-- commit. So the next number can't be taken before the one before has become visible: whoever has read all changes
-- up to a number never finds another below it. (Numbers of a sequence are taken before commits and commit in another
-- order.) Each entity carries the number of its latest change; what came after a number is read by index.

CREATE TABLE public.sync_heads (
  user_id uuid CONSTRAINT sync_heads_pkey PRIMARY KEY
    CONSTRAINT sync_heads_user REFERENCES public.users ON DELETE CASCADE,
  -- The number of the user's newest change.
  change_no bigint NOT NULL,
  -- The newest change of the profile, whose fields stand in users: the row there changes with every payment.
  profile_change_no bigint NOT NULL,
  profile_changed_at timestamptz NOT NULL,
  -- The device that made it; NULL: none did.
  profile_client_id varchar(255)
) WITH (fillfactor = 50); -- room on the page for the next version: no change touches the index

INSERT INTO public.sync_heads (user_id, change_no, profile_change_no, profile_changed_at)
  SELECT u.id, 1, 1, u.updated_at FROM public.users u;

-- What devices keep with the server beside cards and the profile.
CREATE TABLE public.sync_documents (
  user_id uuid NOT NULL CONSTRAINT sync_documents_user REFERENCES public.users ON DELETE CASCADE,
  entity_type varchar(50) NOT NULL,
  entity_id varchar(255) NOT NULL,
  -- Canonical JSON, kept as the text it is: jsonb writes out numbers such as 1e308 in full. NULL: it was deleted, which
  -- devices that were away have yet to learn.
  data json,
  checksum varchar(64),
  change_no bigint NOT NULL,
  client_id varchar(255),
  changed_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sync_documents_pkey PRIMARY KEY (user_id, entity_type, entity_id),
  CONSTRAINT sync_documents_entity_type CHECK (entity_type IN ('settings', 'session')),
  CONSTRAINT sync_documents_checksum CHECK ((data IS NULL) = (checksum IS NULL) AND length(checksum) = 64)
);

-- Indexes that begin with the user and serve lists are partial, with a condition that holds for every row of the list
-- and that only the list asks for. Otherwise the planner, while the tables are small, may look single rows up in them
-- as well as by their key, and keep that plan when they are large.
CREATE UNIQUE INDEX sync_documents_change_no ON public.sync_documents (user_id, change_no) WHERE change_no > 0;

-- The number by which a version is told from an equal one that came before or after it: A, B, and A again.
ALTER TABLE public.sync_state
  -- Of the version that `remote_checksum` names; 0: there never was one.
  ADD COLUMN remote_revision bigint,
  -- Of the version that the last push was made over which this device was told is in step: by it and `local_checksum` the
  -- same push is known again. NULL: the push did not say.
  ADD COLUMN base_revision bigint;

-- Which history the numbers are of. A database that was taken back to an earlier state gets another one, so that
-- nobody goes on from what is no more.
INSERT INTO public.schema_metadata (key, value) VALUES ('sync_epoch', replace(gen_random_uuid()::text, '-', ''));

-- Lists of sync_state go from the newest row to the oldest, of one status or of all.
DROP INDEX public.sync_state_user_status;
CREATE INDEX sync_state_user_status ON public.sync_state (user_id, sync_status, id) WHERE retry_count >= 0;
CREATE INDEX sync_state_user ON public.sync_state (user_id, id) WHERE retry_count >= 0;

DROP INDEX public.cards_user_published;
CREATE INDEX cards_user_published ON public.cards (user_id, published_at DESC, id DESC) WHERE is_published;

-- A card that was never published has no number: devices never hear of it.
ALTER TABLE public.cards
  ADD COLUMN change_no bigint,
  -- The device that made the latest change; NULL: none did.
  ADD COLUMN change_client_id varchar(255);

ALTER TABLE public.cards DISABLE TRIGGER update_cards_updated_at;
UPDATE public.cards c SET change_no = n.change_no, change_client_id = c.source_client_id
  FROM (
    SELECT c.id, 1 + row_number() OVER (PARTITION BY c.user_id ORDER BY c.created_at, c.id) AS change_no
    FROM public.cards c WHERE c.is_published OR c.withdrawn_at IS NOT NULL
  ) n
  WHERE n.id = c.id;
ALTER TABLE public.cards ENABLE TRIGGER update_cards_updated_at;
UPDATE public.sync_heads h SET change_no = n.change_no
  FROM (SELECT c.user_id, max(c.change_no) AS change_no FROM public.cards c GROUP BY c.user_id) n
  WHERE n.user_id = h.user_id AND n.change_no IS NOT NULL;

CREATE UNIQUE INDEX cards_change_no ON public.cards (user_id, change_no) WHERE change_no > 0;

-- 1. Numbers ---------------------------------------------------------------------------------------------

-- Takes a number for each element, in order; NULL for NULL. Locks the users' heads in id order until the commit. Who
-- locks users does that first.
CREATE FUNCTION public.take_change_nos(user_ids uuid[]) RETURNS bigint[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  change_nos bigint[];
BEGIN
  WITH wanted AS (
    SELECT w.user_id, count(*) AS count FROM unnest(user_ids) w (user_id) WHERE w.user_id IS NOT NULL GROUP BY w.user_id
  ), taken AS (
    INSERT INTO public.sync_heads AS h (user_id, change_no, profile_change_no, profile_changed_at)
      SELECT w.user_id, 1 + w.count, 1, now() FROM wanted w ORDER BY w.user_id
    ON CONFLICT ON CONSTRAINT sync_heads_pkey DO UPDATE SET change_no = h.change_no + excluded.change_no - 1
    RETURNING h.user_id, h.change_no
  )
  SELECT array_agg(t.change_no - w.count + i.place ORDER BY i.no) INTO change_nos
    FROM (
      SELECT i.user_id, i.no, row_number() OVER (PARTITION BY i.user_id ORDER BY i.no) AS place
      FROM unnest(user_ids) WITH ORDINALITY AS i (user_id, no)
    ) i
    LEFT JOIN taken t ON t.user_id = i.user_id
    LEFT JOIN wanted w ON w.user_id = i.user_id;
  RETURN change_nos;
END
$$;

-- Takes one number. A transaction that writes many rows of one user one by one would make as many versions of its head,
-- and walk through all of them for each row: 30 s for 45,000 cards. So it reserves more numbers with every turn and keeps
-- what is left of them in a setting of its own, which a rollback takes back together with the rows. Numbers may be left
-- out.
CREATE FUNCTION public.take_change_no(user_id uuid) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  -- Whose numbers, the next one, the last one, and how many were reserved.
  reserved text[] := string_to_array(current_setting('extrophi.change_nos', true), ' ');
  next_no bigint;
  last_no bigint;
  size bigint := 1;
BEGIN
  IF reserved[1] = user_id::text THEN
    next_no := reserved[2];
    last_no := reserved[3];
    size := reserved[4];
  END IF;
  IF next_no IS NULL OR next_no > last_no THEN
    size := CASE WHEN next_no IS NULL THEN 1 ELSE least(size * 2, 1000) END;
    INSERT INTO public.sync_heads AS h (user_id, change_no, profile_change_no, profile_changed_at)
      VALUES (take_change_no.user_id, 1 + size, 1, now())
    ON CONFLICT ON CONSTRAINT sync_heads_pkey DO UPDATE SET change_no = h.change_no + size
    RETURNING h.change_no INTO last_no;
    next_no := last_no - size + 1;
  END IF;
  PERFORM set_config('extrophi.change_nos', concat_ws(' ', user_id, next_no + 1, last_no, size), true);
  RETURN next_no;
END
$$;

-- Begins another history after the database was taken back to an earlier state: by `restore`, or by whoever did it in
-- another way. Devices then find out, by their cursors, that they may know of changes which are no more; and no number
-- that was given to one of those is given again. Locks all heads. To be called before anything new is written.
CREATE FUNCTION public.renew_sync_epoch() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE public.schema_metadata SET value = replace(gen_random_uuid()::text, '-', ''), updated_at = now()
    WHERE key = 'sync_epoch';
  -- More than an account can have lost, and so little that two million restores stay within what a double counts.
  UPDATE public.sync_heads SET change_no = change_no + 4294967296;
END
$$;

-- Numbers a change of a card that did not bring its number along.
CREATE FUNCTION public.cards_number_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.change_client_id := coalesce(NEW.change_client_id, NEW.source_client_id);
  ELSIF NEW.change_no IS DISTINCT FROM OLD.change_no
    OR NOT (NEW.is_published OR OLD.change_no IS NOT NULL)
    OR (NEW.is_published, NEW.title, NEW.content, NEW.privacy_level, NEW.category, NEW.tags, NEW.metadata)
      IS NOT DISTINCT FROM
      (OLD.is_published, OLD.title, OLD.content, OLD.privacy_level, OLD.category, OLD.tags, OLD.metadata)
  THEN
    RETURN NEW;
  ELSE
    NEW.change_client_id := NULL;
  END IF;
  NEW.change_no := public.take_change_no(NEW.user_id);
  RETURN NEW;
END
$$;

CREATE TRIGGER cards_number_insert BEFORE INSERT ON public.cards
  FOR EACH ROW WHEN (NEW.change_no IS NULL AND NEW.is_published)
  EXECUTE FUNCTION public.cards_number_change();
-- No WHEN, which would be parsed anew for every payment: the columns alone say that payments are not meant.
CREATE TRIGGER cards_number_update
  BEFORE UPDATE OF title, content, privacy_level, category, tags, metadata, is_published ON public.cards
  FOR EACH ROW EXECUTE FUNCTION public.cards_number_change();

-- Numbers a change of the profile. The device that made it is noted by whoever knows it.
CREATE FUNCTION public.users_number_profile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.display_name, NEW.bio, NEW.avatar_url, NEW.profile_url)
    IS NOT DISTINCT FROM (OLD.display_name, OLD.bio, OLD.avatar_url, OLD.profile_url)
  THEN
    RETURN NULL;
  END IF;
  INSERT INTO public.sync_heads AS h (user_id, change_no, profile_change_no, profile_changed_at)
    VALUES (NEW.id, 1, 1, now())
  ON CONFLICT ON CONSTRAINT sync_heads_pkey DO UPDATE SET change_no = h.change_no + 1,
    profile_change_no = h.change_no + 1, profile_changed_at = now(), profile_client_id = NULL;
  RETURN NULL;
END
$$;

CREATE TRIGGER users_number_insert AFTER INSERT ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.users_number_profile();
CREATE TRIGGER users_number_profile AFTER UPDATE OF display_name, bio, avatar_url, profile_url ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.users_number_profile();

-- 2. States and withdrawals ----------------------------------------------------------------------------------------------

-- The checksum of a profile: SHA-256 of its canonical JSON (RFC 8785). to_json escapes in texts what JavaScript does,
-- and in the same way.
CREATE FUNCTION public.profile_checksum(display_name text, bio text, avatar_url text, profile_url text)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT public.sha256_hex('{"avatar_url":' || coalesce(to_json(avatar_url)::text, 'null')
    || ',"bio":' || coalesce(to_json(bio)::text, 'null')
    || ',"display_name":' || coalesce(to_json(display_name)::text, 'null')
    || ',"profile_url":' || coalesce(to_json(profile_url)::text, 'null') || '}')
$$;

-- Withdraws cards that were not withdrawn before, for the devices in `client_ids` (NULL: none); returns how many. The
-- text goes, the card's id, address and history stay. The slug keeps its random end, by which every address that the
-- card had is still found and answers 410; the id before it keeps apart cards that others than the server named, whose
-- ends may be the same. The content hash stays as well: by it the author can bring the card back. The caller has locked
-- the owners' rows.
CREATE FUNCTION public.withdraw_cards(card_ids uuid[], client_ids varchar[]) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  ids uuid[];
  owner_ids uuid[];
  clients varchar[];
  change_nos bigint[];
  withdrawn integer;
BEGIN
  SELECT array_agg(c.id ORDER BY w.no), array_agg(c.user_id ORDER BY w.no), array_agg(w.client_id ORDER BY w.no)
    INTO ids, owner_ids, clients
    FROM unnest(card_ids, client_ids) WITH ORDINALITY AS w (card_id, client_id, no)
    JOIN public.cards c ON c.id = w.card_id AND c.withdrawn_at IS NULL;
  change_nos := public.take_change_nos(owner_ids);
  UPDATE public.cards c SET title = NULL, content = '', tags = '{}', metadata = '{}', checksum = NULL,
      slug = 'card-' || replace(c.id::text, '-', '') || '-' || right(c.slug, 8),
      public_url = '/cards/card-' || replace(c.id::text, '-', '') || '-' || right(c.slug, 8),
      source_session_id = NULL, source_client_id = NULL, is_published = false, withdrawn_at = now(),
      change_no = w.change_no, change_client_id = w.client_id
    FROM unnest(ids, clients, change_nos) AS w (id, client_id, change_no)
    WHERE c.id = w.id;
  GET DIAGNOSTICS withdrawn = ROW_COUNT;
  RETURN withdrawn;
END
$$;

-- Publishing and pushing both write the state of a card on its device, the second time with the same values. PostgreSQL would
-- write row and index entries once more: a quarter of what a push of new cards costs. Its own function skips an update that
-- changes nothing; it fires before the trigger that sets updated_at, in the order of their names.
CREATE TRIGGER sync_state_skip_same BEFORE UPDATE ON public.sync_state
  FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();

-- Room on the page for the next version: a push that finds the status unchanged touches no index.
ALTER TABLE public.sync_state SET (fillfactor = 80);

UPDATE public.schema_metadata SET value = '1.4.0', updated_at = now() WHERE key = 'schema_version';
