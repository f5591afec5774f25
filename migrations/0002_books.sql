-- The books keep themselves: what makes every balance follow from the ledger, whoever writes.
-- Locks: ACCESS EXCLUSIVE on the new, still empty tables.
--
-- The idea in one paragraph: inserting an entry is the only way to move a balance. A trigger completes a
-- lone entry (extropy_ledger_fill), CHECKs prove its sum, and after the row is in, another trigger proves its hash
-- and moves the user's head from entry n-1 to entry n (extropy_ledger_apply), or refuses. A head moves
-- only where such an entry is found (users_guard_head). A balance written directly becomes an entry of its own.

-- Own SQLSTATEs, class EX: EX001 an entry that does not follow its user's head; EX002 a change of what is
-- append-only or kept by triggers; EX003 legs that make no movement.

-- 1. Balances --------------------------------------------------------------------------------------------

CREATE FUNCTION public.prevent_negative_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.extropy_balance < 0 THEN
    RAISE EXCEPTION 'Insufficient $EXTROPY balance: user % has %, this would leave %',
      OLD.id, OLD.extropy_balance, NEW.extropy_balance
      USING ERRCODE = 'check_violation', CONSTRAINT = 'users_balance_not_negative', TABLE = 'users';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER prevent_negative_balance_trigger BEFORE UPDATE ON public.users
  FOR EACH ROW WHEN (NEW.extropy_balance IS DISTINCT FROM OLD.extropy_balance)
  EXECUTE FUNCTION public.prevent_negative_balance();

-- 2. Append-only -----------------------------------------------------------------------------------------

CREATE FUNCTION public.extropy_ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'extropy_ledger is append-only: % is refused', TG_OP
    USING ERRCODE = 'EX002', HINT = 'Correct a wrong entry by a new one, such as a reversal.';
END
$$;

CREATE TRIGGER extropy_ledger_append_only BEFORE UPDATE OR DELETE ON public.extropy_ledger
  FOR EACH ROW EXECUTE FUNCTION public.extropy_ledger_refuse_change();
CREATE TRIGGER extropy_ledger_no_truncate BEFORE TRUNCATE ON public.extropy_ledger
  FOR EACH STATEMENT EXECUTE FUNCTION public.extropy_ledger_refuse_change();
-- ALWAYS: also where session_replication_role is replica.
ALTER TABLE public.extropy_ledger ENABLE ALWAYS TRIGGER extropy_ledger_append_only;
ALTER TABLE public.extropy_ledger ENABLE ALWAYS TRIGGER extropy_ledger_no_truncate;

-- 3. One entry follows the other -------------------------------------------------------------------------

