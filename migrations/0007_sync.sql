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
  profile_client_id varchar(255),
  -- Settings and sessions, deleted ones too, and the bytes of those that stand: an account has so many and no more.
  document_count integer NOT NULL DEFAULT 0,
  document_bytes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50); -- room on the page for the next version: no change touches the index

INSERT INTO public.sync_heads (user_id, change_no, profile_change_no, profile_changed_at)
  SELECT u.id, 1, 1, u.updated_at FROM public.users u;

-- What devices keep with the server beside cards and the profile; of cards only that their rows were deleted.
CREATE TABLE public.sync_documents (
  user_id uuid NOT NULL CONSTRAINT sync_documents_user REFERENCES public.users ON DELETE CASCADE,
  entity_type varchar(50) NOT NULL,
  entity_id varchar(255) NOT NULL,
  -- Canonical JSON, kept as the text it is: jsonb writes out numbers such as 1e308 in full. NULL: it was deleted, which
  -- devices that were away have yet to learn.
  data json,
  -- NULL beside data: they were written directly. Who needs it computes it.
  checksum varchar(64),
  change_no bigint NOT NULL,
  client_id varchar(255),
  changed_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sync_documents_pkey PRIMARY KEY (user_id, entity_type, entity_id),
  CONSTRAINT sync_documents_entity_type CHECK (
    entity_type IN ('settings', 'session') OR entity_type = 'card' AND data IS NULL),
  CONSTRAINT sync_documents_checksum CHECK ((data IS NOT NULL OR checksum IS NULL) AND length(checksum) = 64)
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

-- Whether there is a number in it that no double holds: devices could not read it.
CREATE FUNCTION public.has_huge_number(value jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT jsonb_path_exists(value, '$.** ? (@.type() == "number"
    && (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308))')
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
  IF public.has_huge_number(NEW.metadata) THEN
    RAISE EXCEPTION 'the metadata of a card hold a number beyond what a double holds'
      USING ERRCODE = 'check_violation', TABLE = 'cards', CONSTRAINT = 'cards_metadata_numbers';
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

-- Remembers of a card whose row is deleted that it is no more, unless its account goes or has gone with it.
CREATE FUNCTION public.cards_number_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM public.users u WHERE u.id = OLD.user_id AND u.erased_at IS NULL) THEN
    INSERT INTO public.sync_documents AS d (user_id, entity_type, entity_id, change_no)
      VALUES (OLD.user_id, 'card', OLD.id::text, public.take_change_no(OLD.user_id))
    ON CONFLICT ON CONSTRAINT sync_documents_pkey DO UPDATE
      SET change_no = excluded.change_no, client_id = NULL, changed_at = now();
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER cards_number_delete AFTER DELETE ON public.cards
  FOR EACH ROW WHEN (OLD.change_no IS NOT NULL) EXECUTE FUNCTION public.cards_number_delete();

-- Numbers a change of a document that did not bring its number along, and checks what only a direct write can bring.
CREATE FUNCTION public.sync_documents_number_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.user_id, NEW.entity_type, NEW.entity_id) IS DISTINCT FROM (OLD.user_id, OLD.entity_type, OLD.entity_id) THEN
      RAISE EXCEPTION 'a document keeps its name: insert it under the new one, and delete it under the old one'
        USING ERRCODE = 'check_violation', TABLE = 'sync_documents', CONSTRAINT = 'sync_documents_name';
    ELSIF NEW.data::text IS NOT DISTINCT FROM OLD.data::text THEN
      RETURN NEW;
    ELSIF NEW.checksum IS NOT DISTINCT FROM OLD.checksum THEN
      NEW.checksum := NULL;
    END IF;
    NEW.client_id := NULL;
  END IF;
  IF NEW.data IS NOT NULL AND (jsonb_typeof(NEW.data::text::jsonb) <> 'object'
    OR public.has_huge_number(NEW.data::text::jsonb)) THEN
    RAISE EXCEPTION 'settings and sessions are JSON objects with numbers that a double holds'
      USING ERRCODE = 'check_violation', TABLE = 'sync_documents', CONSTRAINT = 'sync_documents_data';
  END IF;
  NEW.change_no := public.take_change_no(NEW.user_id);
  NEW.changed_at := now();
  UPDATE public.sync_heads h SET document_count = h.document_count + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE 0 END,
      document_bytes = h.document_bytes + coalesce(octet_length(NEW.data::text), 0)
        - CASE TG_OP WHEN 'UPDATE' THEN coalesce(octet_length(OLD.data::text), 0) ELSE 0 END
    WHERE h.user_id = NEW.user_id AND NEW.entity_type <> 'card';
  RETURN NEW;
