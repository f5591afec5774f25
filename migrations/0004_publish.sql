-- Publishing: one statement for any number of requests and cards.
-- Locks: none that anybody waits for; everything here is new.

-- Whether a named key (or an account key that a rotation is retiring) may still be used by this user now.
CREATE FUNCTION public.api_key_is_live(key_id uuid, user_id uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT EXISTS (
    SELECT FROM public.api_keys k
    WHERE k.id = $1 AND k.user_id = $2 AND (k.expires_at IS NULL OR k.expires_at > now()))
$$;

-- How one request of a batch stands before any work is done for it: `new`, `replayed` (with the first answer),
-- `key-reused` (its Idempotency-Key belongs to another request) or `unauthenticated`.
CREATE TYPE public.request_state AS (state text, answer jsonb);

-- The states of a batch of requests, in their order. The caller has locked the users, so that of two requests with
-- one Idempotency-Key the second sees what the first has recorded.
CREATE FUNCTION public.request_states(
  caller_ids uuid[], key_ids uuid[], idempotency_keys varchar[], request_hashes varchar[]
) RETURNS public.request_state[] LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT array_agg(ROW(
        CASE WHEN (u.is_active AND (u.account_key_id = r.key_id OR public.api_key_is_live(r.key_id, u.id))) IS NOT TRUE
            THEN 'unauthenticated'
          WHEN i.request_hash IS NULL THEN 'new'
          WHEN i.request_hash = r.request_hash THEN 'replayed'
          ELSE 'key-reused' END,
        i.answer)::public.request_state ORDER BY r.no)
    FROM unnest(caller_ids, key_ids, idempotency_keys, request_hashes) WITH ORDINALITY
      AS r (caller_id, key_id, idempotency_key, request_hash, no)
    LEFT JOIN public.users u ON u.id = r.caller_id
    LEFT JOIN LATERAL (
      SELECT i.request_hash, i.answer FROM public.idempotency_records i
      WHERE i.user_id = r.caller_id AND i.key = r.idempotency_key LIMIT 1) i ON true);
END
$$;

-- What becomes of one card of a request. `awarded` is NULL where nothing new is published.
CREATE TYPE public.publish_decision AS (
  user_id uuid, card_id uuid, slug varchar(255), outcome text, awarded decimal(20, 2), reason text,
  is_first boolean, known_checksum varchar(64)
);

-- Publishes cards for several requests at once, all or nothing, and pays the rewards.
--
-- The first five arrays have one element a request: who calls, with which key, with which Idempotency-Key and hash
-- of the request (NULL: none), from which client (NULL: none, and no sync_state is written). The others have one element a card: which request it belongs to (from
-- 1 on), the id and slug that it gets if it is new (`slug_stems` without the random end, `slug_ends` that
-- end), and its row. Cards come in the order of their requests.
--
-- Returns one row a card (`card_no` from 1 on, counted over all requests), and one row with card_no NULL for a
-- request that has none. `state` is `done`, or what request_states says: then nothing was done for that request, and a
-- replayed one has the outcomes of its first time. `balance` is the caller's after that.
--
-- Locks the callers' rows in id order. A user's rewards are limited to `rewards_per_day` a UTC day (0: no
-- limit). Raises unique_violation where a concurrent direct write takes a slug or a text.
CREATE FUNCTION public.publish_cards(
  caller_ids uuid[], key_ids uuid[], idempotency_keys varchar[], request_hashes varchar[], client_ids varchar[],
  request_nos integer[], card_ids uuid[], slug_stems text[], slug_ends text[], titles varchar[], contents text[],
  content_hashes varchar[], checksums varchar[], privacy_levels varchar[], categories varchar[], tag_lists text[],
  metadata_objects jsonb[], session_ids integer[],
  reward decimal, rewards_per_day integer
) RETURNS TABLE (
  request_no integer, card_no integer, state text, balance decimal(20, 2), outcome text, card_id uuid,
  slug varchar(255), awarded decimal(20, 2), reason text
) LANGUAGE plpgsql VOLATILE
-- Without the first, a new plan is made for every call, since the planner sees how long these arrays are: 1 ms.
-- Without the second, the plan that a session made while the tables were small scans them whole when they are large.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  today date := (now() AT TIME ZONE 'UTC')::date;
  states public.request_state[];
  decisions public.publish_decision[];
