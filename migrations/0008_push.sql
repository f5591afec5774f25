-- Pushing: what devices send is decided and written in one statement, for any number of requests.
-- Locks: none that anybody waits for; everything here is new.

-- What becomes of one pushed entity. `outcome` is
--   refused          it came with an error;
--   foreign-id       a card of somebody else has this id;
--   not-published    a card of the caller's that devices don't know has this id;
--   unknown-checksum the card was written directly: whoever called computes its checksum and calls again;
--   no-conflict      (resolving) this device was told of none, or something else was agreed on since;
--   same             nothing changes;
--   superseded       this device pushed the very same over the same base before, and was told or should have been told that
--                    it is in step; somebody has changed it since;
--   taken            (resolving) the device takes what the server has;
--   conflict         the server has something else than what the device saw;
--   quota-exceeded   the account has as many settings and sessions, or bytes of them, as an account may have;
--   answer-full      a conflict, too, whose data would make the answer too long;
--   duplicate-card   another card of the caller's has this text: `other_id`;
--   document, profile, change, withdraw, publish: accepted, and what is done for it.
CREATE TYPE public.push_decision AS (
  user_id uuid, card_id uuid, outcome text, server_checksum varchar(64), server_revision bigint, other_id uuid,
  -- By how much a document gets longer.
  growth integer
);

-- Of documents that an account has no room for, those that fit, one after the other: the others become `quota-exceeded`.
-- One is never refused for what makes it shorter.
CREATE FUNCTION public.refuse_documents(
  decisions public.push_decision[], documents_max integer, document_bytes_max bigint
) RETURNS public.push_decision[] LANGUAGE plpgsql STABLE AS $$
DECLARE
  current_user_id uuid;
  documents bigint;
  bytes bigint;
  is_new boolean;
  decided record;
BEGIN
  FOR decided IN
    SELECT d.*, h.document_count, h.document_bytes
    FROM unnest(decisions) WITH ORDINALITY
      AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, no)
    JOIN public.sync_heads h ON h.user_id = d.user_id
    WHERE d.outcome = 'document' ORDER BY d.user_id, d.no
  LOOP
    IF decided.user_id IS DISTINCT FROM current_user_id THEN
      current_user_id := decided.user_id;
      documents := decided.document_count;
      bytes := decided.document_bytes;
    END IF;
    is_new := decided.server_revision = 0;
    IF is_new AND documents >= documents_max OR decided.growth > 0 AND bytes + decided.growth > document_bytes_max THEN
      decisions[decided.no::integer].outcome := 'quota-exceeded';
    ELSE
      documents := documents + is_new::integer;
      bytes := bytes + decided.growth;
    END IF;
  END LOOP;
  RETURN decisions;
END
$$;