END
$$;

CREATE TRIGGER sync_documents_number_insert BEFORE INSERT ON public.sync_documents
  FOR EACH ROW WHEN (NEW.change_no IS NULL) EXECUTE FUNCTION public.sync_documents_number_change();
CREATE TRIGGER sync_documents_number_update BEFORE UPDATE ON public.sync_documents
  FOR EACH ROW WHEN (NEW.change_no = OLD.change_no) EXECUTE FUNCTION public.sync_documents_number_change();

-- Deleting the row of a document empties it instead: devices that are away have yet to learn that it is no more. With
-- the account it goes.
CREATE FUNCTION public.sync_documents_number_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM public.users u WHERE u.id = OLD.user_id AND u.erased_at IS NULL) THEN
    RETURN OLD;
  END IF;
  UPDATE public.sync_documents d SET data = NULL, checksum = NULL
    WHERE d.user_id = OLD.user_id AND d.entity_type = OLD.entity_type AND d.entity_id = OLD.entity_id
      AND d.data IS NOT NULL;
  RETURN NULL;
END
$$;

CREATE TRIGGER sync_documents_number_delete BEFORE DELETE ON public.sync_documents
  FOR EACH ROW EXECUTE FUNCTION public.sync_documents_number_delete();

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

-- 3. Pulling -----------------------------------------------------------------------------------------------

-- How long the data of a card get as JSON, in bytes and nearly: exactly what text needs, and what jsonb writes of metadata.
CREATE FUNCTION public.card_json_bytes(title text, content text, tags text[], metadata jsonb) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(octet_length(to_json(title)::text), 4)::bigint + octet_length(to_json(content)::text)
    + coalesce(octet_length(to_json(tags)::text), 2) + octet_length(metadata::text)
$$;

