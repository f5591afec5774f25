// What must be true of the entries that belong together: the legs of a movement, and what a reversal undoes.

import { type Rule, TABLES } from "./rule.ts";

/** The legs of a movement as one line, for people. */
const LEGS = `(
  SELECT string_agg('entry ' || e.id || ' ' || e.transaction_type || ' ' || e.amount || ' of user ' || e.user_id,
    ', ' ORDER BY e.id)
  FROM ${TABLES.entries} e WHERE e.transaction_id = movement.transaction_id)`;

/**
 * Each leg is held against the others of its movement. LIMIT keeps that a look-up by index, and two are enough: where
 * there is a third leg, two of the first three don't fit each other, and each of these sees the other.
 */
export const movements: Rule = {
  name: "movements",
  describe: "Every movement between two users has its two legs and no third, and they sum to zero",
  checks: [
    {
      of: "entries",
      sql: rows => `
        SELECT 'movement ' || transaction_id AS offender, ${LEGS} AS problem
        FROM (
          SELECT DISTINCT l.transaction_id
          FROM ${rows} AS l
          LEFT JOIN LATERAL (
            SELECT s.transaction_type, s.user_id, s.amount, s.attribution_id FROM ${TABLES.entries} s
            WHERE s.transaction_id = l.transaction_id AND s.id <> l.id LIMIT 2
          ) AS other ON true
          WHERE (CASE
            WHEN l.transaction_type IN ('attribution_payment', 'transfer_sent') AND l.amount >= 0 THEN false
            WHEN other.transaction_type IS NULL THEN l.transaction_type NOT IN
              ('attribution_payment', 'attribution_received', 'transfer_sent', 'transfer_received')
            ELSE other.user_id <> l.user_id AND other.amount = -l.amount
              AND other.attribution_id IS NOT DISTINCT FROM l.attribution_id
              AND other.transaction_type = CASE l.transaction_type
                WHEN 'attribution_payment' THEN 'attribution_received'
                WHEN 'attribution_received' THEN 'attribution_payment'
                WHEN 'transfer_sent' THEN 'transfer_received'
                WHEN 'transfer_received' THEN 'transfer_sent'
                WHEN 'reversal' THEN 'reversal' END
            END) IS NOT TRUE
        ) AS movement`,
    },
  ],
};

export const reversals: Rule = {
  name: "reversals",
  describe: "Every reversal undoes each leg of one movement by its opposite, and no entry is undone twice",
  checks: [
    {
      of: "entries",
      sql: rows => `
        SELECT 'entry ' || id AS offender, CASE
          WHEN transaction_type <> 'reversal' OR reverses_id IS NULL THEN 'only a reversal undoes an entry'
          WHEN undone_id IS NULL THEN 'undoes entry ' || reverses_id || ', which does not exist'
          WHEN undone_type = 'reversal' THEN 'undoes the reversal ' || reverses_id
          WHEN times <> 1 THEN 'entry ' || reverses_id || ' is undone ' || times || ' times'
          WHEN user_id <> undone_user_id THEN 'undoes entry ' || reverses_id || ' of another user'
          WHEN amount <> -undone_amount THEN amount || ' undoes ' || undone_amount
          WHEN NOT is_alike THEN 'is not about the same leg, card and attribution as entry ' || reverses_id
          ELSE 'undoes ' || legs || ' of ' || legs_undone || ' legs' END AS problem
        FROM (
          SELECT r.id, r.transaction_type, r.reverses_id, r.user_id, r.amount, o.id AS undone_id,
            o.transaction_type AS undone_type, o.user_id AS undone_user_id, o.amount AS undone_amount,
            (r.leg, r.card_id, r.attribution_id) IS NOT DISTINCT FROM (o.leg, o.card_id, o.attribution_id) AS is_alike,
            (SELECT count(*) FROM ${TABLES.entries} t WHERE t.reverses_id = r.reverses_id) AS times,
            (SELECT count(*) FROM ${TABLES.entries} s JOIN ${TABLES.entries} x ON x.id = s.reverses_id
              WHERE s.transaction_id = r.transaction_id AND x.transaction_id = o.transaction_id) AS legs,
            (SELECT count(*) FROM ${TABLES.entries} l WHERE l.transaction_id = o.transaction_id) AS legs_undone
          FROM ${rows} AS r
          LEFT JOIN LATERAL (SELECT u.* FROM ${TABLES.entries} u WHERE u.id = r.reverses_id LIMIT 1) o ON true
          WHERE r.transaction_type = 'reversal' OR r.reverses_id IS NOT NULL
        ) AS reversal
        WHERE (transaction_type = 'reversal' AND undone_type <> 'reversal' AND times = 1 AND user_id = undone_user_id
          AND amount = -undone_amount AND is_alike AND legs = legs_undone) IS NOT TRUE`,
    },
  ],
};
