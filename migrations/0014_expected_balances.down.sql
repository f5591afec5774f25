-- Adjustments as they were: from whatever balance there is.
DROP FUNCTION public.adjust_balances(uuid[], uuid[], varchar[], varchar[], varchar[], uuid[], uuid[], varchar[], decimal[],
  text[], decimal[]);

-- Adjustments. The arrays have one element a request; `amounts` are signed, positive for a `bonus` and negative for a
-- `penalty`. Returns one row a request, in order. `outcome` is `adjusted`, `replayed` (transaction_id of the first
-- time), `key-reused`, `unauthenticated`, `forbidden` (the caller is no admin any more), `not-found` (nobody, the
-- system account or an erased one) or `insufficient-balance`. `balance` is the account's after the request.
--
-- Locks callers and accounts in id order. Raises numeric_value_out_of_range where a balance would get too large.
CREATE FUNCTION public.adjust_balances(
  caller_ids uuid[], key_ids uuid[], idempotency_keys varchar[], request_hashes varchar[], request_ids varchar[],
  transaction_ids uuid[], user_ids uuid[], transaction_types varchar[], amounts decimal[], reasons text[]
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
    SELECT q.no, q.amount, (states[q.no]).state AS state, (states[q.no]).answer AS answer, c.role AS caller_role,
      u.id IS NOT NULL AND u.erased_at IS NULL AND u.id <> '00000000-0000-0000-0000-000000000000' AS is_adjustable,
      array_position(locked_ids, q.user_id) AS user_no
    FROM unnest(caller_ids, user_ids, amounts) WITH ORDINALITY AS q (caller_id, user_id, amount, no)
    LEFT JOIN public.users c ON c.id = q.caller_id
    LEFT JOIN public.users u ON u.id = q.user_id
    ORDER BY q.no
  LOOP
    result := CASE
      WHEN r.state = 'unauthenticated' THEN r.state
      WHEN r.caller_role <> 'admin' THEN 'forbidden'
      WHEN r.state <> 'new' THEN r.state
      WHEN NOT r.is_adjustable THEN 'not-found'
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

UPDATE public.schema_metadata SET value = '1.10.0', updated_at = now() WHERE key = 'schema_version';