-- Up to `items_max` changes of the caller after a number, in order, and fewer where they get longer than `bytes_max` as
-- JSON, but one at least. Each row has the epoch, the newest number, and how many changes there are, counted up to
-- `items_max` + 1; where there is none, one row says so. No row at all: the key is dead. A `checksum` of NULL beside
-- data is to be computed. Costs what it brings: each of the three sources has its entities in order by index.
CREATE FUNCTION public.pull_changes(caller_id uuid, key_id uuid, after bigint, items_max integer, bytes_max bigint)
RETURNS TABLE (
  epoch text, head bigint, found bigint, change_no bigint, entity_type text, entity_id text, checksum varchar(64),
  is_deleted boolean, data json, client_id varchar(255), changed_at timestamptz
) LANGUAGE plpgsql STABLE
-- A plan that is made once, and holds from an empty table on, whether or not anything was ever analysed: by the indexes
-- that are in order, and never by the user alone.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH page AS (
      SELECT p.*, row_number() OVER (ORDER BY p.change_no) AS place, count(*) OVER () AS found,
        sum(p.stored_bytes) OVER (ORDER BY p.change_no) - p.stored_bytes AS stored_before
      FROM (
        SELECT p.* FROM (
          (SELECT c.change_no, 'card' AS entity_type, c.id::text AS entity_id, c.id AS card_id,
            octet_length(c.content)::bigint AS stored_bytes
          FROM public.cards c
          -- "> 0" names the indexes.
          WHERE c.user_id = caller_id AND c.change_no > after AND c.change_no > 0
          ORDER BY c.change_no LIMIT items_max + 1)
          UNION ALL
          (SELECT d.change_no, d.entity_type, d.entity_id, NULL, coalesce(octet_length(d.data::text), 0)
          FROM public.sync_documents d
          WHERE d.user_id = caller_id AND d.change_no > after AND d.change_no > 0
            -- A card whose row was deleted, and that is there again.
            AND CASE WHEN d.entity_type = 'card'
              THEN NOT EXISTS (SELECT FROM public.cards c WHERE c.id = d.entity_id::uuid) ELSE true END
          ORDER BY d.change_no LIMIT items_max + 1)
          UNION ALL
          SELECT h.profile_change_no, 'user_profile', 'me', NULL, 0
          FROM public.sync_heads h WHERE h.user_id = caller_id AND h.profile_change_no > after
        ) p
        ORDER BY p.change_no LIMIT items_max + 1
      ) p
    )
    SELECT m.value::text, coalesce(h.change_no, 0), p.found, p.change_no, p.entity_type::text, p.entity_id::text,
      p.checksum, p.is_deleted, p.data, p.client_id, p.changed_at
    FROM public.users u
    JOIN public.schema_metadata m ON m.key = 'sync_epoch'
    LEFT JOIN public.sync_heads h ON h.user_id = u.id
    LEFT JOIN LATERAL (
      SELECT p.*, sum(p.json_bytes) OVER (ORDER BY p.change_no) AS bytes_through
      FROM (
        SELECT p.found, p.place, p.change_no, p.entity_type, p.entity_id,
          CASE p.entity_type WHEN 'card' THEN c.checksum WHEN 'user_profile' THEN NULL ELSE d.checksum END AS checksum,
          CASE p.entity_type WHEN 'card' THEN c.is_published IS NOT TRUE WHEN 'user_profile' THEN false
            ELSE d.data IS NULL END AS is_deleted,
          CASE
            WHEN p.entity_type = 'user_profile' THEN json_build_object('display_name', u.display_name, 'bio', u.bio,
              'avatar_url', u.avatar_url, 'profile_url', u.profile_url)
            WHEN p.entity_type <> 'card' THEN d.data
            WHEN c.is_published THEN json_build_object('title', c.title, 'content', c.content,
              'privacy_level', c.privacy_level, 'category', c.category, 'tags', c.tags, 'metadata', c.metadata)
            END AS data,
          CASE p.entity_type WHEN 'card' THEN c.change_client_id WHEN 'user_profile' THEN h.profile_client_id
            ELSE d.client_id END AS client_id,
          CASE WHEN p.entity_type = 'user_profile' THEN h.profile_changed_at
            ELSE coalesce(greatest(c.created_at, c.published_at, c.edited_at, c.withdrawn_at), d.changed_at)
            END AS changed_at,
          -- What is around the data, with the longest names that there are.
          2000 + octet_length(to_json(p.entity_id)::text) + CASE
            WHEN p.entity_type = 'user_profile' THEN 70000
            WHEN p.entity_type <> 'card' THEN p.stored_bytes
            WHEN c.is_published THEN public.card_json_bytes(c.title, c.content, c.tags, c.metadata)
            ELSE 0 END AS json_bytes
        FROM page p
        -- LIMIT 1 keeps these look-ups by their whole keys.
        LEFT JOIN LATERAL (SELECT c.* FROM public.cards c WHERE c.id = p.card_id LIMIT 1) c ON true
        LEFT JOIN LATERAL (
          SELECT d.* FROM public.sync_documents d
          WHERE d.user_id = u.id AND d.entity_type = p.entity_type AND d.entity_id = p.entity_id LIMIT 1) d ON true
        -- Stored, texts are no longer than as JSON, and that is known without reading them.
        WHERE p.place <= items_max AND p.stored_before <= bytes_max
      ) p
    ) p ON p.bytes_through <= bytes_max OR p.place = 1
    WHERE u.id = caller_id AND u.is_active AND (u.account_key_id = key_id OR public.api_key_is_live(key_id, u.id))
    ORDER BY p.change_no;
END
$$;

UPDATE public.schema_metadata SET value = '1.4.0', updated_at = now() WHERE key = 'schema_version';
