// What must be true of attributions and cards: that the money they name is in the ledger, and that the ledger's
// entries are about attributions and cards that exist.

import { type Rule, TABLES } from "./rule.ts";

export const attributions: Rule = {
  name: "attributions",
  describe: "Every attribution with an amount was paid once, by its two legs, which stand unless it is marked reversed",
  checks: [
    {
      of: "attributions",
      sql: rows => `
        SELECT 'attribution ' || a.id AS offender, concat('amount ', a.extropy_amount,
          CASE WHEN a.reversed_at IS NOT NULL THEN ', marked reversed' END, '; ',
          coalesce((
            SELECT string_agg('entry ' || e.id || ' ' || e.transaction_type || ' ' || e.amount || ' of user ' || e.user_id,
              ', ' ORDER BY e.id)
            FROM ${TABLES.entries} e WHERE e.attribution_id = a.id), 'no entry')) AS problem
        FROM ${rows} AS a
        CROSS JOIN LATERAL (
          SELECT count(*) AS entries,
            count(*) FILTER (WHERE e.transaction_type = 'attribution_payment') AS payments,
            count(*) FILTER (WHERE e.transaction_type = 'attribution_received') AS receipts,
            count(*) FILTER (WHERE e.transaction_type = 'reversal') AS reversals,
            bool_and(CASE e.transaction_type
              WHEN 'attribution_payment' THEN e.user_id = a.target_user_id AND e.amount = -a.extropy_amount
              WHEN 'attribution_received' THEN e.user_id = a.source_user_id AND e.amount = a.extropy_amount
              ELSE e.transaction_type = 'reversal' END) AS fits
          FROM ${TABLES.entries} e WHERE e.attribution_id = a.id
        ) AS l
        WHERE (CASE WHEN a.extropy_amount = 0 THEN l.entries = 0 AND a.reversed_at IS NULL
          ELSE l.payments = 1 AND l.receipts = 1 AND l.fits
            AND l.reversals = CASE WHEN a.reversed_at IS NULL THEN 0 ELSE 2 END END) IS NOT TRUE`,
    },
    {
      of: "entries",
      sql: rows => `
        SELECT 'entry ' || l.id AS offender, l.transaction_type || coalesce(
          ' for attribution ' || l.attribution_id || ', which does not exist', ' without an attribution') AS problem
        FROM ${rows} AS l
        LEFT JOIN LATERAL (
          SELECT a.id FROM ${TABLES.attributions} a WHERE a.id = l.attribution_id LIMIT 1) AS named ON true
        WHERE named.id IS NULL
          AND (l.attribution_id IS NOT NULL OR l.transaction_type IN ('attribution_payment', 'attribution_received'))`,
    },
  ],
};

/** For all cards at once the tables are joined by hashing, in half the time that look-ups take; for a few it is those. */
export const cards: Rule = {
  name: "cards",
  describe: "Every card's earnings are its reward and the attributions that stand, and so many attributions it counts",
  checks: [
    {
      of: "cards",
      sql: rows => `
        SELECT 'card ' || id AS offender, concat_ws('; ',
          CASE WHEN attribution_count <> standing
            THEN 'attribution_count ' || attribution_count || ', attributions that stand ' || standing END,
          CASE WHEN extropy_earned <> rewards + earned THEN 'extropy_earned ' || extropy_earned
            || ', rewards ' || rewards || ' and attributions ' || earned END) AS problem
        FROM (
          SELECT c.id, c.attribution_count, c.extropy_earned, coalesce(a.standing, 0) AS standing,
            coalesce(a.earned, 0.00) AS earned, coalesce(r.rewards, 0.00) AS rewards
          FROM ${rows} AS c
          LEFT JOIN (
            SELECT source_card_id, count(*) AS standing, sum(extropy_amount) AS earned FROM ${TABLES.attributions}
            WHERE reversed_at IS NULL AND source_card_id IN (SELECT x.id FROM ${rows} AS x) GROUP BY source_card_id
          ) AS a ON a.source_card_id = c.id
          LEFT JOIN (
            SELECT card_id, sum(amount) AS rewards FROM ${TABLES.entries} e
            WHERE transaction_type = 'publish_reward' AND card_id IN (SELECT x.id FROM ${rows} AS x)
              AND NOT EXISTS (SELECT FROM ${TABLES.entries} undo WHERE undo.reverses_id = e.id)
            GROUP BY card_id
          ) AS r ON r.card_id = c.id
        ) AS card
        WHERE attribution_count <> standing OR extropy_earned <> rewards + earned`,
    },
    {
      of: "entries",
      sql: rows => `
        SELECT 'entry ' || l.id AS offender, l.transaction_type || ' for card ' || l.card_id || ', which user '
          || l.user_id || ' does not have' AS problem
        FROM ${rows} AS l
        LEFT JOIN LATERAL (SELECT c.user_id FROM ${TABLES.cards} c WHERE c.id = l.card_id LIMIT 1) AS named ON true
        WHERE l.card_id IS NOT NULL AND named.user_id IS DISTINCT FROM l.user_id`,
    },
  ],
};
