-- The views that operators and reports read, the supply, and the system account.
-- Locks: SHARE ROW EXCLUSIVE on users for one insert.

-- Each sum is a subquery of its own, so that a user's cards don't multiply the user's attributions, and a
-- query for one user reads that user's rows only.
CREATE VIEW public.user_balance_summary AS
SELECT u.id, u.username, u.email, u.extropy_balance,
  (SELECT count(*) FROM public.cards c WHERE c.user_id = u.id AND c.is_published) AS total_cards_published,
  (SELECT count(*) FROM public.attributions a WHERE a.source_user_id = u.id AND a.reversed_at IS NULL)
    AS total_attributions_received,
  (SELECT coalesce(sum(c.extropy_earned), 0.00) FROM public.cards c WHERE c.user_id = u.id)
    AS total_extropy_from_cards,
  u.entry_count AS total_transactions
FROM public.users u;

CREATE VIEW public.recent_transactions AS
SELECT l.id, l.user_id, u.username, l.transaction_type, l.amount, l.balance_after, l.description, l.created_at,
  c.title AS related_card_title, a.attribution_type AS related_attribution_type
FROM public.extropy_ledger l
JOIN public.users u ON u.id = l.user_id
LEFT JOIN public.cards c ON c.id = l.card_id
LEFT JOIN public.attributions a ON a.id = l.attribution_id
ORDER BY l.created_at DESC, l.id DESC;

-- Counts and sums the attributions that stand, not those that were reversed.
CREATE VIEW public.card_attribution_analytics AS
SELECT c.id AS card_id, c.title, c.user_id, u.username, c.privacy_level, c.category, c.published_at,
  c.attribution_count, c.extropy_earned, received.attribution_breakdown_count, received.total_attribution_payments
FROM public.cards c
JOIN public.users u ON u.id = c.user_id
CROSS JOIN LATERAL (
  SELECT count(*) AS attribution_breakdown_count, coalesce(sum(a.extropy_amount), 0.00) AS total_attribution_payments
  FROM public.attributions a WHERE a.source_card_id = c.id AND a.reversed_at IS NULL
) received;

-- What was issued and burned, by the type that did it; a reversal counts where the reversed entry stood alone.
-- issued - burned is the sum of all balances: movements between users cancel out.
CREATE VIEW public.extropy_supply AS
SELECT l.transaction_type,
  coalesce(sum(l.amount) FILTER (WHERE l.amount > 0), 0.00) AS issued,
  coalesce(-sum(l.amount) FILTER (WHERE l.amount < 0), 0.00) AS burned,
  count(*) AS entries
FROM public.extropy_ledger l
LEFT JOIN public.extropy_ledger undone ON undone.id = l.reverses_id
WHERE coalesce(undone.transaction_type, l.transaction_type)
  IN ('initial_grant', 'publish_reward', 'bonus', 'penalty', 'admin_adjustment')
GROUP BY l.transaction_type;

-- Not able to sign in: no key hashes to this. It may be there already, where a rollback had to leave it.
INSERT INTO public.users (id, username, email, display_name, api_key_hash, api_key_prefix, is_active)
VALUES ('00000000-0000-0000-0000-000000000000', 'system', 'system@extrophi.local', 'System Account',
  'no key has this hash', 'ext_sys', false)
ON CONFLICT (id) DO NOTHING;
