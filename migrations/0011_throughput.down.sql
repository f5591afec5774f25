-- Back to the rules as CHECKs of their own, heads moved entry by entry, and calls that answer with less.
-- Locks: ACCESS EXCLUSIVE on users, cards, attributions and extropy_ledger, which are scanned once for the CHECKs.

DROP FUNCTION public.attribute_cards(uuid[], uuid[], varchar[], varchar[], uuid[], uuid[], uuid[], uuid[], varchar[],
  decimal[], text[], jsonb[]);
DROP FUNCTION public.card_reference(public.cards, uuid, varchar, varchar);
ALTER FUNCTION public.prevent_negative_balance() RESET search_path;
ALTER FUNCTION public.extropy_ledger_fill() RESET search_path;

CREATE FUNCTION public.attribute_cards(
  caller_ids uuid[], key_ids uuid[], idempotency_keys varchar[], request_hashes varchar[],
  attribution_ids uuid[], transaction_ids uuid[], source_card_ids uuid[], target_card_ids uuid[],
  attribution_types varchar[], amounts decimal[], notes text[], metadata_objects jsonb[]
) RETURNS TABLE (request_no integer, outcome text, attribution_id uuid, amount decimal(20, 2), balance decimal(20, 2))
LANGUAGE plpgsql VOLATILE
-- As in publish_cards: plans that are made once, and hold from an empty table on.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  user_ids uuid[];
  balances decimal(20, 2)[];
  states public.request_state[];
  r record;
  outcomes text[] := '{}';
  found_ids uuid[] := '{}';
  payee_ids uuid[] := '{}';
  balances_after decimal(20, 2)[] := '{}';
  result text;