BEGIN
  PERFORM FROM public.users u WHERE u.id = ANY (caller_ids) ORDER BY u.id FOR NO KEY UPDATE;

  states := public.request_states(caller_ids, key_ids, idempotency_keys, request_hashes);

  -- A text is a card once for each user: the one that exists, or the first of those that came together. A new
  -- card is paid unless its text was paid before, or was that of a card that has another text by now.
  SELECT array_agg(ROW(
      d.user_id,
      coalesce(d.existing_id, d.first_id),
      CASE WHEN d.existing_id IS NULL THEN d.first_slug
        WHEN d.is_published THEN d.existing_slug
        ELSE d.slug_stem || '-' || right(d.existing_slug, 8) END,
      CASE WHEN d.existing_id IS NULL AND d.is_first THEN 'published' ELSE 'duplicate' END,
      CASE WHEN d.existing_id IS NOT NULL OR NOT d.is_first THEN NULL
        WHEN d.is_payable AND (rewards_per_day = 0 OR d.rewards_before + d.payable_rank <= rewards_per_day) THEN reward
        ELSE 0 END,
      CASE WHEN d.existing_id IS NOT NULL OR NOT d.is_first THEN NULL
        WHEN NOT d.is_payable THEN 'already-rewarded'
        WHEN rewards_per_day > 0 AND d.rewards_before + d.payable_rank > rewards_per_day THEN 'daily-limit' END,
      d.is_first,
      d.existing_checksum
    )::public.publish_decision ORDER BY d.no)
    INTO decisions
    FROM (
      SELECT f.*, count(*) FILTER (WHERE f.is_payable) OVER (PARTITION BY f.user_id ORDER BY f.no) AS payable_rank
      FROM (
        SELECT c.no, u.id AS user_id, c.slug_stem, x.id AS existing_id, x.slug AS existing_slug, x.is_published,
          x.checksum AS existing_checksum,
          row_number() OVER same_text = 1 AS is_first,
          first_value(c.card_id) OVER same_text AS first_id,
          first_value(c.slug_stem || '-' || c.slug_end) OVER same_text AS first_slug,
          x.id IS NULL AND p.id IS NULL AND f.user_id IS NULL AND row_number() OVER same_text = 1 AS is_payable,
          CASE WHEN u.rewards_on = today THEN u.rewards_count ELSE 0 END AS rewards_before
        FROM unnest(request_nos, card_ids, slug_stems, slug_ends, content_hashes) WITH ORDINALITY
          AS c (request_no, card_id, slug_stem, slug_end, content_hash, no)
        LEFT JOIN public.users u ON u.id = caller_ids[c.request_no] AND (states[c.request_no]).state = 'new'
        -- LIMIT 1 keeps these three look-ups by index: a join might read and hash the whole table.
        LEFT JOIN LATERAL (
          SELECT x.id, x.slug, x.is_published, x.checksum FROM public.cards x
          WHERE x.user_id = u.id AND x.content_hash = c.content_hash LIMIT 1) x ON true
        LEFT JOIN LATERAL (
          SELECT p.id FROM public.extropy_ledger p
          WHERE p.idempotency_key = 'publish:' || u.id::text || ':' || c.content_hash LIMIT 1) p ON x.id IS NULL
        LEFT JOIN LATERAL (
          SELECT f.user_id FROM public.former_card_texts f
          WHERE f.user_id = u.id AND f.content_hash = c.content_hash LIMIT 1) f ON x.id IS NULL
        WINDOW same_text AS (PARTITION BY u.id, c.content_hash ORDER BY c.no)
      ) f
    ) d;

  INSERT INTO public.cards (id, user_id, title, content, content_hash, privacy_level, category, is_published,
      published_at, source_session_id, source_client_id, public_url, slug, extropy_earned, tags, metadata, checksum)
    SELECT d.card_id, d.user_id, d.title, d.content, d.content_hash, d.privacy_level, d.category, true,
      now(), d.session_id, client_ids[d.request_no], '/cards/' || d.slug, d.slug, d.awarded, d.tag_list::text[],
      d.metadata, d.checksum
    FROM unnest(decisions, request_nos, titles, contents, content_hashes, checksums, privacy_levels, categories,
        tag_lists, metadata_objects, session_ids)
      AS d (user_id, card_id, slug, outcome, awarded, reason, is_first, known_checksum, request_no, title, content,
        content_hash, checksum, privacy_level, category, tag_list, metadata, session_id)
    WHERE d.outcome = 'published' AND d.user_id IS NOT NULL;

  PERFORM public.post_entries(array_agg(ROW(d.user_id, 'publish_reward', d.awarded, d.card_id, NULL,
      public.uuid_v7(), 1, NULL, 'publish:' || d.user_id::text || ':' || d.content_hash, 'Reward for a published card'
    )::public.ledger_posting ORDER BY d.no))
    FROM unnest(decisions, content_hashes) WITH ORDINALITY AS d (user_id, card_id, slug, outcome, awarded, reason,
      is_first, known_checksum, content_hash, no)
    WHERE d.awarded > 0 AND d.user_id IS NOT NULL
    HAVING count(*) > 0;

  -- A withdrawn card comes back with what was sent now: of its former self only the id and the address are left.
  IF EXISTS (SELECT FROM unnest(decisions) d WHERE d.outcome = 'duplicate') THEN
    UPDATE public.cards x SET title = d.title, content = d.content, privacy_level = d.privacy_level,
        category = d.category, tags = d.tag_list::text[], metadata = d.metadata, checksum = d.checksum,
        slug = d.slug, public_url = '/cards/' || d.slug, is_published = true, withdrawn_at = NULL,
        published_at = coalesce(x.published_at, now())
      FROM unnest(decisions, titles, contents, checksums, privacy_levels, categories, tag_lists, metadata_objects)
        AS d (user_id, card_id, slug, outcome, awarded, reason, is_first, known_checksum,
          title, content, checksum, privacy_level, category, tag_list, metadata)
      WHERE x.id = d.card_id AND d.outcome = 'duplicate' AND d.is_first AND NOT x.is_published;
  END IF;

  IF array_remove(client_ids, NULL) <> '{}' THEN
    INSERT INTO public.sync_state AS s (user_id, client_id, entity_type, entity_id, sync_status, last_synced_at,
        local_checksum, remote_checksum, sync_direction)
      SELECT d.user_id, client_ids[d.request_no], 'card', d.card_id::text, 'synced', now(), d.checksum,
        coalesce(d.known_checksum, d.checksum), 'push'
      FROM unnest(decisions, request_nos, checksums) AS d (user_id, card_id, slug, outcome, awarded, reason,
        is_first, known_checksum, request_no, checksum)
      WHERE d.user_id IS NOT NULL AND d.is_first AND client_ids[d.request_no] IS NOT NULL
      ORDER BY d.user_id, d.card_id
    ON CONFLICT ON CONSTRAINT sync_state_once DO UPDATE SET sync_status = 'synced', last_synced_at = now(),
      local_checksum = excluded.local_checksum, remote_checksum = excluded.remote_checksum, error_message = NULL;
  END IF;

  IF array_remove(idempotency_keys, NULL) <> '{}' THEN
    INSERT INTO public.idempotency_records (user_id, key, request_hash, answer)
      SELECT r.caller_id, r.idempotency_key, r.request_hash, jsonb_build_object(
        'balance', (SELECT u.extropy_balance::text FROM public.users u WHERE u.id = r.caller_id),
        'cards', coalesce((
          SELECT jsonb_agg(jsonb_build_object('id', d.card_id, 'outcome', d.outcome, 'awarded', d.awarded::text,
            'reason', d.reason) ORDER BY d.no)
          FROM unnest(decisions, request_nos) WITH ORDINALITY AS d (user_id, card_id, slug, outcome, awarded, reason,
            is_first, known_checksum, request_no, no)
          WHERE d.request_no = r.no), '[]'))
      FROM unnest(caller_ids, idempotency_keys, request_hashes, states) WITH ORDINALITY
        AS r (caller_id, idempotency_key, request_hash, state, answer, no)
      WHERE r.state = 'new' AND r.idempotency_key IS NOT NULL;
  END IF;

  RETURN QUERY
    SELECT r.no::integer, d.no::integer, CASE r.state WHEN 'new' THEN 'done' ELSE r.state END,
      CASE r.state WHEN 'replayed' THEN (r.answer ->> 'balance')::decimal(20, 2) ELSE u.extropy_balance END,
      coalesce(f.first ->> 'outcome', d.outcome), coalesce(x.id, d.card_id), coalesce(x.slug, d.slug),
      CASE r.state WHEN 'replayed' THEN (f.first ->> 'awarded')::decimal(20, 2) ELSE d.awarded END,
      CASE r.state WHEN 'replayed' THEN f.first ->> 'reason' ELSE d.reason END
    FROM unnest(caller_ids, states) WITH ORDINALITY AS r (caller_id, state, answer, no)
    LEFT JOIN public.users u ON u.id = r.caller_id
    LEFT JOIN (
      SELECT d.*, row_number() OVER (PARTITION BY d.request_no ORDER BY d.no) AS no_in_request
      FROM unnest(decisions, request_nos) WITH ORDINALITY AS d (user_id, card_id, slug, outcome, awarded, reason,
        is_first, known_checksum, request_no, no)
    ) d ON d.request_no = r.no AND r.state IN ('new', 'replayed')
    LEFT JOIN LATERAL (SELECT r.answer -> 'cards' -> (d.no_in_request::integer - 1) AS first) f ON r.state = 'replayed'
    LEFT JOIN public.cards x ON x.id = (f.first ->> 'id')::uuid
    ORDER BY r.no, d.no;
END
$$;

UPDATE public.schema_metadata SET value = '1.1.0', updated_at = now() WHERE key = 'schema_version';
