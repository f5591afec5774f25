-- What operators do: the audit log, adjustments and reversals, and the indexes by which accounts are found.
-- Locks: SHARE on users while the indexes are built (writers wait, readers don't); everything else is new.

-- 1. The audit log ---------------------------------------------------------------------------------------

-- Who did what to whom, written in the transaction of the deed. Ids, codes and amounts only, since nothing here can
-- ever be erased. No foreign keys: the log outlives what it names.
CREATE TABLE public.audit_log (
  id uuid CONSTRAINT audit_log_pkey PRIMARY KEY DEFAULT public.uuid_v7(),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor_id uuid NOT NULL,
  action varchar(50) NOT NULL,
  -- Whom it concerns, and of a movement between two also the other one.
  user_id uuid NOT NULL,
  counterparty_id uuid,
  -- The movement that was made.
  transaction_id uuid,
  -- What it changed, as it was (NULL: there was nothing) and as it is since.
  before jsonb,
  after jsonb NOT NULL,
  request_id varchar(128) NOT NULL,
  CONSTRAINT audit_log_action CHECK (action IN ('account_created', 'balance_adjusted', 'movement_reversed',
    'account_deactivated', 'account_activated', 'key_rotated', 'role_changed')),
  CONSTRAINT audit_log_movement
    CHECK ((transaction_id IS NOT NULL) = (action IN ('balance_adjusted', 'movement_reversed')))
);
CREATE INDEX audit_log_at ON public.audit_log (at DESC, id DESC);
CREATE INDEX audit_log_actor ON public.audit_log (actor_id, at DESC, id DESC);
CREATE INDEX audit_log_action_at ON public.audit_log (action, at DESC, id DESC);
CREATE INDEX audit_log_user ON public.audit_log (user_id, at DESC, id DESC);
CREATE INDEX audit_log_counterparty ON public.audit_log (counterparty_id, at DESC, id DESC)
  WHERE counterparty_id IS NOT NULL;

-- Why: what the operator wrote. A table of its own, since it may hold what an erased account has a right to see gone.
CREATE TABLE public.audit_reasons (
  audit_id uuid CONSTRAINT audit_reasons_pkey PRIMARY KEY
    CONSTRAINT audit_reasons_audit REFERENCES public.audit_log,
  reason text NOT NULL
);

-- Raises EX002.
CREATE FUNCTION public.audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'EX002', TABLE = TG_TABLE_NAME;
END
$$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON public.audit_log
  FOR EACH ROW EXECUTE FUNCTION public.audit_refuse_change();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON public.audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse_change();
-- A reason can be erased, and never becomes another one.
CREATE TRIGGER audit_reasons_no_update BEFORE UPDATE ON public.audit_reasons
  FOR EACH ROW EXECUTE FUNCTION public.audit_refuse_change();
CREATE TRIGGER audit_reasons_no_truncate BEFORE TRUNCATE ON public.audit_reasons
  FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse_change();
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER audit_log_append_only;
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER audit_log_no_truncate;
ALTER TABLE public.audit_reasons ENABLE ALWAYS TRIGGER audit_reasons_no_update;
ALTER TABLE public.audit_reasons ENABLE ALWAYS TRIGGER audit_reasons_no_truncate;

-- 2. Finding accounts ------------------------------------------------------------------------------------

-- In byte order, so that they serve prefixes whatever the database's collation. None is on what a payment changes:
-- that would take the payments their updates in place.
CREATE INDEX users_created ON public.users (created_at DESC, id DESC);
CREATE INDEX users_username_prefix ON public.users ((lower(username) COLLATE "C"));
CREATE INDEX users_email_prefix ON public.users ((lower(email) COLLATE "C"));
CREATE INDEX users_display_name_prefix ON public.users ((lower(display_name) COLLATE "C"));
CREATE INDEX users_operators ON public.users (role) WHERE role <> 'member';
CREATE INDEX users_inactive ON public.users (created_at DESC, id DESC) WHERE NOT is_active;

-- 3. Movements by operators ------------------------------------------------------------------------------

-- Adjustments. The arrays have one element a request; `amounts` are signed, positive for a `bonus` and negative for a
-- `penalty`. Returns one row a request, in order. `outcome` is `adjusted`, `replayed` (transaction_id of the first
-- time), `key-reused`, `unauthenticated`, `forbidden` (the caller is no admin any more), `not-found` (nobody, the
-- system account or an erased one), `changed` (it does not hold what `expected_balances` says, where NULL expects
-- nothing) or `insufficient-balance`. `balance` is the account's after the request.
--
-- Locks callers and accounts in id order. Raises numeric_value_out_of_range where a balance would get too large.
CREATE FUNCTION public.adjust_balances(
  caller_ids uuid[], key_ids uuid[], idempotency_keys varchar[], request_hashes varchar[], request_ids varchar[],
  transaction_ids uuid[], user_ids uuid[], transaction_types varchar[], amounts decimal[], reasons text[],
  expected_balances decimal[]
) RETURNS TABLE (request_no integer, outcome text, transaction_id uuid, balance decimal(20, 2))
LANGUAGE plpgsql VOLATILE
-- As in publish_cards: plans that are made once, and hold from an empty table on.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  locked_ids uuid[];
  balances decimal(20, 2)[];
  states public.request_state[];
  r record;
  outcomes text[] := '{}';
  balances_after decimal(20, 2)[] := '{}';
  result text;
BEGIN
  SELECT array_agg(DISTINCT u.id ORDER BY u.id) INTO locked_ids
    FROM (SELECT unnest(caller_ids) UNION ALL SELECT unnest(user_ids)) u (id);
  PERFORM FROM public.users u WHERE u.id = ANY (locked_ids) ORDER BY u.id FOR NO KEY UPDATE;
  states := public.request_states(caller_ids, key_ids, idempotency_keys, request_hashes);
  SELECT array_agg(coalesce(u.extropy_balance, 0) ORDER BY i.no) INTO balances
    FROM unnest(locked_ids) WITH ORDINALITY AS i (id, no) LEFT JOIN public.users u ON u.id = i.id;

  FOR r IN
    SELECT q.no, q.amount, q.expected_balance, (states[q.no]).state AS state, (states[q.no]).answer AS answer,
      c.role AS caller_role,
      u.id IS NOT NULL AND u.erased_at IS NULL AND u.id <> '00000000-0000-0000-0000-000000000000' AS is_adjustable,
      array_position(locked_ids, q.user_id) AS user_no
    FROM unnest(caller_ids, user_ids, amounts, expected_balances) WITH ORDINALITY
      AS q (caller_id, user_id, amount, expected_balance, no)
    LEFT JOIN public.users c ON c.id = q.caller_id
    LEFT JOIN public.users u ON u.id = q.user_id
    ORDER BY q.no
  LOOP
    result := CASE
      WHEN r.state = 'unauthenticated' THEN r.state
      WHEN r.caller_role <> 'admin' THEN 'forbidden'
      WHEN r.state <> 'new' THEN r.state
      WHEN NOT r.is_adjustable THEN 'not-found'
      WHEN balances[r.user_no] <> r.expected_balance THEN 'changed'
      WHEN balances[r.user_no] + r.amount < 0 THEN 'insufficient-balance'
      ELSE 'adjusted' END;
    IF result = 'adjusted' THEN
      balances[r.user_no] := balances[r.user_no] + r.amount;
    ELSIF result = 'replayed' THEN
      transaction_ids[r.no] := (r.answer ->> 'transaction_id')::uuid;
    END IF;
    outcomes := outcomes || result;
    balances_after := balances_after || balances[r.user_no];
  END LOOP;

  -- The keys of operators stay out of entries, which their owners read.
  PERFORM public.post_entries(array_agg(ROW(q.user_id, q.transaction_type, q.amount, NULL, NULL, q.transaction_id, 1,
      NULL, NULL, CASE q.transaction_type WHEN 'bonus' THEN 'Bonus from an operator'
        WHEN 'penalty' THEN 'Penalty by an operator' ELSE 'Adjustment by an operator' END
    )::public.ledger_posting ORDER BY q.no))
    FROM unnest(outcomes, transaction_ids, user_ids, transaction_types, amounts) WITH ORDINALITY
      AS q (outcome, transaction_id, user_id, transaction_type, amount, no)
    WHERE q.outcome = 'adjusted'
    HAVING count(*) > 0;

  WITH logged AS (
    INSERT INTO public.audit_log (actor_id, action, user_id, transaction_id, before, after, request_id)
      SELECT q.caller_id, 'balance_adjusted', q.user_id, q.transaction_id,
        jsonb_build_object('balance', l.balance_before::text), jsonb_build_object('balance', l.balance_after::text),
        q.request_id
      FROM unnest(outcomes, caller_ids, user_ids, transaction_ids, request_ids) WITH ORDINALITY
        AS q (outcome, caller_id, user_id, transaction_id, request_id, no)
      JOIN public.extropy_ledger l ON l.transaction_id = q.transaction_id
      WHERE q.outcome = 'adjusted' ORDER BY q.no
      RETURNING id, transaction_id)
  INSERT INTO public.audit_reasons (audit_id, reason)
    SELECT logged.id, q.reason FROM logged
    JOIN unnest(transaction_ids, reasons) AS q (transaction_id, reason) ON q.transaction_id = logged.transaction_id;

  INSERT INTO public.idempotency_records (user_id, key, request_hash, answer)
    SELECT q.caller_id, q.idempotency_key, q.request_hash, jsonb_build_object('transaction_id', q.transaction_id)
    FROM unnest(outcomes, caller_ids, idempotency_keys, request_hashes, transaction_ids)
      AS q (outcome, caller_id, idempotency_key, request_hash, transaction_id)
    WHERE q.outcome = 'adjusted';

  RETURN QUERY
    SELECT q.no::integer, q.outcome, q.transaction_id, q.balance
    FROM unnest(outcomes, transaction_ids, balances_after) WITH ORDINALITY AS q (outcome, transaction_id, balance, no)
    ORDER BY q.no;
END
$$;

-- Reversals: each undoes the whole movement that an entry belongs to. The arrays have one element a request. Returns
-- one row a request, in order. `outcome` is `reversed`, `replayed` (transaction_id of the first time), `key-reused`,
-- `unauthenticated`, `forbidden`, `not-found`, `not-reversible` (a reversal, or an account of it was erased: it would
-- get tokens that nobody can use), `already-reversed` or `insufficient-balance`, with what the account holds
-- that would have to give back, and how much that is.
--
-- Locks callers and accounts in id order, then cards in id order.
CREATE FUNCTION public.reverse_movements(
  caller_ids uuid[], key_ids uuid[], idempotency_keys varchar[], request_hashes varchar[], request_ids varchar[],
  transaction_ids uuid[], entry_ids bigint[], reasons text[]
) RETURNS TABLE (request_no integer, outcome text, transaction_id uuid, balance decimal(20, 2), required decimal(20, 2))
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  locked_ids uuid[];
  balances decimal(20, 2)[];
  states public.request_state[];
  r record;
  done_ids uuid[] := '{}';
  outcomes text[] := '{}';
  movement_ids uuid[] := '{}';
  lacking_balances decimal(20, 2)[] := '{}';
  required_amounts decimal(20, 2)[] := '{}';
  result text;
BEGIN
  -- Entries never change, so that their accounts are known before anything is locked.
  SELECT array_agg(DISTINCT u.id ORDER BY u.id) INTO locked_ids FROM (
    SELECT unnest(caller_ids)
    UNION ALL
    SELECT l.user_id FROM public.extropy_ledger e JOIN public.extropy_ledger l ON l.transaction_id = e.transaction_id
    WHERE e.id = ANY (entry_ids)
  ) u (id);
  PERFORM FROM public.users u WHERE u.id = ANY (locked_ids) ORDER BY u.id FOR NO KEY UPDATE;
  states := public.request_states(caller_ids, key_ids, idempotency_keys, request_hashes);
  SELECT array_agg(coalesce(u.extropy_balance, 0) ORDER BY i.no) INTO balances
    FROM unnest(locked_ids) WITH ORDINALITY AS i (id, no) LEFT JOIN public.users u ON u.id = i.id;

  FOR r IN
    SELECT q.no, (states[q.no]).state AS state, (states[q.no]).answer AS answer, c.role AS caller_role,
      e.transaction_id AS movement_id, e.transaction_type, legs.user_nos, legs.amounts, legs.is_erased, legs.is_reversed
    FROM unnest(caller_ids, entry_ids) WITH ORDINALITY AS q (caller_id, entry_id, no)
    LEFT JOIN public.users c ON c.id = q.caller_id
    LEFT JOIN LATERAL (SELECT e.* FROM public.extropy_ledger e WHERE e.id = q.entry_id LIMIT 1) e ON true
    LEFT JOIN LATERAL (
      SELECT array_agg(array_position(locked_ids, l.user_id) ORDER BY l.leg) AS user_nos,
        array_agg(l.amount ORDER BY l.leg) AS amounts,
        bool_or(u.erased_at IS NOT NULL) AS is_erased,
        bool_or(EXISTS (SELECT FROM public.extropy_ledger x WHERE x.reverses_id = l.id)) AS is_reversed
      FROM public.extropy_ledger l JOIN public.users u ON u.id = l.user_id
      WHERE l.transaction_id = e.transaction_id) legs ON true
    ORDER BY q.no
  LOOP
    result := CASE
      WHEN r.state = 'unauthenticated' THEN r.state
      WHEN r.caller_role <> 'admin' THEN 'forbidden'
      WHEN r.state <> 'new' THEN r.state
      WHEN r.movement_id IS NULL THEN 'not-found'
      WHEN r.transaction_type = 'reversal' THEN 'not-reversible'
      WHEN r.is_reversed OR r.movement_id = ANY (done_ids) THEN 'already-reversed'
      WHEN r.is_erased THEN 'not-reversible'
      ELSE 'reversed' END;
    movement_ids := movement_ids || r.movement_id;
    lacking_balances := lacking_balances || NULL::decimal;
    required_amounts := required_amounts || NULL::decimal;
    IF result = 'reversed' THEN
      FOR i IN 1 .. cardinality(r.amounts) LOOP
        IF balances[r.user_nos[i]] < r.amounts[i] THEN
          result := 'insufficient-balance';
          lacking_balances[r.no] := balances[r.user_nos[i]];
          required_amounts[r.no] := r.amounts[i];
        END IF;
      END LOOP;
    ELSIF result = 'replayed' THEN
      transaction_ids[r.no] := (r.answer ->> 'transaction_id')::uuid;
    END IF;
    IF result = 'reversed' THEN
      FOR i IN 1 .. cardinality(r.amounts) LOOP
        balances[r.user_nos[i]] := balances[r.user_nos[i]] - r.amounts[i];
      END LOOP;
      done_ids := done_ids || r.movement_id;
    END IF;
    outcomes := outcomes || result;
  END LOOP;

  IF cardinality(done_ids) > 0 THEN
    PERFORM public.post_entries(array_agg(ROW(l.user_id, 'reversal', -l.amount, l.card_id, l.attribution_id,
        q.transaction_id, l.leg, l.id, NULL, 'Reversal by an operator')::public.ledger_posting ORDER BY q.no, l.leg))
      FROM unnest(outcomes, movement_ids, transaction_ids) WITH ORDINALITY AS q (outcome, movement_id, transaction_id, no)
      JOIN public.extropy_ledger l ON l.transaction_id = q.movement_id
      WHERE q.outcome = 'reversed';

    -- What the undone movements had added to cards: a reward its amount, an attribution its amount and itself.
    UPDATE public.attributions a SET reversed_at = now()
      FROM public.extropy_ledger l
      WHERE l.transaction_id = ANY (done_ids) AND l.transaction_type = 'attribution_received' AND a.id = l.attribution_id;
    PERFORM FROM public.cards c
      WHERE c.id IN (SELECT l.card_id FROM public.extropy_ledger l
        WHERE l.transaction_id = ANY (done_ids) AND l.transaction_type IN ('publish_reward', 'attribution_received'))
      ORDER BY c.id FOR NO KEY UPDATE;
    -- Not below zero: a card that was written by hand may never have counted what it earned.
    UPDATE public.cards c SET extropy_earned = greatest(c.extropy_earned - u.amount, 0),
        attribution_count = greatest(c.attribution_count - u.attributions, 0)
      FROM (
        SELECT l.card_id, sum(l.amount) AS amount, count(l.attribution_id)::integer AS attributions
        FROM public.extropy_ledger l
        WHERE l.transaction_id = ANY (done_ids) AND l.transaction_type IN ('publish_reward', 'attribution_received')
        GROUP BY l.card_id
      ) u WHERE c.id = u.card_id;

    WITH logged AS (
      INSERT INTO public.audit_log (actor_id, action, user_id, counterparty_id, transaction_id, before, after, request_id)
        SELECT q.caller_id, 'movement_reversed', legs.user_ids[1], legs.user_ids[2], q.transaction_id,
          jsonb_build_object('transaction_id', q.movement_id, 'balances', legs.before),
          jsonb_build_object('transaction_id', q.transaction_id, 'balances', legs.after), q.request_id
        FROM unnest(outcomes, caller_ids, movement_ids, transaction_ids, request_ids) WITH ORDINALITY
          AS q (outcome, caller_id, movement_id, transaction_id, request_id, no)
        CROSS JOIN LATERAL (
          SELECT array_agg(l.user_id ORDER BY l.leg) AS user_ids,
            jsonb_object_agg(l.user_id, l.balance_before::text) AS before,
            jsonb_object_agg(l.user_id, l.balance_after::text) AS after
          FROM public.extropy_ledger l WHERE l.transaction_id = q.transaction_id) legs
        WHERE q.outcome = 'reversed' ORDER BY q.no
        RETURNING id, transaction_id)
    INSERT INTO public.audit_reasons (audit_id, reason)
      SELECT logged.id, q.reason FROM logged
      JOIN unnest(transaction_ids, reasons) AS q (transaction_id, reason) ON q.transaction_id = logged.transaction_id;

    INSERT INTO public.idempotency_records (user_id, key, request_hash, answer)
      SELECT q.caller_id, q.idempotency_key, q.request_hash, jsonb_build_object('transaction_id', q.transaction_id)
      FROM unnest(outcomes, caller_ids, idempotency_keys, request_hashes, transaction_ids)
        AS q (outcome, caller_id, idempotency_key, request_hash, transaction_id)
      WHERE q.outcome = 'reversed';
  END IF;

  RETURN QUERY
    SELECT q.no::integer, q.outcome, q.transaction_id, q.balance, q.required
    FROM unnest(outcomes, transaction_ids, lacking_balances, required_amounts) WITH ORDINALITY
      AS q (outcome, transaction_id, balance, required, no)
    ORDER BY q.no;
END
$$;

UPDATE public.schema_metadata SET value = '1.3.0', updated_at = now() WHERE key = 'schema_version';
