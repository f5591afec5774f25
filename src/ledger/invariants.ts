// The invariants of the books as queries over all rows: each finds what violates it, with set operations
// only, so that a ledger of any size is checked in the database's own bounded memory.

import type { Sql, Tx } from "../db.ts";

/** `describe` is the sentence that holds when `sql` finds nothing; its rows name who offends and how. */
export type Invariant = Readonly<{ name: string; describe: string; sql: string }>;

/** A row or group of rows that violates an invariant, such as "entry 17", and in which way. */
export type Offence = Readonly<{ offender: string; problem: string }>;

const EXAMPLES_MAX = 10;

/** True of amounts that are zero or more; NaN counts as larger than every number and must not pass. */
const notNegative = (column: string) => `(${column} >= 0 AND ${column} < 'Infinity') IS TRUE`;

const money: Invariant = {
  name: "money",
  describe: "No balance or amount is negative where it may not be, and none is NaN",
  sql: `
    SELECT 'user ' || id AS offender, 'extropy_balance is ' || extropy_balance AS problem
    FROM public.users WHERE NOT ${notNegative("extropy_balance")}
    UNION ALL
    SELECT 'card ' || id, 'extropy_earned is ' || extropy_earned
    FROM public.cards WHERE NOT ${notNegative("extropy_earned")}
    UNION ALL
    SELECT 'attribution ' || id, 'extropy_amount is ' || extropy_amount
    FROM public.attributions WHERE NOT ${notNegative("extropy_amount")}
    UNION ALL
    SELECT 'entry ' || id, 'amount ' || amount || ', from ' || balance_before || ' to ' || balance_after
    FROM public.extropy_ledger
    WHERE amount = 0 OR NOT ${notNegative("abs(amount)")}
      OR NOT ${notNegative("balance_before")} OR NOT ${notNegative("balance_after")}`,
};

const balances: Invariant = {
  name: "balances",
  describe: "Every balance is the last entry's balance_after and the sum of all amounts, and the head is that entry's",
  sql: `
    SELECT 'user ' || coalesce(u.id, t.user_id) AS offender, concat_ws('; ',
      CASE WHEN u.id IS NULL THEN 'has entries and does not exist' END,
      CASE WHEN u.extropy_balance <> coalesce(t.total, 0)
        THEN 'balance ' || u.extropy_balance || ', sum of amounts ' || coalesce(t.total, 0) END,
      CASE WHEN u.extropy_balance <> coalesce(l.balance_after, 0)
        THEN 'balance ' || u.extropy_balance || ', last balance_after ' || coalesce(l.balance_after, 0) END,
      CASE WHEN u.entry_count <> coalesce(t.entries, 0)
        THEN 'entry_count ' || u.entry_count || ', entries ' || coalesce(t.entries, 0) END,
      CASE WHEN u.head_hash <> coalesce(l.entry_hash, repeat('0', 64)) THEN 'head_hash is not the last entry''s' END,
      CASE WHEN u.head_at IS DISTINCT FROM l.created_at THEN 'head_at is not the last entry''s' END) AS problem
    FROM public.users u
    FULL JOIN (
      SELECT user_id, count(*) AS entries, sum(amount) AS total, max(user_seq) AS last_seq
      FROM public.extropy_ledger GROUP BY user_id
    ) t ON t.user_id = u.id
    LEFT JOIN public.extropy_ledger l ON l.user_id = t.user_id AND l.user_seq = t.last_seq
    WHERE u.id IS NULL
      OR u.extropy_balance IS DISTINCT FROM coalesce(t.total, 0)
      OR u.extropy_balance IS DISTINCT FROM coalesce(l.balance_after, 0)
      OR u.entry_count IS DISTINCT FROM coalesce(t.entries, 0)
      OR u.head_hash IS DISTINCT FROM coalesce(l.entry_hash, repeat('0', 64))
      OR u.head_at IS DISTINCT FROM l.created_at`,
};

const chain: Invariant = {
  name: "chain",
  describe: "Every entry continues its user's entry before it: the next user_seq, its balance, its hash, a later time",
  sql: `
    SELECT 'entry ' || id || ' of user ' || user_id AS offender, concat_ws('; ',
      CASE WHEN user_seq <> seq_before + 1 THEN 'user_seq ' || user_seq || ' follows ' || seq_before END,
      CASE WHEN balance_before <> after_before
        THEN 'balance_before ' || balance_before || ' follows balance_after ' || after_before END,
      CASE WHEN balance_after <> balance_before + amount
        THEN balance_before || ' and ' || amount || ' do not make ' || balance_after END,
      CASE WHEN created_at <= created_before THEN 'created_at does not rise' END,
      CASE WHEN prev_hash <> hash_before THEN 'prev_hash is not the hash before it' END) AS problem
    FROM (
      SELECT id, user_id, user_seq, amount, balance_before, balance_after, created_at, prev_hash,
        lag(user_seq, 1, 0::bigint) OVER by_user AS seq_before,
        lag(balance_after, 1, 0.00) OVER by_user AS after_before,
        lag(created_at) OVER by_user AS created_before,
        lag(entry_hash, 1, repeat('0', 64)::varchar) OVER by_user AS hash_before
      FROM public.extropy_ledger
      WINDOW by_user AS (PARTITION BY user_id ORDER BY user_seq)
    ) entry
    WHERE user_seq <> seq_before + 1 OR balance_before <> after_before OR balance_after <> balance_before + amount
      OR created_at <= created_before OR prev_hash <> hash_before`,
};

