// What must be true of accounts: balance and head are what the entries say, nothing could be changed in their past,
// and nothing was.

import { type Rule, TABLES } from "./rule.ts";

/** How a user `u` differs from the last entry `l`: in words, about the balance and about the head, and as a condition. */
const LAST_BALANCE = `
  CASE WHEN u.extropy_balance <> coalesce(l.balance_after, 0)
    THEN 'balance ' || u.extropy_balance || ', last balance_after ' || coalesce(l.balance_after, 0) END`;
const LAST_HEAD = `
  CASE WHEN u.head_hash <> coalesce(l.entry_hash, repeat('0', 64)) THEN 'head_hash is not the last entry''s' END,
  CASE WHEN u.head_at IS DISTINCT FROM l.created_at THEN 'head_at is not the last entry''s' END`;
const IS_WRONG = `
  u.extropy_balance IS DISTINCT FROM coalesce(l.balance_after, 0)
    OR u.head_hash IS DISTINCT FROM coalesce(l.entry_hash, repeat('0', 64))
    OR u.head_at IS DISTINCT FROM l.created_at`;

/** Once the chain is right, the last entry alone says what the balance is; of all users the sums are counted as well. */
export const balances: Rule = {
  name: "balances",
  describe: "Every balance is the last entry's balance_after and the sum of all amounts, and the head is that entry's",
  checks: [
    {
      of: "totals",
      sql: () => `
        SELECT 'user ' || coalesce(u.id, t.user_id) AS offender, concat_ws('; ',
          CASE WHEN u.id IS NULL THEN 'has ' || t.entries || ' entries and does not exist' END,
          CASE WHEN u.extropy_balance <> coalesce(t.total, 0)
            THEN 'balance ' || u.extropy_balance || ', sum of amounts ' || coalesce(t.total, 0) END,
          ${LAST_BALANCE},
          CASE WHEN u.entry_count <> coalesce(t.entries, 0)
            THEN 'entry_count ' || u.entry_count || ', entries ' || coalesce(t.entries, 0) END,
          ${LAST_HEAD}) AS problem
        FROM ${TABLES.users} u
        FULL JOIN (
          SELECT user_id, count(*) AS entries, sum(amount) AS total, max(user_seq) AS last_seq
          FROM ${TABLES.entries} GROUP BY user_id
        ) AS t ON t.user_id = u.id
        LEFT JOIN ${TABLES.entries} l ON l.user_id = t.user_id AND l.user_seq = t.last_seq
        WHERE u.id IS NULL OR u.extropy_balance IS DISTINCT FROM coalesce(t.total, 0)
          OR u.entry_count IS DISTINCT FROM coalesce(t.entries, 0) OR ${IS_WRONG}`,
    },
    {
      of: "accounts",
      sql: rows => `
        SELECT 'user ' || u.id AS offender, concat_ws('; ',
          ${LAST_BALANCE},
          CASE WHEN u.entry_count <> coalesce(l.user_seq, 0)
            THEN 'entry_count ' || u.entry_count || ', last user_seq ' || coalesce(l.user_seq, 0) END,
          ${LAST_HEAD}) AS problem
        FROM ${rows} AS u
        LEFT JOIN LATERAL (
          SELECT e.user_seq, e.balance_after, e.entry_hash, e.created_at FROM ${TABLES.entries} e
          WHERE e.user_id = u.id ORDER BY e.user_seq DESC LIMIT 1
        ) AS l ON true
        WHERE u.entry_count IS DISTINCT FROM coalesce(l.user_seq, 0) OR ${IS_WRONG}`,
    },
  ],
};

export const appendOnly: Rule = {
  name: "append_only",
  describe: "The triggers that refuse UPDATE, DELETE and TRUNCATE of entries are there and always enabled",
  checks: [
    {
      of: "triggers",
      sql: () => `
        SELECT 'trigger ' || expected.name AS offender, CASE t.tgenabled
          WHEN 'D' THEN 'is disabled' WHEN 'O' THEN 'does not fire on replicas' WHEN 'R' THEN 'fires on replicas only'
          ELSE 'is missing' END AS problem
        FROM (VALUES ('extropy_ledger_append_only'), ('extropy_ledger_no_truncate')) AS expected (name)
        LEFT JOIN pg_trigger t ON t.tgrelid = '${TABLES.entries}'::regclass AND t.tgname = expected.name
        WHERE t.tgenabled IS DISTINCT FROM 'A'`,
    },
  ],
};

export const history: Rule = {
  name: "history",
  describe: "Every head that an earlier check noted is still an entry of the same user, with the same number and hash",
  checks: [
    {
      of: "heads",
      sql: rows => `
        SELECT 'user ' || n.user_id AS offender, CASE
          WHEN u.id IS NULL THEN n.entry_count || ' entries were noted, and the user is gone'
          WHEN l.entry_hash IS NOT NULL THEN 'entry ' || n.entry_count || ' was rewritten: the noted hash is '
            || n.head_hash || ', it is now ' || l.entry_hash
          ELSE n.entry_count || ' entries were noted, ' || (
            SELECT count(*) FROM ${TABLES.entries} e WHERE e.user_id = n.user_id AND e.user_seq <= n.entry_count)
            || ' of them are left' END AS problem
        FROM ${rows} AS n
        LEFT JOIN ${TABLES.users} u ON u.id = n.user_id
        LEFT JOIN LATERAL (
          SELECT e.entry_hash FROM ${TABLES.entries} e
          WHERE e.user_id = n.user_id AND e.user_seq = n.entry_count LIMIT 1
        ) AS l ON true
        WHERE u.id IS NULL OR l.entry_hash IS DISTINCT FROM n.head_hash`,
    },
  ],
};
