// What must be true of an entry by itself, and of an entry after the one before it.

import { notNegative, type Rule, TABLES } from "./rule.ts";

export const money: Rule = {
  name: "money",
  describe: "No balance or amount is negative where it may not be, and none is NaN",
  checks: [
    {
      of: "users",
      sql: rows => `
        SELECT 'user ' || id AS offender, 'extropy_balance is ' || extropy_balance AS problem
        FROM ${rows} AS u WHERE NOT ${notNegative("extropy_balance")}`,
    },
    {
      of: "cards",
      sql: rows => `
        SELECT 'card ' || id AS offender, 'extropy_earned is ' || extropy_earned AS problem
        FROM ${rows} AS c WHERE NOT ${notNegative("extropy_earned")}`,
    },
    {
      of: "attributions",
      sql: rows => `
        SELECT 'attribution ' || id AS offender, 'extropy_amount is ' || extropy_amount AS problem
        FROM ${rows} AS a WHERE NOT ${notNegative("extropy_amount")}`,
    },
    {
      of: "entries",
      sql: rows => `
        SELECT 'entry ' || id AS offender,
          'amount ' || amount || ', from ' || balance_before || ' to ' || balance_after AS problem
        FROM ${rows} AS l
        WHERE amount = 0 OR NOT ${notNegative("abs(amount)")}
          OR NOT ${notNegative("balance_before")} OR NOT ${notNegative("balance_after")}`,
    },
  ],
};

/**
 * The canonical form of docs/ledger.md, written a second time: a database whose own function for it was changed is
 * noticed. format() puts nothing for NULL, and takes 4.6 µs a row with the hash; the function takes 7.7 µs.
 */
const ENTRY_HASH = `
  encode(sha256(convert_to(format(E'extropy-ledger/1\\n${"%s\\n".repeat(16)}', prev_hash, id, user_id, user_seq,
    transaction_id, transaction_type, amount, balance_before, balance_after, card_id, attribution_id, reverses_id,
    idempotency_key, description, metadata,
    (extract(epoch FROM CASE WHEN isfinite(created_at) THEN created_at END) * 1000000)::bigint), 'UTF8')), 'hex')`;

export const hashes: Rule = {
  name: "hashes",
  describe: "Every entry_hash is the SHA-256 of the entry's text, computed anew",
  checks: [
    {
      of: "entries",
      sql: rows => `
        SELECT 'entry ' || id || ' of user ' || user_id AS offender,
          'entry_hash is ' || entry_hash || ', the text makes ' || ${ENTRY_HASH} AS problem
        FROM ${rows} AS l WHERE entry_hash <> ${ENTRY_HASH}`,
    },
  ],
};

/**
 * Within the rows, the entry before is the row before; only where it isn't among them is it looked up by the index
 * (user_id, user_seq), so that rows checked in stretches need no sort that grows with the ledger. What looks wrong is
 * then held against whatever entry is before it. (An entry that stands twice, in two stretches, `balances` counts.)
 */
export const chain: Rule = {
  name: "chain",
  describe: "Every entry continues its user's entry before it: the next user_seq, its balance, its hash, a later time",
  checks: [
    {
      of: "entries",
      sql: rows => `
        SELECT 'entry ' || e.id || ' of user ' || e.user_id AS offender, concat_ws('; ',
          CASE WHEN e.user_seq <> coalesce(p.user_seq, 0) + 1
            THEN 'user_seq ' || e.user_seq || ' follows ' || coalesce(p.user_seq, 0) END,
          CASE WHEN e.balance_before <> coalesce(p.balance_after, 0.00)
            THEN 'balance_before ' || e.balance_before || ' follows balance_after ' || coalesce(p.balance_after, 0.00) END,
          CASE WHEN e.balance_after <> e.balance_before + e.amount
            THEN e.balance_before || ' and ' || e.amount || ' do not make ' || e.balance_after END,
          CASE WHEN e.created_at <= p.created_at THEN 'created_at does not rise' END,
          CASE WHEN e.prev_hash <> coalesce(p.entry_hash, repeat('0', 64))
            THEN 'prev_hash is not the hash before it' END) AS problem
        FROM (
          SELECT l.* FROM (
            SELECT id, user_id, user_seq, amount, balance_before, balance_after, created_at, prev_hash,
              lag(user_seq) OVER by_user AS near_seq, lag(balance_after) OVER by_user AS near_after,
              lag(created_at) OVER by_user AS near_created, lag(entry_hash) OVER by_user AS near_hash
            FROM ${rows} AS l
            WINDOW by_user AS (PARTITION BY user_id ORDER BY user_seq, id)
          ) AS l
          LEFT JOIN LATERAL (
            SELECT f.balance_after, f.created_at, f.entry_hash FROM ${TABLES.entries} f
            WHERE l.near_seq IS DISTINCT FROM l.user_seq - 1
              AND f.user_id = l.user_id AND f.user_seq = l.user_seq - 1 LIMIT 1
          ) AS far ON true
          WHERE (l.balance_after = l.balance_before + l.amount AND CASE
            WHEN l.near_seq = l.user_seq - 1 THEN
              l.balance_before = l.near_after AND l.created_at > l.near_created AND l.prev_hash = l.near_hash
            WHEN l.near_seq = l.user_seq THEN false
            WHEN l.user_seq = 1 THEN l.balance_before = 0 AND l.prev_hash = repeat('0', 64)
            ELSE l.balance_before = far.balance_after AND l.created_at > far.created_at
              AND l.prev_hash = far.entry_hash END) IS NOT TRUE
        ) AS e
        LEFT JOIN LATERAL (
          SELECT b.user_seq, b.balance_after, b.created_at, b.entry_hash FROM ${TABLES.entries} b
          WHERE b.user_id = e.user_id AND (b.user_seq, b.id) < (e.user_seq, e.id)
          ORDER BY b.user_seq DESC, b.id DESC LIMIT 1
        ) AS p ON true`,
    },
  ],
};
