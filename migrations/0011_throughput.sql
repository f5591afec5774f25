-- The same rules and the same calls, for less: what one statement costs, however few rows it writes, and what each row
-- of a large batch costs.
-- Locks: ACCESS EXCLUSIVE on users, cards, attributions and extropy_ledger, which are scanned once for the new CHECKs.
--
-- PostgreSQL parses every CHECK and every WHEN of a table anew for each statement that writes to it: 66 µs for the
-- CHECKs of extropy_ledger, half of what the whole INSERT cost. A function is parsed once a session, so each
-- table's rules stand in one function now, which still names the rule that is broken.
--
-- A CHECK has its operators looked up once, when it is made; a function in every session, by that session's search_path,
-- and whoever may create an operator could put one in the place of `<>`. So whatever guards the books has a path of its own,
-- with pg_temp at its end: where it is not named, types are looked for there first. ONLY, since a child table that is gone
-- by the end of the transaction is no evidence.

-- 1. Rules -----------------------------------------------------------------------------------------------

-- Whether an entry is one that can be; raises check_violation with the name of the rule that it breaks. NaN counts as
-- larger than every number, so that a comparison alone would let it in.
CREATE FUNCTION public.extropy_ledger_is_sound(
  transaction_type varchar, amount numeric, balance_before numeric, balance_after numeric, user_seq bigint, leg smallint,
  reverses_id bigint, idempotency_key varchar, description text
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  rule text := CASE
    WHEN transaction_type NOT IN ('initial_grant', 'publish_reward', 'attribution_payment', 'attribution_received',
      'admin_adjustment', 'bonus', 'penalty', 'transfer_sent', 'transfer_received', 'reversal') THEN 'type'
    WHEN amount = 0 OR amount = 'NaN' THEN 'amount'
    WHEN CASE
      WHEN transaction_type IN ('attribution_payment', 'transfer_sent', 'penalty') THEN amount > 0
      WHEN transaction_type IN ('admin_adjustment', 'reversal') THEN false
      ELSE amount < 0 END THEN 'sign'
    WHEN leg <> CASE
      WHEN transaction_type IN ('attribution_received', 'transfer_received') THEN 2
      WHEN transaction_type = 'reversal' AND leg = 2 THEN 2
      ELSE 1 END THEN 'leg'
    WHEN balance_before < 0 OR balance_after < 0 OR balance_before = 'NaN' OR balance_after = 'NaN'
      OR balance_after <> balance_before + amount THEN 'balance'
    WHEN user_seq < 1 THEN 'place'
    WHEN (transaction_type = 'reversal') <> (reverses_id IS NOT NULL) THEN 'reversal'
    WHEN idempotency_key = '' OR strpos(idempotency_key, chr(10)) > 0
      OR description = '' OR strpos(description, chr(10)) > 0 THEN 'one_line'
    END;
BEGIN
  IF rule IS NULL THEN
    RETURN true;
  END IF;
  RAISE EXCEPTION 'an entry of type % breaks the rule "%"', transaction_type, rule
    USING ERRCODE = 'check_violation', TABLE = 'extropy_ledger', CONSTRAINT = 'extropy_ledger_' || rule;
END
$$;

ALTER TABLE public.extropy_ledger
  DROP CONSTRAINT extropy_ledger_type, DROP CONSTRAINT extropy_ledger_amount, DROP CONSTRAINT extropy_ledger_sign,
  DROP CONSTRAINT extropy_ledger_leg, DROP CONSTRAINT extropy_ledger_balance, DROP CONSTRAINT extropy_ledger_reversal,
  DROP CONSTRAINT extropy_ledger_one_line,
  ADD CONSTRAINT extropy_ledger_sound CHECK (public.extropy_ledger_is_sound(
    transaction_type, amount, balance_before, balance_after, user_seq, leg, reverses_id, idempotency_key, description));

-- The same for a card.
CREATE FUNCTION public.card_is_sound(
  privacy_level varchar, category varchar, is_published boolean, withdrawn_at timestamptz, extropy_earned numeric,
  view_count bigint, attribution_count integer
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  rule text := CASE
    WHEN privacy_level NOT IN ('PRIVATE', 'PERSONAL', 'BUSINESS', 'IDEAS') THEN 'privacy_level'
    WHEN category NOT IN ('UNASSIMILATED', 'PROGRAM', 'CATEGORIZED', 'GRIT', 'TOUGH', 'JUNK') THEN 'category'
    WHEN is_published AND privacy_level NOT IN ('BUSINESS', 'IDEAS') THEN 'private_never_published'
    WHEN is_published AND withdrawn_at IS NOT NULL THEN 'withdrawn_not_published'
    WHEN extropy_earned < 0 OR extropy_earned = 'NaN' THEN 'extropy_earned_not_negative'
    WHEN view_count < 0 OR attribution_count < 0 THEN 'counts_not_negative'
    END;
BEGIN
  IF rule IS NULL THEN
    RETURN true;
  END IF;
  RAISE EXCEPTION 'a card breaks the rule "%"', rule
    USING ERRCODE = 'check_violation', TABLE = 'cards', CONSTRAINT = 'cards_' || rule;
END
$$;

ALTER TABLE public.cards
  DROP CONSTRAINT cards_privacy_level, DROP CONSTRAINT cards_category, DROP CONSTRAINT cards_private_never_published,
  DROP CONSTRAINT cards_withdrawn_not_published, DROP CONSTRAINT cards_extropy_earned_not_negative,
  DROP CONSTRAINT cards_counts_not_negative,
  ADD CONSTRAINT cards_sound CHECK (public.card_is_sound(
    privacy_level, category, is_published, withdrawn_at, extropy_earned, view_count, attribution_count));

-- The same for an attribution.
CREATE FUNCTION public.attribution_is_sound(
  attribution_type varchar, extropy_amount numeric, source_card_id uuid, target_card_id uuid, source_user_id uuid,
  target_user_id uuid
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  rule text := CASE
    WHEN attribution_type NOT IN ('citation', 'remix', 'reply', 'inspiration') THEN 'type'
    WHEN extropy_amount < 0 OR extropy_amount = 'NaN' THEN 'amount_not_negative'
    WHEN source_card_id = target_card_id THEN 'two_cards'
    WHEN source_user_id = target_user_id THEN 'two_users'
    END;
BEGIN
  IF rule IS NULL THEN
    RETURN true;
  END IF;
  RAISE EXCEPTION 'an attribution breaks the rule "%"', rule
    USING ERRCODE = 'check_violation', TABLE = 'attributions', CONSTRAINT = 'attributions_' || rule;
END
$$;

ALTER TABLE public.attributions
  DROP CONSTRAINT attributions_type, DROP CONSTRAINT attributions_amount_not_negative,
  DROP CONSTRAINT attributions_two_cards, DROP CONSTRAINT attributions_two_users,
  ADD CONSTRAINT attributions_sound CHECK (public.attribution_is_sound(
    attribution_type, extropy_amount, source_card_id, target_card_id, source_user_id, target_user_id));

-- For the same reason without a WHEN: the function's own IF says it all.
DROP TRIGGER prevent_negative_balance_trigger ON public.users;
-- A column that a trigger names can't be rewritten by ALTER TABLE ... TYPE ... USING, which fires none: hence all of the head.
CREATE TRIGGER prevent_negative_balance_trigger
  BEFORE UPDATE OF extropy_balance, entry_count, head_hash, head_at, rewards_on, rewards_count ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.prevent_negative_balance();

-- Changes nothing that extropy_ledger_append_only lets through.
CREATE TRIGGER extropy_ledger_no_rewrite
  BEFORE UPDATE OF id, user_id, transaction_type, amount, balance_before, balance_after, card_id, attribution_id, description,
    metadata, idempotency_key, created_at, transaction_id, leg, user_seq, reverses_id, prev_hash, entry_hash
  ON public.extropy_ledger FOR EACH ROW EXECUTE FUNCTION public.extropy_ledger_refuse_change();

ALTER FUNCTION public.prevent_negative_balance() SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION public.extropy_ledger_fill() SET search_path = pg_catalog, pg_temp;

-- 2. Heads move once a statement, however many entries it brings -------------------------------------------

-- Proves an entry's hash, and moves the user's head from entry n-1 to this entry n where post_entries has not brought
-- the head along. It runs after the row is in: a row that ON CONFLICT skips, or that repeats an idempotency key, has
-- moved nothing. Raises EX001.
CREATE OR REPLACE FUNCTION public.extropy_ledger_apply() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  today date;
  moved boolean;
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
  IF NEW.created_at > clock_timestamp() + interval '1 minute' THEN
    RAISE EXCEPTION 'entry % of user % is dated in the future', NEW.user_seq, NEW.user_id
      USING ERRCODE = 'EX001', TABLE = 'extropy_ledger', HINT = 'Leave created_at out to have it set.';
  END IF;

  -- The head has come this far already: users_guard_head lets it do so only over entries that follow each other, and
  -- extropy_ledger_user_seq lets none be put between them afterwards.
  PERFORM FROM ONLY public.users u WHERE u.id = NEW.user_id AND u.entry_count >= NEW.user_seq;
  IF FOUND THEN
    RETURN NULL;
  END IF;

  today := (NEW.created_at AT TIME ZONE 'UTC')::date;
  UPDATE ONLY public.users u SET
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
  moved := FOUND;

  -- A direct write has moved the balance already and users_guard_head is posting the entry for it. Outside
  -- that moment the balance equals the last entry's balance_after, and since an amount is never zero it can't
  -- equal this entry's balance_after as well: nobody else comes through here.
  IF NOT moved THEN
    UPDATE ONLY public.users u SET
      entry_count = NEW.user_seq, head_hash = NEW.entry_hash, head_at = NEW.created_at
    WHERE u.id = NEW.user_id
      AND u.entry_count = NEW.user_seq - 1
      AND u.head_hash = NEW.prev_hash
      AND u.extropy_balance = NEW.balance_after
      AND NEW.balance_before = coalesce((
        SELECT p.balance_after FROM ONLY public.extropy_ledger p
        WHERE p.user_id = NEW.user_id AND p.user_seq = NEW.user_seq - 1), 0)
      AND (u.head_at IS NULL OR u.head_at < NEW.created_at)
      AND NEW.transaction_type IN ('initial_grant', 'admin_adjustment');
  END IF;

  -- Not FOUND alone, which a rule of somebody else can arrange: the head itself must have come this far.
  PERFORM FROM ONLY public.users u WHERE u.id = NEW.user_id AND u.entry_count >= NEW.user_seq;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'entry % of user % does not follow the entry before it', NEW.user_seq, NEW.user_id
      USING ERRCODE = 'EX001', TABLE = 'extropy_ledger',
        HINT = 'user_seq, prev_hash, balance_before and created_at must continue the user''s last entry; leave them out to have them set.';
  END IF;
  RETURN NULL;
END
$$;

-- Whether a balance that was written directly has found its way into the ledger: a trigger or a rule of somebody else may
-- have taken the entry away. Raises EX002.
CREATE FUNCTION public.users_prove_head(user_id uuid) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM ONLY public.users u
    JOIN ONLY public.extropy_ledger e ON e.user_id = u.id AND e.user_seq = u.entry_count
    WHERE u.id = users_prove_head.user_id AND e.balance_after = u.extropy_balance AND e.entry_hash = u.head_hash;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the balance of user % was written directly, and no entry came of it', user_id
      USING ERRCODE = 'EX002', TABLE = 'users';
  END IF;
END
$$;

-- Lets a head move only over entries that are there without a gap, each following the one before it in the ledger, and
-- turns a balance written directly into the entry that explains it. What users say of themselves is believed of nothing:
-- a direct write may have changed it in the same statement. Evidence decides, neither trigger depth nor a setting, which
-- a caller could arrange. Raises EX002.
CREATE OR REPLACE FUNCTION public.users_guard_head() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  way record;
BEGIN
  IF NEW.entry_count > OLD.entry_count AND NEW.id = OLD.id THEN
    IF NEW.entry_count = OLD.entry_count + 1 THEN
      -- What the general way says, for a third of the price.
      SELECT 1::bigint AS entries,
          e.prev_hash = coalesce(p.entry_hash, repeat('0', 64)) AND e.balance_before = coalesce(p.balance_after, 0)
            AND (p.created_at IS NULL OR e.created_at > p.created_at) AND (p.user_seq IS NOT NULL OR e.user_seq = 1)
            AS is_chain,
          e.entry_hash::text AS entry_hash, e.balance_after::numeric AS balance_after, e.created_at,
          CASE e.transaction_type WHEN 'publish_reward' THEN (e.created_at AT TIME ZONE 'UTC')::date END AS rewards_on,
          CASE e.transaction_type WHEN 'publish_reward' THEN 1::bigint ELSE 0 END AS rewards
        INTO way
        FROM ONLY public.extropy_ledger e
        LEFT JOIN ONLY public.extropy_ledger p ON p.user_id = NEW.id AND p.user_seq = OLD.entry_count
        WHERE e.user_id = NEW.id AND e.user_seq = NEW.entry_count;
    ELSE
      -- One pass over the entries and the one before them: a join would look at all that a popular author has.
      SELECT count(*) AS entries,
          bool_and(
            e.prev_hash = coalesce(e.hash_before, repeat('0', 64)) AND e.balance_before = coalesce(e.left_before, 0)
            AND (e.at_before IS NULL OR e.created_at > e.at_before) AND (e.seq_before IS NOT NULL OR e.user_seq = 1)
          ) AS is_chain,
          max(e.entry_hash) FILTER (WHERE e.user_seq = NEW.entry_count) AS entry_hash,
          max(e.balance_after) FILTER (WHERE e.user_seq = NEW.entry_count) AS balance_after,
          max(e.created_at) AS created_at,
          max((e.created_at AT TIME ZONE 'UTC')::date) FILTER (WHERE e.transaction_type = 'publish_reward') AS rewards_on,
          count(*) FILTER (WHERE e.transaction_type = 'publish_reward'
            AND (e.created_at AT TIME ZONE 'UTC')::date = NEW.rewards_on) AS rewards
        INTO way
        FROM (
          SELECT e.user_seq, e.transaction_type, e.prev_hash, e.entry_hash, e.balance_before, e.balance_after, e.created_at,
            lag(e.user_seq) OVER by_seq AS seq_before, lag(e.entry_hash) OVER by_seq AS hash_before,
            lag(e.balance_after) OVER by_seq AS left_before, lag(e.created_at) OVER by_seq AS at_before
          FROM ONLY public.extropy_ledger e
          WHERE e.user_id = NEW.id AND e.user_seq >= OLD.entry_count AND e.user_seq <= NEW.entry_count
          WINDOW by_seq AS (ORDER BY e.user_seq)
        ) e
        WHERE e.user_seq > OLD.entry_count;
    END IF;
    IF way.entries = NEW.entry_count - OLD.entry_count AND way.is_chain AND way.entry_hash = NEW.head_hash
      AND way.balance_after = NEW.extropy_balance AND way.created_at = NEW.head_at
      AND NEW.rewards_on IS NOT DISTINCT FROM coalesce(way.rewards_on, OLD.rewards_on)
      AND NEW.rewards_count = way.rewards
        + (CASE WHEN NEW.rewards_on IS NOT DISTINCT FROM OLD.rewards_on THEN OLD.rewards_count ELSE 0 END)
    THEN
      RETURN NULL;
    END IF;
  ELSIF NEW.id = OLD.id AND NEW.entry_count = OLD.entry_count AND NEW.head_hash = OLD.head_hash
    AND NEW.head_at IS NOT DISTINCT FROM OLD.head_at
    AND NEW.rewards_on IS NOT DISTINCT FROM OLD.rewards_on AND NEW.rewards_count = OLD.rewards_count
  THEN
    IF NEW.extropy_balance <> OLD.extropy_balance THEN
      INSERT INTO public.extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, description)
        VALUES (NEW.id, 'admin_adjustment', NEW.extropy_balance - OLD.extropy_balance,
          OLD.extropy_balance, NEW.extropy_balance, 'Balance written directly');
      PERFORM public.users_prove_head(NEW.id);
    END IF;
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the id and the ledger head of user % are kept by the ledger and can''t be written directly', OLD.id
    USING ERRCODE = 'EX002', TABLE = 'users', HINT = 'Insert into extropy_ledger, or update extropy_balance alone.';
END
$$;

-- A user starts with an empty head and no entries, not even those of one who had this id until a moment ago; a balance
-- given at the start becomes the first entry. Raises EX002.
CREATE OR REPLACE FUNCTION public.users_open_account() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET row_security = off SET constraint_exclusion = off AS $$
BEGIN
  PERFORM FROM ONLY public.extropy_ledger e WHERE e.user_id = NEW.id;
  IF FOUND OR NEW.entry_count <> 0 OR NEW.head_hash <> repeat('0', 64) OR NEW.head_at IS NOT NULL
    OR NEW.rewards_on IS NOT NULL OR NEW.rewards_count <> 0
  THEN
    RAISE EXCEPTION 'a new user has no ledger head and no entries' USING ERRCODE = 'EX002', TABLE = 'users';
  END IF;
  IF NEW.extropy_balance <> 0 THEN
    INSERT INTO public.extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, description)
      VALUES (NEW.id, 'initial_grant', NEW.extropy_balance, 0, NEW.extropy_balance, 'Initial grant');
    PERFORM public.users_prove_head(NEW.id);
  END IF;
  RETURN NULL;
END
$$;

-- Where a user's head stands after entries were posted.
CREATE TYPE public.ledger_head AS (
  user_id uuid, balance decimal(20, 2), entry_count bigint, hash varchar(64), at timestamptz,
  rewards_on date, rewards_count integer
);

-- Posts entries for any number of users in one INSERT, with places, balances and hashes worked out in one pass; a
-- user's entries follow each other as they do in the array. Locks the users in id order (FOR NO KEY UPDATE): who has
-- to look at a balance before deciding what to post takes the same locks first. A balance that would fall below zero is
-- refused by the ledger's rules, and the whole statement with it. Raises foreign_key_violation for a user that is not there.
CREATE OR REPLACE FUNCTION public.post_entries(postings public.ledger_posting[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  p record;
  head public.ledger_head;
  heads public.ledger_head[] := '{}';
  entry_id bigint;
  balance_before decimal(20, 2);
  hash varchar(64);
  entries public.extropy_ledger[] := '{}';
BEGIN
  FOR p IN
    SELECT q.*, u.extropy_balance, u.entry_count, u.head_hash,
      greatest(statement_timestamp(), u.head_at + interval '1 microsecond') AS created_at, u.rewards_on, u.rewards_count
    FROM unnest(postings) WITH ORDINALITY AS q (user_id, transaction_type, amount, card_id, attribution_id,
      transaction_id, leg, reverses_id, idempotency_key, description, no)
    JOIN public.users u ON u.id = q.user_id
    ORDER BY u.id, q.no FOR NO KEY UPDATE OF u
  LOOP
    IF p.user_id IS DISTINCT FROM head.user_id THEN
      IF head.user_id IS NOT NULL THEN
        heads := heads || head;
      END IF;
      head := ROW(p.user_id, p.extropy_balance, p.entry_count, p.head_hash, p.created_at, p.rewards_on, p.rewards_count);
    ELSE
      head.at := head.at + interval '1 microsecond';
    END IF;
    entry_id := nextval('public.extropy_ledger_id_seq');
    balance_before := head.balance;
    head.balance := balance_before + p.amount;
    head.entry_count := head.entry_count + 1;
    hash := public.sha256_hex(public.ledger_entry_text(head.hash, entry_id, p.user_id, head.entry_count,
      p.transaction_id, p.transaction_type, p.amount, balance_before, head.balance, p.card_id, p.attribution_id,
      p.reverses_id, p.idempotency_key, p.description, '{}', head.at));
    entries := entries || ROW(entry_id, p.user_id, p.transaction_type, p.amount, balance_before, head.balance, p.card_id,
      p.attribution_id, p.description, '{}'::jsonb, p.idempotency_key, head.at, p.transaction_id, p.leg,
      head.entry_count, p.reverses_id, head.hash, hash)::public.extropy_ledger;
    head.hash := hash;
    IF p.transaction_type = 'publish_reward' THEN
      head.rewards_count := CASE WHEN head.rewards_on = (head.at AT TIME ZONE 'UTC')::date THEN head.rewards_count ELSE 0 END + 1;
      head.rewards_on := (head.at AT TIME ZONE 'UTC')::date;
    END IF;
  END LOOP;
  IF cardinality(entries) <> cardinality(postings) THEN
    RAISE EXCEPTION 'post_entries: a posting names a user that is not there'
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'extropy_ledger_user', TABLE = 'extropy_ledger';
  END IF;
  heads := heads || head;

  -- One statement, so that the triggers of both tables see the entries and the heads that they have led to.
  WITH posted AS (INSERT INTO public.extropy_ledger SELECT e.* FROM unnest(entries) e)
  UPDATE public.users u SET extropy_balance = h.balance, entry_count = h.entry_count, head_hash = h.hash,
      head_at = h.at, rewards_on = h.rewards_on, rewards_count = h.rewards_count
    FROM unnest(heads) h WHERE u.id = h.user_id;
END
$$;

DROP AGGREGATE public.ledger_chain(text, text);
DROP FUNCTION public.ledger_chain_step(text, text, text);

-- 3. Movements have all their legs -----------------------------------------------------------------------

-- Refuses, at the end of the statement, a leg whose counterpart did not come with it. A third leg can't get
-- in at all: a transaction has one leg 1 and one leg 2 (extropy_ledger_transaction_leg). Raises EX003.
CREATE OR REPLACE FUNCTION public.extropy_ledger_check_legs() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
BEGIN
  IF NEW.transaction_type IN ('attribution_payment', 'attribution_received', 'transfer_sent', 'transfer_received') THEN
    PERFORM FROM ONLY public.extropy_ledger s
      WHERE s.transaction_id = NEW.transaction_id AND s.leg = 3 - NEW.leg
        AND s.transaction_type = CASE NEW.transaction_type
          WHEN 'attribution_payment' THEN 'attribution_received'
          WHEN 'attribution_received' THEN 'attribution_payment'
          WHEN 'transfer_sent' THEN 'transfer_received'
          ELSE 'transfer_sent' END
        AND s.user_id <> NEW.user_id AND s.amount = -NEW.amount
        AND s.attribution_id IS NOT DISTINCT FROM NEW.attribution_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION '% of user % lacks the other leg', NEW.transaction_type, NEW.user_id
        USING ERRCODE = 'EX003', TABLE = 'extropy_ledger',
          HINT = 'Insert both legs in one statement: two users, opposite amounts, the same attribution.';
    END IF;
  ELSIF NEW.transaction_type = 'reversal' THEN
    PERFORM FROM ONLY public.extropy_ledger o
      WHERE o.id = NEW.reverses_id AND o.transaction_type <> 'reversal' AND o.user_id = NEW.user_id
        AND o.amount = -NEW.amount AND o.leg = NEW.leg
        AND o.card_id IS NOT DISTINCT FROM NEW.card_id AND o.attribution_id IS NOT DISTINCT FROM NEW.attribution_id
        -- As many legs as the original has, each undoing one of them.
        AND (SELECT count(*) FROM ONLY public.extropy_ledger x WHERE x.transaction_id = o.transaction_id)
          = (SELECT count(*) FROM ONLY public.extropy_ledger r
              JOIN ONLY public.extropy_ledger x ON x.id = r.reverses_id AND x.transaction_id = o.transaction_id
            WHERE r.transaction_id = NEW.transaction_id);
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the reversal of entry % does not undo its whole movement', NEW.reverses_id
        USING ERRCODE = 'EX003', TABLE = 'extropy_ledger',
          HINT = 'Insert the opposite of every leg, for the same users, in one statement.';
    END IF;
  END IF;
  RETURN NULL;
END
$$;

-- A WHEN that is short to parse: it lets all legs of movements between users through, all reversals, and a few more.
DROP TRIGGER extropy_ledger_check_legs ON public.extropy_ledger;
CREATE TRIGGER extropy_ledger_check_legs AFTER INSERT ON public.extropy_ledger
  FOR EACH ROW WHEN (NEW.leg = 2 OR NEW.amount < 0 OR NEW.reverses_id IS NOT NULL)
  EXECUTE FUNCTION public.extropy_ledger_check_legs();

-- 4. What cards earn, once a statement: a card that many cite at once would otherwise get a new version for each ---

CREATE OR REPLACE FUNCTION public.update_card_extropy_earned() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE public.cards c SET extropy_earned = c.extropy_earned + received.amount,
      attribution_count = c.attribution_count + received.count
    FROM (
      SELECT a.source_card_id, sum(a.extropy_amount) AS amount, count(*) AS count FROM added a GROUP BY a.source_card_id
      ORDER BY a.source_card_id
    ) received
    WHERE c.id = received.source_card_id;
  RETURN NULL;
END
$$;

DROP TRIGGER update_card_extropy_on_attribution ON public.attributions;
CREATE TRIGGER update_card_extropy_on_attribution AFTER INSERT ON public.attributions
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.update_card_extropy_earned();

-- 5. Publishing: one pass over the cards, user by user ----------------------------------------------------

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
  c record;
  decision public.publish_decision;
  decisions public.publish_decision[] := array_fill(NULL::public.publish_decision, ARRAY[cardinality(card_ids)]);
  postings public.ledger_posting[] := '{}';
  current_user_id uuid;
  rewards_given integer;
  seen_hashes varchar[];
  seen_nos bigint[];
  seen_at integer;
  has_duplicates boolean := false;
  -- Of a card that is new its owner, else NULL.
  new_owner_ids uuid[] := array_fill(NULL::uuid, ARRAY[cardinality(card_ids)]);
  change_nos bigint[];
BEGIN
  PERFORM FROM public.users u WHERE u.id = ANY (caller_ids) ORDER BY u.id FOR NO KEY UPDATE;

  states := public.request_states(caller_ids, key_ids, idempotency_keys, request_hashes);

  -- A text is a card once for each user: the one that exists, or the first of those that came together. A new
  -- card is paid unless its text was paid before, or was that of a card that has another text by now.
  FOR c IN
    SELECT q.no, u.id AS user_id, q.card_id, q.slug_stem, q.slug_end, q.content_hash,
      x.id AS existing_id, x.slug AS existing_slug, x.is_published, x.checksum,
      p.id IS NOT NULL OR f.user_id IS NOT NULL AS was_rewarded,
      CASE WHEN u.rewards_on = today THEN u.rewards_count ELSE 0 END AS rewards_before
    FROM unnest(request_nos, card_ids, slug_stems, slug_ends, content_hashes) WITH ORDINALITY
      AS q (request_no, card_id, slug_stem, slug_end, content_hash, no)
    JOIN public.users u ON u.id = caller_ids[q.request_no] AND (states[q.request_no]).state = 'new'
    -- LIMIT 1 keeps these three look-ups by index: a join might read and hash the whole table.
    LEFT JOIN LATERAL (
      SELECT x.id, x.slug, x.is_published, x.checksum FROM public.cards x
      WHERE x.user_id = u.id AND x.content_hash = q.content_hash LIMIT 1) x ON true
    LEFT JOIN LATERAL (
      SELECT p.id FROM public.extropy_ledger p
      WHERE p.idempotency_key = 'publish:' || u.id::text || ':' || q.content_hash LIMIT 1) p ON x.id IS NULL
    LEFT JOIN LATERAL (
      SELECT f.user_id FROM public.former_card_texts f
      WHERE f.user_id = u.id AND f.content_hash = q.content_hash LIMIT 1) f ON x.id IS NULL
    ORDER BY u.id, q.no
  LOOP
    IF c.user_id IS DISTINCT FROM current_user_id THEN
      current_user_id := c.user_id;
      rewards_given := c.rewards_before;
      seen_hashes := '{}';
      seen_nos := '{}';
    END IF;
    seen_at := array_position(seen_hashes, c.content_hash);
    IF c.existing_id IS NOT NULL THEN
      decision := ROW(c.user_id, c.existing_id,
        CASE WHEN c.is_published THEN c.existing_slug ELSE c.slug_stem || '-' || right(c.existing_slug, 8) END,
        'duplicate', NULL, NULL, seen_at IS NULL, c.checksum);
      has_duplicates := true;
    ELSIF seen_at IS NOT NULL THEN
      decision := ROW(c.user_id, (decisions[seen_nos[seen_at]]).card_id, (decisions[seen_nos[seen_at]]).slug,
        'duplicate', NULL, NULL, false, NULL);
    ELSIF c.was_rewarded THEN
      decision := ROW(c.user_id, c.card_id, c.slug_stem || '-' || c.slug_end, 'published', 0, 'already-rewarded', true, NULL);
    ELSIF rewards_per_day > 0 AND rewards_given >= rewards_per_day THEN
      decision := ROW(c.user_id, c.card_id, c.slug_stem || '-' || c.slug_end, 'published', 0, 'daily-limit', true, NULL);
    ELSE
      rewards_given := rewards_given + 1;
      decision := ROW(c.user_id, c.card_id, c.slug_stem || '-' || c.slug_end, 'published', reward, NULL, true, NULL);
      IF reward > 0 THEN
        postings := postings || ROW(c.user_id, 'publish_reward', reward, c.card_id, NULL, public.uuid_v7(), 1, NULL,
          'publish:' || c.user_id::text || ':' || c.content_hash, 'Reward for a published card')::public.ledger_posting;
      END IF;
    END IF;
    IF seen_at IS NULL THEN
      seen_hashes := seen_hashes || c.content_hash;
      seen_nos := seen_nos || c.no;
    END IF;
    decisions[c.no] := decision;
    IF decision.outcome = 'published' THEN
      new_owner_ids[c.no] := c.user_id;
    END IF;
  END LOOP;

  change_nos := public.take_change_nos(new_owner_ids);
  INSERT INTO public.cards (id, user_id, title, content, content_hash, privacy_level, category, is_published,
      published_at, source_session_id, source_client_id, public_url, slug, extropy_earned, tags, metadata, checksum,
      change_no, change_client_id)
    SELECT d.card_id, d.user_id, d.title, d.content, d.content_hash, d.privacy_level, d.category, true,
      now(), d.session_id, client_ids[d.request_no], '/cards/' || d.slug, d.slug, d.awarded, d.tag_list::text[],
      d.metadata, d.checksum, d.change_no, client_ids[d.request_no]
    FROM unnest(decisions, request_nos, titles, contents, content_hashes, checksums, privacy_levels, categories,
        tag_lists, metadata_objects, session_ids, change_nos)
      AS d (user_id, card_id, slug, outcome, awarded, reason, is_first, known_checksum, request_no, title, content,
        content_hash, checksum, privacy_level, category, tag_list, metadata, session_id, change_no)
    WHERE d.outcome = 'published';

  IF postings <> '{}' THEN
    PERFORM public.post_entries(postings);
  END IF;

  -- A withdrawn card comes back with what was sent now: of its former self only the id and the address are left.
  IF has_duplicates THEN
    UPDATE public.cards x SET title = d.title, content = d.content, privacy_level = d.privacy_level,
        category = d.category, tags = d.tag_list::text[], metadata = d.metadata, checksum = d.checksum,
        slug = d.slug, public_url = '/cards/' || d.slug, is_published = true, withdrawn_at = NULL,
        published_at = coalesce(x.published_at, now()), change_no = public.take_change_no(d.user_id),
        change_client_id = client_ids[d.request_no]
      FROM unnest(decisions, request_nos, titles, contents, checksums, privacy_levels, categories, tag_lists,
          metadata_objects)
        AS d (user_id, card_id, slug, outcome, awarded, reason, is_first, known_checksum,
          request_no, title, content, checksum, privacy_level, category, tag_list, metadata)
      WHERE x.id = d.card_id AND d.outcome = 'duplicate' AND d.is_first AND NOT x.is_published;
  END IF;

  IF array_remove(client_ids, NULL) <> '{}' THEN
    -- A conflict that the device was told of is still to be resolved: the text that it has is another one.
    INSERT INTO public.sync_state AS s (user_id, client_id, entity_type, entity_id, sync_status, last_synced_at,
        local_checksum, remote_checksum, remote_revision, base_revision, sync_direction)
      SELECT d.user_id, client_ids[d.request_no], 'card', d.card_id::text, 'synced', now(), d.checksum,
        coalesce(d.known_checksum, d.checksum),
        coalesce(d.change_no, (SELECT c.change_no FROM public.cards c WHERE c.id = d.card_id)),
        CASE d.outcome WHEN 'published' THEN 0 END, 'push'
      FROM unnest(decisions, request_nos, checksums, change_nos) AS d (user_id, card_id, slug, outcome, awarded, reason,
        is_first, known_checksum, request_no, checksum, change_no)
      WHERE d.is_first AND client_ids[d.request_no] IS NOT NULL
      ORDER BY d.user_id, d.card_id
    ON CONFLICT ON CONSTRAINT sync_state_once DO UPDATE SET sync_status = 'synced', last_synced_at = now(),
      local_checksum = excluded.local_checksum, remote_checksum = excluded.remote_checksum,
      remote_revision = excluded.remote_revision, base_revision = excluded.base_revision, conflict_resolution = NULL,
      error_message = NULL, retry_count = 0
      WHERE s.sync_status <> 'conflict';
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
    SELECT r.no::integer, d.no::integer, CASE r.state WHEN 'new' THEN 'done' ELSE r.state END, u.extropy_balance,
      d.outcome, d.card_id, d.slug, d.awarded, d.reason
    FROM unnest(caller_ids, states) WITH ORDINALITY AS r (caller_id, state, answer, no)
    LEFT JOIN public.users u ON u.id = r.caller_id
    LEFT JOIN unnest(decisions, request_nos) WITH ORDINALITY AS d (user_id, card_id, slug, outcome, awarded, reason,
      is_first, known_checksum, request_no, no) ON d.request_no = r.no AND r.state = 'new'
    WHERE r.state <> 'replayed'
    ORDER BY r.no, d.no;

  IF 'replayed' = ANY (SELECT s.state FROM unnest(states) s) THEN
    RETURN QUERY
      SELECT r.no::integer, c.no::integer, r.state, (r.answer ->> 'balance')::decimal(20, 2), c.card ->> 'outcome',
        x.id, x.slug, (c.card ->> 'awarded')::decimal(20, 2), c.card ->> 'reason'
      FROM unnest(states) WITH ORDINALITY AS r (state, answer, no)
      LEFT JOIN LATERAL jsonb_array_elements(r.answer -> 'cards') WITH ORDINALITY AS c (card, no) ON true
      LEFT JOIN public.cards x ON x.id = (c.card ->> 'id')::uuid
      WHERE r.state = 'replayed'
      ORDER BY r.no, c.no;
  END IF;
END
$$;

-- 6. Attributions, with the answer in the same statement ------------------------------------------------

-- A card where others refer to it, with its author; a card that is not published shows nothing of itself. The author comes
-- in parts: a whole row of users would ask for the right to read all of it.
CREATE FUNCTION public.card_reference(card public.cards, author_id uuid, username varchar, display_name varchar)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_object('id', (card).id,
    'title', CASE WHEN (card).is_published THEN (card).title END,
    'slug', CASE WHEN (card).is_published THEN (card).slug END,
    'withdrawn', (card).withdrawn_at IS NOT NULL,
    'author', jsonb_build_object('id', author_id, 'username', username, 'display_name', display_name))
$$;

-- One citing card's attribution of one cited card (source: cited, target: citing; the target's author pays).
--
-- The arrays have one element a request: caller, key, Idempotency-Key and request hash (NULL: none), the ids that
-- the attribution and its movement get, and its row. Returns one row a request, in order. `outcome` is `created`,
-- `replayed` (attribution_id, amount and balance of the first time), `key-reused`, `unauthenticated`, `not-found` (no
-- such card, or never published), `forbidden` (the citing card is not the caller's), `gone`, `self-attribution`,
-- `already-attributed` (attribution_id: the one there is) or `insufficient-balance`. `balance` is the caller's after
-- the request. Raises unique_violation where two requests of a batch make the same attribution.
DROP FUNCTION public.attribute_cards(uuid[], uuid[], varchar[], varchar[], uuid[], uuid[], uuid[], uuid[], varchar[],
  decimal[], text[], jsonb[]);
CREATE FUNCTION public.attribute_cards(
  caller_ids uuid[], key_ids uuid[], idempotency_keys varchar[], request_hashes varchar[],
  attribution_ids uuid[], transaction_ids uuid[], source_card_ids uuid[], target_card_ids uuid[],
  attribution_types varchar[], amounts decimal[], notes text[], metadata_objects jsonb[]
) RETURNS TABLE (
  request_no integer, outcome text, attribution_id uuid, amount decimal(20, 2), balance decimal(20, 2),
  attribution_type varchar(20), attribution_note text, metadata jsonb, created_at timestamptz,
  source_card jsonb, target_card jsonb
)
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
    SELECT q.no::integer, q.outcome, q.attribution_id, coalesce(a.extropy_amount, q.amount::decimal(20, 2)), q.balance,
      a.attribution_type, a.attribution_note, a.metadata, a.created_at,
      public.card_reference(sc, su.id, su.username, su.display_name),
      public.card_reference(tc, tu.id, tu.username, tu.display_name)
    FROM unnest(outcomes, found_ids, amounts, balances_after) WITH ORDINALITY
      AS q (outcome, attribution_id, amount, balance, no)
    LEFT JOIN public.attributions a ON a.id = q.attribution_id AND q.outcome IN ('created', 'replayed')
    LEFT JOIN public.cards sc ON sc.id = a.source_card_id LEFT JOIN public.users su ON su.id = a.source_user_id
    LEFT JOIN public.cards tc ON tc.id = a.target_card_id LEFT JOIN public.users tu ON tu.id = a.target_user_id
    ORDER BY q.no;
END
$$;

UPDATE public.schema_metadata SET value = '1.8.0', updated_at = now() WHERE key = 'schema_version';