BEGIN
  -- A card never changes hands, so that its author is known before anything is locked.
  SELECT array_agg(DISTINCT u.id ORDER BY u.id) INTO user_ids FROM (
    SELECT unnest(caller_ids)
    UNION ALL SELECT c.user_id FROM public.cards c WHERE c.id = ANY (source_card_ids)
  ) u (id);
  PERFORM FROM public.users u WHERE u.id = ANY (user_ids) ORDER BY u.id FOR NO KEY UPDATE;
  states := public.request_states(caller_ids, key_ids, idempotency_keys, request_hashes);
  SELECT array_agg(coalesce(u.extropy_balance, 0) ORDER BY i.no) INTO balances
    FROM unnest(user_ids) WITH ORDINALITY AS i (id, no) LEFT JOIN public.users u ON u.id = i.id;

  FOR r IN
    SELECT q.no, q.caller_id, q.amount, (states[q.no]).state AS state, (states[q.no]).answer AS answer,
      s.user_id AS payee_id, s.is_published AS source_stands, s.withdrawn_at AS source_withdrawn_at,
      t.user_id AS owner_id, t.is_published AS target_stands, t.withdrawn_at AS target_withdrawn_at, a.id AS existing_id,
      array_position(user_ids, q.caller_id) AS payer_no, array_position(user_ids, s.user_id) AS payee_no
    FROM unnest(caller_ids, source_card_ids, target_card_ids, attribution_types, amounts) WITH ORDINALITY
      AS q (caller_id, source_card_id, target_card_id, attribution_type, amount, no)
    LEFT JOIN LATERAL (SELECT c.* FROM public.cards c WHERE c.id = q.source_card_id LIMIT 1) s ON true
    LEFT JOIN LATERAL (SELECT c.* FROM public.cards c WHERE c.id = q.target_card_id LIMIT 1) t ON true
    LEFT JOIN LATERAL (
      SELECT a.id FROM public.attributions a
      WHERE a.source_card_id = q.source_card_id AND a.target_card_id = q.target_card_id
        AND a.attribution_type = q.attribution_type LIMIT 1) a ON true
    ORDER BY q.no
  LOOP
    result := CASE
      WHEN r.state <> 'new' THEN r.state
      WHEN NOT coalesce(r.source_stands OR r.source_withdrawn_at IS NOT NULL, false)
        OR NOT coalesce(r.target_stands OR r.target_withdrawn_at IS NOT NULL, false) THEN 'not-found'
      WHEN r.owner_id <> r.caller_id THEN 'forbidden'
      WHEN NOT r.source_stands OR NOT r.target_stands THEN 'gone'
      WHEN r.payee_id = r.caller_id THEN 'self-attribution'
      WHEN r.existing_id IS NOT NULL THEN 'already-attributed'
      WHEN balances[r.payer_no] < r.amount THEN 'insufficient-balance'
      ELSE 'created' END;
    IF result = 'created' THEN
      balances[r.payer_no] := balances[r.payer_no] - r.amount;
      balances[r.payee_no] := balances[r.payee_no] + r.amount;
    END IF;
    outcomes := outcomes || result;
    payee_ids := payee_ids || r.payee_id;
    found_ids := found_ids || CASE result
      WHEN 'created' THEN attribution_ids[r.no]
      WHEN 'replayed' THEN (r.answer ->> 'attribution_id')::uuid
      ELSE r.existing_id END;
    balances_after := balances_after || CASE result
      WHEN 'replayed' THEN (r.answer ->> 'balance')::decimal(20, 2) ELSE balances[r.payer_no] END;
  END LOOP;

  INSERT INTO public.attributions (id, source_card_id, source_user_id, target_card_id, target_user_id, attribution_type,
      extropy_amount, attribution_note, metadata)
    SELECT q.attribution_id, q.source_card_id, q.payee_id, q.target_card_id, q.caller_id, q.attribution_type, q.amount,
      q.note, q.metadata
    FROM unnest(outcomes, attribution_ids, source_card_ids, payee_ids, target_card_ids, caller_ids, attribution_types,
        amounts, notes, metadata_objects) WITH ORDINALITY
      AS q (outcome, attribution_id, source_card_id, payee_id, target_card_id, caller_id, attribution_type, amount, note,
        metadata, no)
    WHERE q.outcome = 'created'
    -- Cards that earn are updated in this order, which is the same for everybody.
    ORDER BY q.source_card_id, q.no;

  PERFORM public.post_entries(array_agg(posting ORDER BY q.no, leg))
    FROM unnest(outcomes, attribution_ids, transaction_ids, source_card_ids, payee_ids, target_card_ids, caller_ids,
        amounts, idempotency_keys) WITH ORDINALITY
      AS q (outcome, attribution_id, transaction_id, source_card_id, payee_id, target_card_id, caller_id, amount,
        idempotency_key, no)
    CROSS JOIN LATERAL (VALUES
      (1, ROW(q.caller_id, 'attribution_payment', -q.amount, q.target_card_id, q.attribution_id, q.transaction_id, 1,
        NULL, 'key:' || q.caller_id::text || ':' || q.idempotency_key, 'Payment for an attribution'
      )::public.ledger_posting),
      (2, ROW(q.payee_id, 'attribution_received', q.amount, q.source_card_id, q.attribution_id, q.transaction_id, 2,
        NULL, NULL, 'Attribution received')::public.ledger_posting)
    ) legs (leg, posting)
    WHERE q.outcome = 'created' AND q.amount > 0
    HAVING count(*) > 0;

  INSERT INTO public.idempotency_records (user_id, key, request_hash, answer)
    SELECT q.caller_id, q.idempotency_key, q.request_hash,
      jsonb_build_object('attribution_id', q.attribution_id, 'balance', q.balance::text)
    FROM unnest(outcomes, caller_ids, idempotency_keys, request_hashes, attribution_ids, balances_after)
      AS q (outcome, caller_id, idempotency_key, request_hash, attribution_id, balance)
    WHERE q.outcome = 'created' AND q.idempotency_key IS NOT NULL;

  RETURN QUERY
    SELECT q.no::integer, q.outcome, q.attribution_id, q.amount::decimal(20, 2), q.balance
    FROM unnest(outcomes, found_ids, amounts, balances_after) WITH ORDINALITY
      AS q (outcome, attribution_id, amount, balance, no)
    ORDER BY q.no;