-- The text whose SHA-256 is an entry's hash: one line for each value, each ended by a line feed, empty for
-- NULL. docs/ledger.md holds the same list with a worked example. Not one value can hold a line feed itself
-- (constraint extropy_ledger_one_line; JSON escapes it), so no two entries share a text.
-- STABLE and a single expression, so that the planner writes it into the statement that uses it.
CREATE FUNCTION public.ledger_entry_text(
  prev_hash varchar, id bigint, user_id uuid, user_seq bigint, transaction_id uuid, transaction_type varchar,
  amount numeric, balance_before numeric, balance_after numeric, card_id uuid, attribution_id uuid,
  reverses_id bigint, idempotency_key varchar, description text, metadata jsonb, created_at timestamptz
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT 'extropy-ledger/1' || chr(10) || prev_hash || chr(10) || id::text || chr(10) || user_id::text || chr(10)
    || user_seq::text || chr(10) || transaction_id::text || chr(10) || transaction_type || chr(10)
    || amount::text || chr(10) || balance_before::text || chr(10) || balance_after::text || chr(10)
    || coalesce(card_id::text, '') || chr(10) || coalesce(attribution_id::text, '') || chr(10)
    || coalesce(reverses_id::text, '') || chr(10) || coalesce(idempotency_key, '') || chr(10)
    || coalesce(description, '') || chr(10) || metadata::text || chr(10)
    || (extract(epoch FROM created_at) * 1000000)::bigint::text || chr(10)
$$;

-- SHA-256 of a text in UTF-8, as lower-case hex.
CREATE FUNCTION public.sha256_hex(value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE STRICT AS $$
  SELECT encode(sha256(convert_to(value, 'UTF8')), 'hex')
$$;

-- Completes an entry that leaves its place in the chain to the database. Locks the user's row, so that lone
-- entries of one user queue up. Several entries of one user in one statement would all be given the same
-- place, and the second is refused by extropy_ledger_user_seq: who writes several brings their places along.
CREATE FUNCTION public.extropy_ledger_fill() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  head record;
BEGIN
  SELECT u.entry_count, u.head_hash, u.head_at INTO head
    FROM public.users u WHERE u.id = NEW.user_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'extropy_ledger: there is no user %', NEW.user_id
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'extropy_ledger_user', TABLE = 'extropy_ledger';
  END IF;
  NEW.user_seq := coalesce(NEW.user_seq, head.entry_count + 1);
  NEW.prev_hash := coalesce(NEW.prev_hash, head.head_hash);
  NEW.transaction_id := coalesce(NEW.transaction_id, public.uuid_v7());
  NEW.created_at := coalesce(NEW.created_at, greatest(clock_timestamp(), head.head_at + interval '1 microsecond'));
  IF NEW.leg IS NULL THEN
    NEW.leg := CASE
      WHEN NEW.transaction_type IN ('attribution_received', 'transfer_received') THEN 2
      WHEN NEW.transaction_type = 'reversal' THEN coalesce(
        (SELECT o.leg FROM public.extropy_ledger o WHERE o.id = NEW.reverses_id), 1)
      ELSE 1 END;
  END IF;
  NEW.entry_hash := coalesce(NEW.entry_hash, public.sha256_hex(public.ledger_entry_text(
    NEW.prev_hash, NEW.id, NEW.user_id, NEW.user_seq, NEW.transaction_id, NEW.transaction_type, NEW.amount,
    NEW.balance_before, NEW.balance_after, NEW.card_id, NEW.attribution_id, NEW.reverses_id,
    NEW.idempotency_key, NEW.description, NEW.metadata, NEW.created_at)));
  RETURN NEW;
END
$$;

CREATE TRIGGER extropy_ledger_fill BEFORE INSERT ON public.extropy_ledger
  FOR EACH ROW WHEN (NEW.user_seq IS NULL OR NEW.prev_hash IS NULL OR NEW.entry_hash IS NULL
    OR NEW.transaction_id IS NULL OR NEW.leg IS NULL OR NEW.created_at IS NULL)
  EXECUTE FUNCTION public.extropy_ledger_fill();

-- Moves the user's head from entry n-1 to this entry n. It runs after the row is in: a row that ON CONFLICT
-- skips, or that repeats an idempotency key, has moved nothing. Raises EX001.
CREATE FUNCTION public.extropy_ledger_apply() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER extropy_ledger_apply AFTER INSERT ON public.extropy_ledger
  FOR EACH ROW EXECUTE FUNCTION public.extropy_ledger_apply();

-- Lets a head move only to an entry that exists, and turns a balance written directly into the entry that
-- explains it. Evidence decides, neither trigger depth nor a setting, which a caller could arrange. Raises EX002.
CREATE FUNCTION public.users_guard_head() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER users_guard_head AFTER UPDATE ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.users_guard_head();

-- A user starts with an empty head; a balance given at the start becomes the first entry. Raises EX002.
CREATE FUNCTION public.users_open_account() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER users_open_account AFTER INSERT ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.users_open_account();

-- 4. Movements have all their legs -----------------------------------------------------------------------

-- Refuses, at the end of the statement, a leg whose counterpart did not come with it. A third leg can't get
-- in at all: a transaction has one leg 1 and one leg 2 (extropy_ledger_transaction_leg). Raises EX003.
CREATE FUNCTION public.extropy_ledger_check_legs() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- 5. Posting ---------------------------------------------------------------------------------------------

CREATE TYPE public.ledger_posting AS (
  user_id uuid, transaction_type varchar(50), amount decimal(20, 2), card_id uuid, attribution_id uuid,
  transaction_id uuid, leg smallint, reverses_id bigint, idempotency_key varchar(255), description text
);

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

-- Posts entries, in the order of the array, for any number of users in one INSERT, with places, balances and
-- hashes worked out in one pass. Locks the users in id order (FOR NO KEY UPDATE): who has to look at a balance
-- before deciding what to post takes the same locks first. A balance that would fall below zero is refused by
-- the ledger's CHECKs, and the whole statement with it.
CREATE FUNCTION public.post_entries(postings public.ledger_posting[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
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

-- 6. What cards earn, and when rows changed --------------------------------------------------------------

CREATE FUNCTION public.update_card_extropy_earned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE public.cards SET extropy_earned = extropy_earned + NEW.extropy_amount, attribution_count = attribution_count + 1
    WHERE id = NEW.source_card_id;
  RETURN NULL;
END
$$;

CREATE TRIGGER update_card_extropy_on_attribution AFTER INSERT ON public.attributions
  FOR EACH ROW EXECUTE FUNCTION public.update_card_extropy_earned();

CREATE FUNCTION public.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE TRIGGER update_cards_updated_at BEFORE UPDATE ON public.cards
  FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE TRIGGER update_sync_state_updated_at BEFORE UPDATE ON public.sync_state
  FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

-- A text changed without its checksum has a checksum that is not known any more.
CREATE FUNCTION public.cards_note_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.edited_at := now();
  IF NEW.checksum IS NOT DISTINCT FROM OLD.checksum THEN
    NEW.checksum := NULL;
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER cards_note_edit BEFORE UPDATE OF title, content, privacy_level, category, tags, metadata ON public.cards
  FOR EACH ROW EXECUTE FUNCTION public.cards_note_edit();

CREATE FUNCTION public.cards_keep_former_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.content_hash <> OLD.content_hash THEN
    INSERT INTO public.former_card_texts (user_id, content_hash) VALUES (OLD.user_id, OLD.content_hash)
      ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER cards_keep_former_text AFTER UPDATE OF content_hash ON public.cards
  FOR EACH ROW EXECUTE FUNCTION public.cards_keep_former_text();