-- Decides and writes what devices push, each request in itself: an entity that fails leaves the others alone.
--
-- The first six arrays have one element a request: who calls (each caller once), with which key, from which device
-- and under which name, and the epoch and number of the cursor that the device has (NULL: it does not say). The others have one element an entity, in the order of the requests; no request has an entity
-- twice. `data_texts` and `checksums` are NULL for a deletion. Cards have the hash of their text and both parts of the
-- address that they get if they are new. `base_checksums` is what the device saw, and empty or NULL where it saw nothing;
-- `base_revisions` the number of the change that made it, 0 where it never saw anything, and NULL where it does not say.
-- `resolutions` is NULL, or how a conflict is to be resolved: then a base of NULL, and a revision of NULL, stand for what
-- the device was last told of. `errors` names why an entity was refused before: then it is only recorded.
--
-- Returns one row an entity (`entity_no` from 1 on, counted over all requests), and one with entity_no NULL for a
-- request that has none. `state` is `done`, `unauthenticated`, or `cursor-gone`, where the device has seen changes that are
-- no more: then nothing was done for that request. `server_data`
-- is what the server has, for conflicts and what is taken, up to `answer_bytes_max` of JSON a request; `checksum` is the
-- server's afterwards, `revision` the number of the change that made it. Where any outcome is `unknown-checksum`, nothing at all was done, and only those rows come.
--
-- Locks the callers' rows in id order, then their heads. Raises unique_violation where a direct write takes an id, a slug
-- or a text at the same moment.
CREATE FUNCTION public.push_changes(
  caller_ids uuid[], key_ids uuid[], client_ids varchar[], device_names varchar[], epochs varchar[], cursor_nos bigint[],
  request_nos integer[], entity_types varchar[], entity_ids varchar[], base_checksums text[], base_revisions bigint[],
  checksums varchar[],
  data_texts text[], content_hashes varchar[], slug_stems text[], slug_ends text[], resolutions varchar[], errors text[],
  reward decimal, rewards_per_day integer, answer_bytes_max integer, documents_max integer, document_bytes_max bigint
) RETURNS TABLE (
  request_no integer, entity_no integer, state text, outcome text, checksum varchar(64), revision bigint, server_data json,
  other_id uuid
) LANGUAGE plpgsql VOLATILE
-- As in publish_cards: plans that are made once, and hold from an empty table on.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  no_keys varchar[] := array_fill(NULL::varchar, ARRAY[cardinality(caller_ids)]);
  states public.request_state[];
  decisions public.push_decision[];
  outcomes text[];
  change_nos bigint[];
  revisions bigint[];
  fresh record;
