-- Movements between users: attributions with their payment, and transfers. Like publish_cards, each call does a batch
-- of requests in one statement, and each request has its own outcome.
-- Locks: none that anybody waits for; everything here is new.
--
-- The common shape: lock the users in id order, ask request_states, decide one request after the other with balances
-- that the ones before have left, then write all rows, post all entries, and record the answers.

-- One citing card's attribution of one cited card (source: cited, target: citing; the target's author pays).
--
-- The arrays have one element a request: caller, key, Idempotency-Key and request hash (NULL: none), the ids that
-- the attribution and its movement get, and its row. Returns one row a request, in order. `outcome` is `created`,
-- `replayed` (attribution_id, amount and balance of the first time), `key-reused`, `unauthenticated`, `not-found` (no
-- such card, or never published), `forbidden` (the citing card is not the caller's), `gone`, `self-attribution`,
-- `already-attributed` (attribution_id: the one there is) or `insufficient-balance`. `balance` is the caller's after
-- the request. Raises unique_violation where two requests of a batch make the same attribution.
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

-- Transfers. The arrays have one element a request; `to_users` holds an id or a username each. Returns one row a
-- request, in order. `outcome` is `sent`, `replayed` (transaction_id, payee_id and balance of the first time),
-- `key-reused`, `unauthenticated`, `not-found` (nobody, the system account, a deactivated or an erased user),
-- `self-transfer` or `insufficient-balance`. `balance` is the caller's after the request.
CREATE FUNCTION public.send_transfers(
  caller_ids uuid[], key_ids uuid[], idempotency_keys varchar[], request_hashes varchar[],
  transaction_ids uuid[], to_users text[], amounts decimal[], notes text[]
) RETURNS TABLE (request_no integer, outcome text, transaction_id uuid, payee_id uuid, payee_username varchar,
  balance decimal(20, 2))
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  payee_ids uuid[];
  user_ids uuid[];
  balances decimal(20, 2)[];
  states public.request_state[];
  r record;
  outcomes text[] := '{}';
  balances_after decimal(20, 2)[] := '{}';
  result text;
BEGIN
  -- No username looks like an id (src/users/model.ts), so at most one of the two finds somebody.
  SELECT array_agg(coalesce(by_id.id, by_name.id) ORDER BY q.no) INTO payee_ids
    FROM unnest(to_users) WITH ORDINALITY AS q (to_user, no)
    LEFT JOIN LATERAL (
      SELECT u.id FROM public.users u
      WHERE u.id = CASE WHEN q.to_user ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN q.to_user::uuid END
      LIMIT 1) by_id ON true
    LEFT JOIN LATERAL (SELECT u.id FROM public.users u WHERE u.username = q.to_user LIMIT 1) by_name ON true;
  SELECT array_agg(DISTINCT u.id ORDER BY u.id) INTO user_ids
    FROM (SELECT unnest(caller_ids) UNION ALL SELECT unnest(payee_ids)) u (id) WHERE u.id IS NOT NULL;
  PERFORM FROM public.users u WHERE u.id = ANY (user_ids) ORDER BY u.id FOR NO KEY UPDATE;
  states := public.request_states(caller_ids, key_ids, idempotency_keys, request_hashes);
  SELECT array_agg(coalesce(u.extropy_balance, 0) ORDER BY i.no) INTO balances
    FROM unnest(user_ids) WITH ORDINALITY AS i (id, no) LEFT JOIN public.users u ON u.id = i.id;

  FOR r IN
    SELECT q.no, q.caller_id, q.payee_id, q.amount, (states[q.no]).state AS state, (states[q.no]).answer AS answer,
      coalesce(u.is_active, false) AS payee_is_active,
      array_position(user_ids, q.caller_id) AS payer_no, array_position(user_ids, q.payee_id) AS payee_no
    FROM unnest(caller_ids, payee_ids, amounts) WITH ORDINALITY AS q (caller_id, payee_id, amount, no)
    LEFT JOIN public.users u ON u.id = q.payee_id
    ORDER BY q.no
  LOOP
    result := CASE
      WHEN r.state <> 'new' THEN r.state
      WHEN r.payee_id = r.caller_id THEN 'self-transfer'
      WHEN NOT r.payee_is_active THEN 'not-found'
      WHEN balances[r.payer_no] < r.amount THEN 'insufficient-balance'
      ELSE 'sent' END;
    IF result = 'sent' THEN
      balances[r.payer_no] := balances[r.payer_no] - r.amount;
      balances[r.payee_no] := balances[r.payee_no] + r.amount;
    ELSIF result = 'replayed' THEN
      transaction_ids[r.no] := (r.answer ->> 'transaction_id')::uuid;
      payee_ids[r.no] := (r.answer ->> 'payee_id')::uuid;
    END IF;
    outcomes := outcomes || result;
    balances_after := balances_after || CASE result
      WHEN 'replayed' THEN (r.answer ->> 'balance')::decimal(20, 2) ELSE balances[r.payer_no] END;
  END LOOP;

  PERFORM public.post_entries(array_agg(posting ORDER BY q.no, leg))
    FROM unnest(outcomes, transaction_ids, payee_ids, caller_ids, amounts, idempotency_keys) WITH ORDINALITY
      AS q (outcome, transaction_id, payee_id, caller_id, amount, idempotency_key, no)
    CROSS JOIN LATERAL (VALUES
      (1, ROW(q.caller_id, 'transfer_sent', -q.amount, NULL, NULL, q.transaction_id, 1, NULL,
        'key:' || q.caller_id::text || ':' || q.idempotency_key, 'Transfer sent')::public.ledger_posting),
      (2, ROW(q.payee_id, 'transfer_received', q.amount, NULL, NULL, q.transaction_id, 2, NULL, NULL,
        'Transfer received')::public.ledger_posting)
    ) legs (leg, posting)
    WHERE q.outcome = 'sent'
    HAVING count(*) > 0;

  INSERT INTO public.transaction_notes (transaction_id, author_id, note)
    SELECT q.transaction_id, q.caller_id, q.note
    FROM unnest(outcomes, transaction_ids, caller_ids, notes) AS q (outcome, transaction_id, caller_id, note)
    WHERE q.outcome = 'sent' AND q.note IS NOT NULL;

  INSERT INTO public.idempotency_records (user_id, key, request_hash, answer)
    SELECT q.caller_id, q.idempotency_key, q.request_hash, jsonb_build_object('transaction_id', q.transaction_id,
      'payee_id', q.payee_id, 'balance', q.balance::text)
    FROM unnest(outcomes, caller_ids, idempotency_keys, request_hashes, transaction_ids, payee_ids, balances_after)
      AS q (outcome, caller_id, idempotency_key, request_hash, transaction_id, payee_id, balance)
    WHERE q.outcome = 'sent' AND q.idempotency_key IS NOT NULL;

  RETURN QUERY
    SELECT q.no::integer, q.outcome, q.transaction_id, q.payee_id, u.username, q.balance
    FROM unnest(outcomes, transaction_ids, payee_ids, balances_after) WITH ORDINALITY
      AS q (outcome, transaction_id, payee_id, balance, no)
    LEFT JOIN public.users u ON u.id = q.payee_id
    ORDER BY q.no;
END
$$;

UPDATE public.schema_metadata SET value = '1.2.0', updated_at = now() WHERE key = 'schema_version';
