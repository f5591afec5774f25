// Proves a demo before it is committed: the invariants of the books, and what the triggers that were silent
// would have kept besides, all computed by the database from the rows themselves.

import type { Tx } from "../db.ts";
import { checkInvariant, type Invariant, invariants } from "../ledger/invariants.ts";

const hashes: Invariant = {
  name: "hashes",
  describe: "Every entry's hash is that of its text",
  sql: `
    SELECT 'entry ' || id AS offender, 'entry_hash is not the hash of its text' AS problem
    FROM public.extropy_ledger
    WHERE entry_hash <> public.sha256_hex(public.ledger_entry_text(prev_hash, id, user_id, user_seq, transaction_id,
      transaction_type, amount, balance_before, balance_after, card_id, attribution_id, reverses_id,
      idempotency_key, description, metadata, created_at))`,
};

const legs: Invariant = {
  name: "legs",
  describe:
    "Every leg has its number: 1 for the payer's or the only one, 2 for the payee's, a reversal's as the original's",
  sql: `
    SELECT 'entry ' || r.id AS offender, 'leg ' || r.leg || ' undoes leg ' || o.leg AS problem
    FROM public.extropy_ledger r JOIN public.extropy_ledger o ON o.id = r.reverses_id
    WHERE r.leg <> o.leg OR r.card_id IS DISTINCT FROM o.card_id OR r.attribution_id IS DISTINCT FROM o.attribution_id`,
};

const payments: Invariant = {
  name: "payments",
  describe: "Every attribution with an amount was paid by its two legs, and undone by two where it is marked reversed",
  sql: `
    SELECT 'attribution ' || a.id AS offender, concat('amount ', a.extropy_amount, ', paid ', p.paid, ', received ',
      p.received, ', reversals ', coalesce(p.reversals, 0)) AS problem
    FROM public.attributions a
    LEFT JOIN (
      SELECT attribution_id,
        sum(-amount) FILTER (WHERE transaction_type = 'attribution_payment') AS paid,
        sum(amount) FILTER (WHERE transaction_type = 'attribution_received') AS received,
        count(*) FILTER (WHERE transaction_type = 'reversal') AS reversals
      FROM public.extropy_ledger WHERE attribution_id IS NOT NULL GROUP BY attribution_id
    ) p ON p.attribution_id = a.id
    WHERE coalesce(p.paid, 0) <> a.extropy_amount OR coalesce(p.received, 0) <> a.extropy_amount
      OR coalesce(p.reversals, 0) <> CASE WHEN a.reversed_at IS NULL THEN 0 ELSE 2 END`,
};

const earnings: Invariant = {
  name: "earnings",
  describe: "Every card's count and earnings are those of its reward and of the attributions that stand",
  sql: `
    SELECT 'card ' || c.id AS offender, concat('counts ', c.attribution_count, ' and ', c.extropy_earned, ', found ',
      coalesce(a.count, 0), ' and ', coalesce(a.total, 0) + coalesce(r.total, 0)) AS problem
    FROM public.cards c
    LEFT JOIN (
      SELECT source_card_id, count(*) AS count, sum(extropy_amount) AS total
      FROM public.attributions WHERE reversed_at IS NULL GROUP BY source_card_id
    ) a ON a.source_card_id = c.id
    LEFT JOIN (
      SELECT card_id, sum(amount) AS total
      FROM public.extropy_ledger WHERE transaction_type = 'publish_reward' GROUP BY card_id
    ) r ON r.card_id = c.id
    WHERE c.attribution_count <> coalesce(a.count, 0)
      OR c.extropy_earned <> coalesce(a.total, 0) + coalesce(r.total, 0)`,
};

const rewards: Invariant = {
  name: "rewards",
  describe: "Every user's count of rewards is that of the last day that had one",
  sql: `
    SELECT 'user ' || u.id AS offender, concat(u.rewards_count, ' on ', u.rewards_on, ', found ', r.count, ' on ', r.day)
      AS problem
    FROM public.users u
    LEFT JOIN (
      SELECT DISTINCT ON (user_id) user_id, (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS count
      FROM public.extropy_ledger WHERE transaction_type = 'publish_reward'
      GROUP BY 1, 2 ORDER BY 1, 2 DESC
    ) r ON r.user_id = u.id
    WHERE u.rewards_on IS DISTINCT FROM r.day OR u.rewards_count <> coalesce(r.count, 0)`,
};

const CHECKS = [...invariants, hashes, legs, payments, earnings, rewards];

/** What was found wrong; a mistake in this program, never in the arguments. */
export class InvalidDemo extends Error {
  override name = "InvalidDemo";
}

/** Makes every check over all rows. Throws InvalidDemo, with examples, at the first one that finds something. */
export async function checkDemo(tx: Tx, onCheck: (name: string, done: number, total: number) => void): Promise<void> {
  for (const [done, check] of CHECKS.entries()) {
    onCheck(check.name, done, CHECKS.length);
    const { violations, examples } = await checkInvariant(tx, check);
    if (violations === 0) continue;
    const shown = examples.map(({ offender, problem }) => `  ${offender}: ${problem}`);
    throw new InvalidDemo(`${violations} violate "${check.describe}". Nothing was committed.\n${shown.join("\n")}`);
  }
}