const movements: Invariant = {
  name: "movements",
  describe: "Every movement between two users has its two legs and no third, and they sum to zero",
  sql: `
    SELECT 'movement ' || transaction_id AS offender, (
      SELECT string_agg('entry ' || e.id || ' ' || e.transaction_type || ' ' || e.amount || ' of user ' || e.user_id,
        ', ' ORDER BY e.id)
      FROM public.extropy_ledger e WHERE e.transaction_id = movement.transaction_id) AS problem
    FROM (
      SELECT transaction_id
      FROM public.extropy_ledger
      GROUP BY transaction_id
      HAVING (CASE count(*)
        WHEN 1 THEN min(transaction_type) NOT IN
          ('attribution_payment', 'attribution_received', 'transfer_sent', 'transfer_received')
        WHEN 2 THEN sum(amount) = 0
          AND (min(transaction_type COLLATE "C"), max(transaction_type COLLATE "C")) IN (
            ('attribution_payment', 'attribution_received'), ('transfer_received', 'transfer_sent'),
            ('reversal', 'reversal'))
          AND bool_and(CASE
            WHEN transaction_type IN ('attribution_payment', 'transfer_sent') THEN amount < 0
            WHEN transaction_type = 'reversal' THEN true
            ELSE amount > 0 END)
          AND min(user_id::text COLLATE "C") <> max(user_id::text COLLATE "C")
          AND count(attribution_id) IN (0, 2)
          AND min(attribution_id::text COLLATE "C") IS NOT DISTINCT FROM max(attribution_id::text COLLATE "C")
        ELSE false END) IS NOT TRUE
    ) movement`,
};

const reversals: Invariant = {
  name: "reversals",
  describe: "Every reversal undoes each leg of one movement by its opposite, and no entry is undone twice",
  sql: `
    SELECT 'entry ' || id AS offender, CASE
      WHEN transaction_type <> 'reversal' OR reverses_id IS NULL THEN 'only a reversal undoes an entry'
      WHEN undone_id IS NULL THEN 'undoes entry ' || reverses_id || ', which does not exist'
      WHEN undone_type = 'reversal' THEN 'undoes the reversal ' || reverses_id
      WHEN times <> 1 THEN 'entry ' || reverses_id || ' is undone ' || times || ' times'
      WHEN user_id <> undone_user_id THEN 'undoes entry ' || reverses_id || ' of another user'
      WHEN amount <> -undone_amount THEN amount || ' undoes ' || undone_amount
      ELSE 'undoes ' || legs || ' of ' || legs_undone || ' legs' END AS problem
    FROM (
      SELECT r.id, r.transaction_type, r.reverses_id, r.user_id, r.amount, o.id AS undone_id,
        o.transaction_type AS undone_type, o.user_id AS undone_user_id, o.amount AS undone_amount,
        count(*) OVER (PARTITION BY r.reverses_id) AS times,
        count(*) OVER (PARTITION BY r.transaction_id, o.transaction_id) AS legs,
        (SELECT count(*) FROM public.extropy_ledger l WHERE l.transaction_id = o.transaction_id) AS legs_undone
      FROM public.extropy_ledger r
      LEFT JOIN public.extropy_ledger o ON o.id = r.reverses_id
      WHERE r.transaction_type = 'reversal' OR r.reverses_id IS NOT NULL
    ) reversal
    WHERE (transaction_type = 'reversal' AND undone_type <> 'reversal' AND times = 1 AND user_id = undone_user_id
      AND amount = -undone_amount AND legs = legs_undone) IS NOT TRUE`,
};

/** Invariants 1, 3 and 4; the second, that the ledger is append-only, is kept by triggers and seen in the chain. */
export const invariants: readonly Invariant[] = [money, balances, chain, movements, reversals];

/** Runs one invariant's query: how many violate it, and the first ten. */
export async function checkInvariant(
  sql: Sql | Tx,
  invariant: Invariant,
): Promise<{ violations: number; examples: Offence[] }> {
  const rows = await sql.unsafe<(Offence & { violations: string })[]>(`
    SELECT offender, problem, count(*) OVER () AS violations
    FROM (${invariant.sql}) AS offence
    ORDER BY offender COLLATE "C", problem COLLATE "C"
    LIMIT ${EXAMPLES_MAX}`);
  const examples = rows.map(({ offender, problem }) => ({ offender, problem }));
  return { violations: Number(rows[0]?.violations ?? 0), examples };
}