END
$$;

CREATE OR REPLACE FUNCTION public.publish_cards(
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

DROP TRIGGER update_card_extropy_on_attribution ON public.attributions;
CREATE OR REPLACE FUNCTION public.update_card_extropy_earned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE public.cards SET extropy_earned = extropy_earned + NEW.extropy_amount, attribution_count = attribution_count + 1
    WHERE id = NEW.source_card_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER update_card_extropy_on_attribution AFTER INSERT ON public.attributions
  FOR EACH ROW EXECUTE FUNCTION public.update_card_extropy_earned();

DROP TRIGGER extropy_ledger_check_legs ON public.extropy_ledger;
CREATE OR REPLACE FUNCTION public.extropy_ledger_check_legs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.transaction_type <> 'reversal' THEN
    IF NOT EXISTS (
      SELECT FROM public.extropy_ledger s
      WHERE s.transaction_id = NEW.transaction_id AND s.leg = 3 - NEW.leg
        AND s.transaction_type = CASE NEW.transaction_type
          WHEN 'attribution_payment' THEN 'attribution_received'
          WHEN 'attribution_received' THEN 'attribution_payment'
          WHEN 'transfer_sent' THEN 'transfer_received'
          ELSE 'transfer_sent' END
        AND s.user_id <> NEW.user_id AND s.amount = -NEW.amount
        AND s.attribution_id IS NOT DISTINCT FROM NEW.attribution_id)
    THEN
      RAISE EXCEPTION '% of user % lacks the other leg', NEW.transaction_type, NEW.user_id
        USING ERRCODE = 'EX003', TABLE = 'extropy_ledger',
          HINT = 'Insert both legs in one statement: two users, opposite amounts, the same attribution.';
    END IF;
  ELSIF NOT EXISTS (
      SELECT FROM public.extropy_ledger o
      WHERE o.id = NEW.reverses_id AND o.transaction_type <> 'reversal' AND o.user_id = NEW.user_id
        AND o.amount = -NEW.amount AND o.leg = NEW.leg
        AND o.card_id IS NOT DISTINCT FROM NEW.card_id AND o.attribution_id IS NOT DISTINCT FROM NEW.attribution_id
        -- As many legs as the original has, each undoing one of them.
        AND (SELECT count(*) FROM public.extropy_ledger x WHERE x.transaction_id = o.transaction_id)
          = (SELECT count(*) FROM public.extropy_ledger r
              JOIN public.extropy_ledger x ON x.id = r.reverses_id AND x.transaction_id = o.transaction_id
            WHERE r.transaction_id = NEW.transaction_id))
  THEN
    RAISE EXCEPTION 'the reversal of entry % does not undo its whole movement', NEW.reverses_id
      USING ERRCODE = 'EX003', TABLE = 'extropy_ledger',
        HINT = 'Insert the opposite of every leg, for the same users, in one statement.';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER extropy_ledger_check_legs AFTER INSERT ON public.extropy_ledger
  FOR EACH ROW WHEN (NEW.transaction_type IN (
    'attribution_payment', 'attribution_received', 'transfer_sent', 'transfer_received', 'reversal'))
  EXECUTE FUNCTION public.extropy_ledger_check_legs();

-- One step of a user's hash chain, as an aggregate over the user's entries in order: the hash of an entry
-- whose text begins with the hash before it. `opening` is the head that the first entry follows; `rest` is
-- the entry's text behind the line of the previous hash.
CREATE FUNCTION public.ledger_chain_step(previous text, opening text, rest text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN encode(sha256(convert_to('extropy-ledger/1' || chr(10) || coalesce(previous, opening) || rest, 'UTF8')), 'hex');
END
$$;

CREATE AGGREGATE public.ledger_chain(opening text, rest text) (SFUNC = public.ledger_chain_step, STYPE = text);

CREATE OR REPLACE FUNCTION public.post_entries(postings public.ledger_posting[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
  PERFORM FROM public.users u WHERE u.id IN (SELECT p.user_id FROM unnest(postings) p) ORDER BY u.id FOR NO KEY UPDATE;
  INSERT INTO public.extropy_ledger (id, user_id, transaction_type, amount, balance_before, balance_after, card_id,
    attribution_id, reverses_id, idempotency_key, description, created_at, transaction_id, leg, user_seq,
    prev_hash, entry_hash)
  SELECT id, user_id, transaction_type, amount, balance_before, balance_after, card_id, attribution_id,
    reverses_id, idempotency_key, description, created_at, transaction_id, leg, user_seq,
    lag(entry_hash, 1, head_hash) OVER by_user, entry_hash
  FROM (
    SELECT placed.*, public.ledger_chain(head_hash, substr(public.ledger_entry_text('', id, user_id, user_seq,
      transaction_id, transaction_type, amount, balance_before, balance_after, card_id, attribution_id, reverses_id,
      idempotency_key, description, '{}', created_at), 18)) OVER by_user AS entry_hash
    FROM (
      SELECT p.*, nextval('public.extropy_ledger_id_seq') AS id, u.head_hash,
        u.entry_count + row_number() OVER by_user AS user_seq,
        (u.extropy_balance + sum(p.amount) OVER by_user - p.amount)::decimal(20, 2) AS balance_before,
        (u.extropy_balance + sum(p.amount) OVER by_user)::decimal(20, 2) AS balance_after,
        greatest(statement_timestamp(), u.head_at + interval '1 microsecond')
          + (row_number() OVER by_user - 1) * interval '1 microsecond' AS created_at
      FROM unnest(postings) WITH ORDINALITY AS p (user_id, transaction_type, amount, card_id, attribution_id,
        transaction_id, leg, reverses_id, idempotency_key, description, no)
      JOIN public.users u ON u.id = p.user_id
      WINDOW by_user AS (PARTITION BY p.user_id ORDER BY p.no)
    ) placed
    WINDOW by_user AS (PARTITION BY user_id ORDER BY user_seq)
  ) chained
  WINDOW by_user AS (PARTITION BY user_id ORDER BY user_seq);
END
$$;
DROP TYPE public.ledger_head;
DROP TRIGGER extropy_ledger_no_rewrite ON public.extropy_ledger;

CREATE OR REPLACE FUNCTION public.users_open_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.entry_count <> 0 OR NEW.head_hash <> repeat('0', 64) OR NEW.head_at IS NOT NULL
    OR NEW.rewards_on IS NOT NULL OR NEW.rewards_count <> 0
  THEN
    RAISE EXCEPTION 'a new user has no ledger head' USING ERRCODE = 'EX002', TABLE = 'users';
  END IF;
  IF NEW.extropy_balance <> 0 THEN
    INSERT INTO public.extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, description)
      VALUES (NEW.id, 'initial_grant', NEW.extropy_balance, 0, NEW.extropy_balance, 'Initial grant');
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION public.users_guard_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.entry_count <> OLD.entry_count THEN
    IF NEW.entry_count = OLD.entry_count + 1 AND EXISTS (
      SELECT FROM public.extropy_ledger e
      WHERE e.user_id = NEW.id AND e.user_seq = NEW.entry_count AND e.entry_hash = NEW.head_hash
        AND e.prev_hash = OLD.head_hash AND e.balance_after = NEW.extropy_balance AND e.created_at = NEW.head_at)
    THEN
      RETURN NULL;
    END IF;
  ELSIF NEW.head_hash = OLD.head_hash AND NEW.head_at IS NOT DISTINCT FROM OLD.head_at
    AND NEW.rewards_on IS NOT DISTINCT FROM OLD.rewards_on AND NEW.rewards_count = OLD.rewards_count
  THEN
    IF NEW.extropy_balance = OLD.extropy_balance THEN
      RETURN NULL;
    END IF;
    INSERT INTO public.extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, description)
      VALUES (NEW.id, 'admin_adjustment', NEW.extropy_balance - OLD.extropy_balance,
        OLD.extropy_balance, NEW.extropy_balance, 'Balance written directly');
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the ledger head of user % is kept by the ledger and can''t be written directly', NEW.id
    USING ERRCODE = 'EX002', TABLE = 'users', HINT = 'Insert into extropy_ledger, or update extropy_balance alone.';
END
$$;

DROP FUNCTION public.users_prove_head(uuid);

CREATE OR REPLACE FUNCTION public.extropy_ledger_apply() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  today date := (NEW.created_at AT TIME ZONE 'UTC')::date;
BEGIN
  -- Not a CHECK: PostgreSQL would parse this long expression anew for every INSERT, for 0.3 ms each.
  IF NEW.entry_hash <> public.sha256_hex(public.ledger_entry_text(
    NEW.prev_hash, NEW.id, NEW.user_id, NEW.user_seq, NEW.transaction_id, NEW.transaction_type, NEW.amount,
    NEW.balance_before, NEW.balance_after, NEW.card_id, NEW.attribution_id, NEW.reverses_id,
    NEW.idempotency_key, NEW.description, NEW.metadata, NEW.created_at))
  THEN
    RAISE EXCEPTION 'the hash of entry % of user % is not that of its text', NEW.user_seq, NEW.user_id
      USING ERRCODE = 'EX001', TABLE = 'extropy_ledger', HINT = 'Leave entry_hash out to have it set.';
  END IF;

  UPDATE public.users u SET
    extropy_balance = NEW.balance_after,
    entry_count = NEW.user_seq,
    head_hash = NEW.entry_hash,
    head_at = NEW.created_at,
    rewards_on = CASE WHEN NEW.transaction_type = 'publish_reward' THEN today ELSE u.rewards_on END,
    rewards_count = CASE WHEN NEW.transaction_type <> 'publish_reward' THEN u.rewards_count
      WHEN u.rewards_on = today THEN u.rewards_count + 1 ELSE 1 END
  WHERE u.id = NEW.user_id
    AND u.entry_count = NEW.user_seq - 1
    AND u.head_hash = NEW.prev_hash
    AND u.extropy_balance = NEW.balance_before
    AND (u.head_at IS NULL OR u.head_at < NEW.created_at);
  IF FOUND AND NEW.created_at <= clock_timestamp() + interval '1 minute' THEN
    RETURN NULL;
  END IF;

  -- A direct write has moved the balance already and users_guard_head is posting the entry for it. Outside
  -- that moment the balance equals the last entry's balance_after, and since an amount is never zero it can't
  -- equal this entry's balance_after as well: nobody else comes through here.
  UPDATE public.users u SET
    entry_count = NEW.user_seq, head_hash = NEW.entry_hash, head_at = NEW.created_at
  WHERE u.id = NEW.user_id
    AND u.entry_count = NEW.user_seq - 1
    AND u.head_hash = NEW.prev_hash
    AND u.extropy_balance = NEW.balance_after
    AND NEW.balance_before = coalesce((
      SELECT p.balance_after FROM public.extropy_ledger p
      WHERE p.user_id = NEW.user_id AND p.user_seq = NEW.user_seq - 1), 0)
    AND (u.head_at IS NULL OR u.head_at < NEW.created_at)
    AND NEW.transaction_type IN ('initial_grant', 'admin_adjustment');
  IF NOT FOUND THEN
    RAISE EXCEPTION 'entry % of user % does not follow the entry before it', NEW.user_seq, NEW.user_id
      USING ERRCODE = 'EX001', TABLE = 'extropy_ledger',
        HINT = 'user_seq, prev_hash, balance_before and created_at must continue the user''s last entry; leave them out to have them set.';
  END IF;
  RETURN NULL;
END
$$;

DROP TRIGGER prevent_negative_balance_trigger ON public.users;
CREATE TRIGGER prevent_negative_balance_trigger BEFORE UPDATE ON public.users
  FOR EACH ROW WHEN (NEW.extropy_balance IS DISTINCT FROM OLD.extropy_balance)
  EXECUTE FUNCTION public.prevent_negative_balance();

ALTER TABLE public.extropy_ledger
  DROP CONSTRAINT extropy_ledger_sound,
  ADD CONSTRAINT extropy_ledger_type CHECK (transaction_type IN ( 'initial_grant', 'publish_reward', 'attribution_payment', 'attribution_received', 'admin_adjustment', 'bonus', 'penalty', 'transfer_sent', 'transfer_received', 'reversal')),
  ADD CONSTRAINT extropy_ledger_amount CHECK (amount <> 0 AND amount <> 'NaN'),
  ADD CONSTRAINT extropy_ledger_sign CHECK (CASE WHEN transaction_type IN ('attribution_payment', 'transfer_sent', 'penalty') THEN amount < 0 WHEN transaction_type IN ('admin_adjustment', 'reversal') THEN true ELSE amount > 0 END),
  ADD CONSTRAINT extropy_ledger_leg CHECK (CASE WHEN transaction_type IN ('attribution_received', 'transfer_received') THEN leg = 2 WHEN transaction_type = 'reversal' THEN leg IN (1, 2) ELSE leg = 1 END),
  ADD CONSTRAINT extropy_ledger_balance CHECK (balance_before >= 0 AND balance_after >= 0 AND balance_after = balance_before + amount AND balance_before <> 'NaN' AND balance_after <> 'NaN'),
  ADD CONSTRAINT extropy_ledger_reversal CHECK ((transaction_type = 'reversal') = (reverses_id IS NOT NULL)),
  ADD CONSTRAINT extropy_ledger_one_line CHECK ( idempotency_key <> '' AND strpos(idempotency_key, chr(10)) = 0 AND description <> '' AND strpos(description, chr(10)) = 0);
DROP FUNCTION public.extropy_ledger_is_sound(varchar, numeric, numeric, numeric, bigint, smallint, bigint, varchar, text);

ALTER TABLE public.cards
  DROP CONSTRAINT cards_sound,
  ADD CONSTRAINT cards_privacy_level CHECK (privacy_level IN ('PRIVATE', 'PERSONAL', 'BUSINESS', 'IDEAS')),
  ADD CONSTRAINT cards_category CHECK (category IN ('UNASSIMILATED', 'PROGRAM', 'CATEGORIZED', 'GRIT', 'TOUGH', 'JUNK')),
  ADD CONSTRAINT cards_private_never_published CHECK (NOT is_published OR privacy_level IN ('BUSINESS', 'IDEAS')),
  ADD CONSTRAINT cards_withdrawn_not_published CHECK (NOT is_published OR withdrawn_at IS NULL),
  ADD CONSTRAINT cards_extropy_earned_not_negative CHECK (extropy_earned >= 0 AND extropy_earned <> 'NaN'),
  ADD CONSTRAINT cards_counts_not_negative CHECK (view_count >= 0 AND attribution_count >= 0);
DROP FUNCTION public.card_is_sound(varchar, varchar, boolean, timestamptz, numeric, bigint, integer);

ALTER TABLE public.attributions
  DROP CONSTRAINT attributions_sound,
  ADD CONSTRAINT attributions_type CHECK (attribution_type IN ('citation', 'remix', 'reply', 'inspiration')),
  ADD CONSTRAINT attributions_amount_not_negative CHECK (extropy_amount >= 0 AND extropy_amount <> 'NaN'),
  ADD CONSTRAINT attributions_two_cards CHECK (source_card_id <> target_card_id),
  ADD CONSTRAINT attributions_two_users CHECK (source_user_id <> target_user_id);
DROP FUNCTION public.attribution_is_sound(varchar, numeric, uuid, uuid, uuid, uuid);

UPDATE public.schema_metadata SET value = '1.7.0', updated_at = now() WHERE key = 'schema_version';