BEGIN
  PERFORM FROM public.users u WHERE u.id = ANY (caller_ids) ORDER BY u.id FOR NO KEY UPDATE;
  -- Whoever else writes holds the head until the commit: what is read from here on is not changed before this is done.
  PERFORM FROM public.sync_heads h WHERE h.user_id = ANY (caller_ids) ORDER BY h.user_id FOR NO KEY UPDATE;
  states := public.request_states(caller_ids, key_ids, no_keys, no_keys);
  IF array_remove(epochs, NULL) <> '{}' THEN
    states := ARRAY(
      SELECT CASE WHEN r.state = 'new' AND (r.epoch <> m.value OR r.cursor_no > h.change_no)
        THEN ROW('cursor-gone', NULL)::public.request_state ELSE ROW(r.state, r.answer)::public.request_state END
      FROM unnest(caller_ids, epochs, cursor_nos, states) WITH ORDINALITY
        AS r (caller_id, epoch, cursor_no, state, answer, no)
      LEFT JOIN public.schema_metadata m ON m.key = 'sync_epoch'
      LEFT JOIN public.sync_heads h ON h.user_id = r.caller_id
      ORDER BY r.no);
  END IF;

  -- 1. What is there, and what the device saw of it.
  SELECT array_agg(ROW(
      d.user_id, d.card_id,
      CASE WHEN d.bytes > 0 AND d.bytes_through > answer_bytes_max AND d.bytes_through > d.bytes THEN 'answer-full'
        WHEN d.text_place > 1 THEN 'duplicate-card'
        ELSE d.outcome END,
      d.server_checksum, d.server_revision,
      CASE WHEN d.text_place > 1 THEN d.first_id ELSE d.other_id END,
      CASE d.outcome WHEN 'document' THEN coalesce(octet_length(d.data_text), 0) - coalesce(octet_length(d.data::text), 0)
        END
    )::public.push_decision ORDER BY d.no)
    INTO decisions
    FROM (
      SELECT o.*,
        sum(o.bytes) OVER (PARTITION BY o.user_id ORDER BY o.no) AS bytes_through,
        -- Of new texts that are alike, the first is taken.
        CASE WHEN o.outcome IN ('change', 'publish') THEN row_number() OVER same_text END AS text_place,
        first_value(o.card_id) OVER same_text AS first_id
      FROM (
        SELECT o.*,
          -- Card texts get longer as JSON; those that don't fit as they are stored need not be measured.
          CASE WHEN o.stored_bytes > 0 THEN 1000 + CASE
            WHEN o.content IS NOT NULL AND sum(o.stored_bytes) OVER (PARTITION BY o.user_id ORDER BY o.no) <= answer_bytes_max
              THEN public.card_json_bytes(o.title, o.content, o.tags, o.metadata)
            ELSE o.stored_bytes END ELSE 0 END AS bytes
        FROM (
        SELECT o.*,
          CASE WHEN o.outcome IN ('conflict', 'superseded')
            THEN coalesce(octet_length(o.content), octet_length(o.data::text), 70000)::bigint ELSE 0 END AS stored_bytes
        FROM (
          SELECT s.*, CASE
              WHEN s.user_id IS NULL THEN NULL
              WHEN s.error IS NOT NULL THEN 'refused'
              WHEN s.owner_id <> s.user_id THEN 'foreign-id'
              WHEN NOT s.is_published AND s.withdrawn_at IS NULL AND s.change_no IS NULL THEN 'not-published'
              WHEN (s.is_published OR s.data IS NOT NULL) AND s.server_checksum IS NULL THEN 'unknown-checksum'
              WHEN s.checksum IS DISTINCT FROM s.server_checksum AND s.sync_status = 'synced'
                AND s.last_base_revision = s.base_revision AND s.last_checksum IS NOT DISTINCT FROM s.checksum
                AND s.last_resolution IS NOT DISTINCT FROM s.resolution THEN 'superseded'
              WHEN s.resolution IS NOT NULL AND s.sync_status IS DISTINCT FROM 'conflict'
                AND NOT (s.sync_status = 'synced' AND s.last_resolution = s.resolution
                  AND (s.resolution = 'remote_wins' OR s.checksum IS NOT DISTINCT FROM s.server_checksum)) IS TRUE
                THEN 'no-conflict'
              WHEN s.resolution = 'remote_wins' THEN 'taken'
              WHEN s.checksum IS NOT DISTINCT FROM s.server_checksum THEN 'same'
              WHEN s.seen_checksum IS DISTINCT FROM s.server_checksum OR s.seen_revision <> s.server_revision
                THEN 'conflict'
              WHEN s.entity_type = 'user_profile' THEN 'profile'
              WHEN s.entity_type <> 'card' THEN 'document'
              WHEN s.checksum IS NULL THEN 'withdraw'
              WHEN s.other_id IS NOT NULL THEN 'duplicate-card'
              WHEN s.owner_id IS NULL THEN 'publish'
              ELSE 'change' END AS outcome
          FROM (
            SELECT e.no, e.entity_type, e.checksum, e.content_hash, e.resolution, e.error, e.base_revision, e.data_text,
              u.id AS user_id, i.card_id, c.user_id AS owner_id, c.is_published, c.withdrawn_at, c.change_no, c.title,
              c.content, c.tags, c.metadata, d.data,
              CASE e.entity_type
                WHEN 'card' THEN CASE WHEN c.is_published THEN c.checksum END
                WHEN 'user_profile'
                  THEN public.profile_checksum(u.display_name, u.bio, u.avatar_url, u.profile_url)::varchar
                ELSE d.checksum END AS server_checksum,
              r.server_revision,
              CASE WHEN e.resolution IS NOT NULL AND e.base_checksum IS NULL THEN s.remote_checksum
                ELSE nullif(e.base_checksum, '') END AS seen_checksum,
              CASE WHEN e.resolution IS NOT NULL AND e.base_checksum IS NULL AND e.base_revision IS NULL
                THEN s.remote_revision ELSE e.base_revision END AS seen_revision,
              s.sync_status, s.conflict_resolution AS last_resolution, s.base_revision AS last_base_revision,
              s.local_checksum AS last_checksum, t.id AS other_id
            FROM unnest(request_nos, entity_types, entity_ids, base_checksums, base_revisions, checksums, data_texts,
                content_hashes, resolutions, errors) WITH ORDINALITY
              AS e (request_no, entity_type, entity_id, base_checksum, base_revision, checksum, data_text, content_hash,
                resolution, error, no)
            LEFT JOIN public.users u ON u.id = caller_ids[e.request_no] AND (states[e.request_no]).state = 'new'
            CROSS JOIN LATERAL (SELECT CASE WHEN e.entity_type = 'card' THEN e.entity_id::uuid END AS card_id) i
            -- LIMIT 1 keeps these look-ups by index, as in publish_cards.
            LEFT JOIN LATERAL (
              SELECT c.user_id, c.is_published, c.withdrawn_at, c.checksum, c.change_no, c.title, c.content, c.tags, c.metadata
              FROM public.cards c WHERE c.id = i.card_id LIMIT 1) c ON true
            LEFT JOIN LATERAL (
              SELECT t.id FROM public.cards t
              WHERE t.user_id = u.id AND t.content_hash = e.content_hash AND t.id <> i.card_id LIMIT 1) t ON true
            LEFT JOIN LATERAL (
              SELECT d.checksum, d.change_no, d.data FROM public.sync_documents d
              WHERE d.user_id = u.id AND d.entity_type = e.entity_type AND d.entity_id = e.entity_id LIMIT 1) d ON true
            LEFT JOIN LATERAL (
              SELECT h.profile_change_no FROM public.sync_heads h
              WHERE e.entity_type = 'user_profile' AND h.user_id = u.id LIMIT 1) h ON true
            CROSS JOIN LATERAL (
              SELECT coalesce(c.change_no, d.change_no, h.profile_change_no, 0) AS server_revision) r
            -- Looked at only where it matters: a base that is right needs no memory of what was pushed before.
            LEFT JOIN LATERAL (
              SELECT s.sync_status, s.remote_checksum, s.remote_revision, s.local_checksum, s.base_revision,
                s.conflict_resolution
              FROM public.sync_state s
              WHERE (e.resolution IS NOT NULL OR e.base_revision <> r.server_revision) AND s.user_id = u.id AND s.client_id = client_ids[e.request_no]
                AND s.entity_type = e.entity_type AND s.entity_id = e.entity_id LIMIT 1) s ON true
          ) s
        ) o
        ) o
      ) o
      WINDOW same_text AS (
        PARTITION BY o.user_id, o.content_hash, o.outcome IN ('change', 'publish') ORDER BY o.no)
    ) d;

  IF EXISTS (SELECT FROM unnest(decisions) d WHERE d.outcome = 'unknown-checksum') THEN
    RETURN QUERY
      SELECT NULL::integer, d.no::integer, 'done', d.outcome, NULL::varchar, NULL::bigint, NULL::json, d.card_id
      FROM unnest(decisions) WITH ORDINALITY
        AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, no)
      WHERE d.outcome = 'unknown-checksum';
    RETURN;
  END IF;

  -- 2. What was accepted.
  IF EXISTS (
    SELECT FROM unnest(decisions) d JOIN public.sync_heads h ON h.user_id = d.user_id WHERE d.outcome = 'document'
    GROUP BY h.user_id
    HAVING h.document_count + count(*) > documents_max
      OR h.document_bytes + sum(greatest(d.growth, 0)) > document_bytes_max
  ) THEN
    decisions := public.refuse_documents(decisions, documents_max, document_bytes_max);
  END IF;
  outcomes := ARRAY(SELECT d.outcome FROM unnest(decisions) WITH ORDINALITY
    AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, no) ORDER BY d.no);
  IF outcomes && ARRAY['document', 'change'] THEN
    change_nos := public.take_change_nos(ARRAY(
      SELECT CASE WHEN d.outcome IN ('document', 'change') THEN d.user_id END FROM unnest(decisions) WITH ORDINALITY
        AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, no) ORDER BY d.no));
  END IF;

  IF 'document' = ANY (outcomes) THEN
    INSERT INTO public.sync_documents AS x (user_id, entity_type, entity_id, data, checksum, change_no, client_id)
      SELECT d.user_id, d.entity_type, d.entity_id, d.data_text::json, d.checksum, d.change_no, client_ids[d.request_no]
      FROM unnest(decisions, request_nos, entity_types, entity_ids, data_texts, checksums, change_nos)
        AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, request_no, entity_type, entity_id, data_text,
          checksum, change_no)
      WHERE d.outcome = 'document'
    ON CONFLICT ON CONSTRAINT sync_documents_pkey DO UPDATE SET data = excluded.data, checksum = excluded.checksum,
      change_no = excluded.change_no, client_id = excluded.client_id, changed_at = now();
    UPDATE public.sync_heads h
      SET document_count = h.document_count + d.added, document_bytes = h.document_bytes + d.growth
      FROM (
        SELECT d.user_id, count(*) FILTER (WHERE d.server_revision = 0) AS added, sum(d.growth) AS growth
        FROM unnest(decisions) d WHERE d.outcome = 'document' GROUP BY d.user_id
      ) d
      WHERE h.user_id = d.user_id AND (d.added, d.growth) <> (0, 0);
  END IF;

  IF 'profile' = ANY (outcomes) THEN
    UPDATE public.users u SET display_name = f.display_name, bio = f.bio, avatar_url = f.avatar_url,
        profile_url = f.profile_url
      FROM unnest(decisions, data_texts) AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, data_text)
      CROSS JOIN LATERAL json_to_record(d.data_text::json)
        AS f (display_name varchar, bio text, avatar_url text, profile_url text)
      WHERE u.id = d.user_id AND d.outcome = 'profile';
    UPDATE public.sync_heads h SET profile_client_id = client_ids[d.request_no]
      FROM unnest(decisions, request_nos) AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, request_no)
      WHERE h.user_id = d.user_id AND d.outcome = 'profile';
  END IF;

  -- A withdrawn card that is pushed anew comes back under the address that it had.
  IF 'change' = ANY (outcomes) THEN
    UPDATE public.cards x SET title = f.title, content = f.content, privacy_level = f.privacy_level,
        category = f.category, tags = f.tags, metadata = f.metadata, content_hash = d.content_hash,
        checksum = d.checksum, change_no = d.change_no, change_client_id = d.client_id,
        slug = CASE WHEN x.is_published THEN x.slug ELSE d.slug END,
        public_url = CASE WHEN x.is_published THEN x.public_url ELSE '/cards/' || d.slug END,
        source_client_id = CASE WHEN x.is_published THEN x.source_client_id ELSE d.client_id END,
        is_published = true, withdrawn_at = NULL, published_at = coalesce(x.published_at, now())
      FROM (
        SELECT d.*, client_ids[d.request_no] AS client_id,
          d.slug_stem || '-' || coalesce(right(c.slug, 8), d.slug_end) AS slug
        FROM unnest(decisions, request_nos, data_texts, content_hashes, checksums, slug_stems, slug_ends, change_nos)
          AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, request_no, data_text, content_hash, checksum,
            slug_stem, slug_end, change_no)
        JOIN public.cards c ON c.id = d.card_id
        WHERE d.outcome = 'change'
      ) d
      CROSS JOIN LATERAL json_to_record(d.data_text::json)
        AS f (title varchar, content text, privacy_level varchar, category varchar, tags text[], metadata jsonb)
      WHERE x.id = d.card_id;
  END IF;

  IF 'withdraw' = ANY (outcomes) THEN
    PERFORM public.withdraw_cards(array_agg(d.card_id ORDER BY d.no), array_agg(client_ids[d.request_no] ORDER BY d.no))
      FROM unnest(decisions, request_nos) WITH ORDINALITY
        AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, request_no, no)
      WHERE d.outcome = 'withdraw';
  END IF;

  IF 'publish' = ANY (outcomes) THEN
    SELECT array_agg(d.request_no ORDER BY d.no) AS request_nos, array_agg(d.card_id ORDER BY d.no) AS ids,
        array_agg(d.slug_stem ORDER BY d.no) AS slug_stems, array_agg(d.slug_end ORDER BY d.no) AS slug_ends,
        array_agg(f.title ORDER BY d.no) AS titles, array_agg(f.content ORDER BY d.no) AS contents,
        array_agg(d.content_hash ORDER BY d.no) AS content_hashes, array_agg(d.checksum ORDER BY d.no) AS checksums,
        array_agg(f.privacy_level ORDER BY d.no) AS privacy_levels, array_agg(f.category ORDER BY d.no) AS categories,
        array_agg(f.tags::text ORDER BY d.no) AS tag_lists, array_agg(f.metadata ORDER BY d.no) AS metadata_objects,
        array_agg(NULL::integer) AS session_ids
      INTO fresh
      FROM unnest(decisions, request_nos, data_texts, content_hashes, checksums, slug_stems, slug_ends) WITH ORDINALITY
        AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, request_no, data_text, content_hash, checksum,
          slug_stem, slug_end, no)
      CROSS JOIN LATERAL json_to_record(d.data_text::json)
        AS f (title varchar, content text, privacy_level varchar, category varchar, tags text[], metadata jsonb)
      WHERE d.outcome = 'publish';
    PERFORM FROM public.publish_cards(caller_ids, key_ids, no_keys, no_keys, client_ids, fresh.request_nos, fresh.ids,
        fresh.slug_stems, fresh.slug_ends, fresh.titles, fresh.contents, fresh.content_hashes, fresh.checksums,
        fresh.privacy_levels, fresh.categories, fresh.tag_lists, fresh.metadata_objects, fresh.session_ids,
        reward, rewards_per_day) p
      WHERE p.outcome <> 'published';
    IF FOUND THEN
      RAISE EXCEPTION 'a card with this text was written at the same moment'
        USING ERRCODE = 'unique_violation', CONSTRAINT = 'cards_content_hash', TABLE = 'cards';
    END IF;
  END IF;

  -- 3. What is known of the device.
  revisions := ARRAY(
    SELECT CASE
      WHEN d.outcome IN ('document', 'change') THEN d.change_no
      WHEN d.outcome IN ('publish', 'withdraw') THEN (SELECT c.change_no FROM public.cards c WHERE c.id = d.card_id)
      WHEN d.outcome = 'profile' THEN (SELECT h.profile_change_no FROM public.sync_heads h WHERE h.user_id = d.user_id)
      ELSE d.server_revision END
    FROM unnest(decisions, change_nos) WITH ORDINALITY
      AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, change_no, no)
    ORDER BY d.no);

  -- A resolution that fails leaves its conflict as it was; a push that was
  -- overtaken since leaves what it was known by, should its answer get lost once more.
  INSERT INTO public.sync_state AS s (user_id, client_id, device_name, entity_type, entity_id, sync_status,
      last_synced_at, local_checksum, remote_checksum, remote_revision, base_revision, conflict_resolution, sync_direction,
      error_message, retry_count)
    SELECT d.user_id, client_ids[d.request_no], device_names[d.request_no], d.entity_type, d.entity_id, o.status,
      CASE o.status WHEN 'synced' THEN now() END,
      CASE d.outcome WHEN 'taken' THEN d.server_checksum ELSE d.checksum END, o.checksum, d.revision,
      CASE WHEN o.status = 'synced' THEN CASE d.outcome WHEN 'publish' THEN coalesce(d.base_revision, 0)
        ELSE d.base_revision END END,
      CASE o.status WHEN 'synced' THEN d.resolution END,
      CASE d.resolution WHEN 'remote_wins' THEN 'pull' WHEN 'manual' THEN 'bidirectional' ELSE 'push' END,
      CASE o.status WHEN 'failed' THEN coalesce(d.error, d.outcome) END, CASE o.status WHEN 'failed' THEN 1 ELSE 0 END
    FROM unnest(decisions, request_nos, entity_types, entity_ids, checksums, base_revisions, revisions, resolutions, errors)
      AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, request_no, entity_type, entity_id,
        checksum, base_revision, revision, resolution, error)
    CROSS JOIN LATERAL (
      SELECT
        CASE WHEN d.outcome = 'conflict' THEN 'conflict'
          WHEN d.outcome IN ('same', 'taken', 'document', 'profile', 'change', 'withdraw', 'publish') THEN 'synced'
          ELSE 'failed' END AS status,
        CASE WHEN d.outcome IN ('document', 'profile', 'change', 'withdraw', 'publish') THEN d.checksum
          ELSE d.server_checksum END AS checksum
    ) o
    WHERE d.user_id IS NOT NULL AND d.outcome <> 'superseded' AND (d.resolution IS NULL OR o.status <> 'failed')
    ORDER BY d.user_id, d.entity_type, d.entity_id
  ON CONFLICT ON CONSTRAINT sync_state_once DO UPDATE SET
    device_name = coalesce(excluded.device_name, s.device_name),
    sync_status = excluded.sync_status,
    last_synced_at = coalesce(excluded.last_synced_at, s.last_synced_at),
    local_checksum = excluded.local_checksum,
    remote_checksum = excluded.remote_checksum,
    remote_revision = excluded.remote_revision,
    base_revision = excluded.base_revision,
    conflict_resolution = excluded.conflict_resolution,
    sync_direction = excluded.sync_direction,
    error_message = excluded.error_message,
    retry_count = CASE excluded.sync_status WHEN 'synced' THEN 0 ELSE s.retry_count + excluded.retry_count END;

  RETURN QUERY
    SELECT r.no::integer, d.no::integer, CASE r.state WHEN 'new' THEN 'done' ELSE r.state END, d.outcome,
      CASE WHEN d.outcome IN ('document', 'profile', 'change', 'withdraw', 'publish') THEN d.checksum
        ELSE d.server_checksum END,
      d.revision,
      CASE WHEN d.outcome NOT IN ('conflict', 'taken', 'superseded') THEN NULL
        WHEN d.entity_type = 'card' THEN (
          SELECT json_build_object('title', c.title, 'content', c.content, 'privacy_level', c.privacy_level,
            'category', c.category, 'tags', c.tags, 'metadata', c.metadata)
          FROM public.cards c WHERE c.id = d.card_id AND c.is_published)
        WHEN d.entity_type = 'user_profile' THEN (
          SELECT json_build_object('display_name', u.display_name, 'bio', u.bio, 'avatar_url', u.avatar_url,
            'profile_url', u.profile_url)
          FROM public.users u WHERE u.id = d.user_id)
        ELSE (
          SELECT x.data FROM public.sync_documents x
          WHERE x.user_id = d.user_id AND x.entity_type = d.entity_type AND x.entity_id = d.entity_id) END,
      d.other_id
    FROM unnest(caller_ids, states) WITH ORDINALITY AS r (caller_id, state, answer, no)
    LEFT JOIN unnest(decisions, request_nos, entity_types, entity_ids, checksums, revisions) WITH ORDINALITY
      AS d (user_id, card_id, outcome, server_checksum, server_revision, other_id, growth, request_no, entity_type, entity_id,
        checksum, revision, no)
      ON d.request_no = r.no AND d.user_id IS NOT NULL
    ORDER BY r.no, d.no;
END
$$;

UPDATE public.schema_metadata SET value = '1.5.0', updated_at = now() WHERE key = 'schema_version';
