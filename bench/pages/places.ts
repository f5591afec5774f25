// The admin pages that are measured: each page, each filter and each order, about whoever and whatever is the largest
// of its kind in the database, where a page is slowest.

import type { Sql } from "../../src/db.ts";

/** What a page may take at the median, in milliseconds. */
const PAGE_MS_MAX = 50;
/** Pages that add up. */
const SUMS_MS_MAX = 150;

/** A page; `path` leads to it in one database. */
export type Place = { name: string; path: string; goalMs: number };

type Subjects = {
  /** With the most entries, which is the one that is cited most. */
  busiest_id: string;
  busiest: string;
  /** Who cites most. */
  citer_id: string;
  citer: string;
  /** In the middle by entries. */
  usual_id: string;
  usual: string;
  hot_card: string;
  usual_card: string;
  entry: string;
  transaction: string;
  attribution: string;
  rare_amount: string;
  rare_day: string;
  day: string;
  device: string;
};

/** All pages of one database, in an order that is the same for every database. */
export async function listPlaces(sql: Sql): Promise<Place[]> {
  const s = await findSubjects(sql);
  const hour = `${s.day}T12:00:00Z`;
  const paths: [string, string, number?][] = [
    ["overview", "/admin", SUMS_MS_MAX],
    ["users", "/admin/users"],
    ["users, by name", "/admin/users?sort=username"],
    ["users, richest first", "/admin/users?sort=-balance"],
    ["users, by a letter", "/admin/users?q=a"],
    ["users, by a name", `/admin/users?q=${s.usual}`],
    ["users, auditors", "/admin/users?role=auditor"],
    ["users, inactive", "/admin/users?active=false"],
    ["user, the busiest", `/admin/users/${s.busiest_id}`],
    ["user, who cites most", `/admin/users/${s.citer_id}`],
    ["user, a usual one", `/admin/users/${s.usual_id}`],
    ["adjust a balance", `/admin/users/${s.busiest_id}/adjust`],
    ["ledger", "/admin/ledger"],
    ["ledger, the busiest user", `/admin/ledger?user=${s.busiest}`],
    ["ledger, a usual user", `/admin/ledger?user=${s.usual}`],
    ["ledger, rewards", "/admin/ledger?type=publish_reward"],
    ["ledger, penalties", "/admin/ledger?type=penalty"],
    ["ledger, reversals", "/admin/ledger?type=reversal"],
    ["ledger, penalties of the busiest", `/admin/ledger?type=penalty&user=${s.busiest}`],
    ["ledger, rewards of the busiest", `/admin/ledger?type=publish_reward&user=${s.busiest}`],
    ["ledger, a usual amount", "/admin/ledger?amount=0.50"],
    ["ledger, a rare amount", `/admin/ledger?amount=${s.rare_amount}`],
    ["ledger, an amount of nobody", "/admin/ledger?amount=123456.78"],
    ["ledger, a rare amount and its day", `/admin/ledger?amount=${s.rare_amount}&from=${s.rare_day}&to=${s.rare_day}`],
    ["ledger, an amount of nobody on a day", `/admin/ledger?amount=123456.78&from=${s.day}&to=${s.day}`],
    ["ledger, the negative of a usual amount", "/admin/ledger?amount=-1.00"],
    ["ledger, amounts between usual ones", "/admin/ledger?amount_min=0.20&amount_max=0.40"],
    ["ledger, large amounts", "/admin/ledger?amount_min=500"],
    ["ledger, large payments", "/admin/ledger?amount_max=-20"],
    ["ledger, large amounts of the busiest", `/admin/ledger?amount_min=500&user=${s.busiest}`],
    ["ledger, a usual amount of the busiest", `/admin/ledger?amount=-0.50&user=${s.busiest}`],
    ["ledger, a day", `/admin/ledger?from=${s.day}&to=${s.day}`],
    ["ledger, penalties of a day", `/admin/ledger?type=penalty&from=${s.day}&to=${s.day}`],
    ["ledger, before a time", `/admin/ledger?to=${hour}`],
    ["ledger, a card", `/admin/ledger?card_id=${s.hot_card}`],
    ["ledger, an attribution", `/admin/ledger?attribution_id=${s.attribution}`],
    ["ledger, a movement", `/admin/ledger?transaction_id=${s.transaction}`],
    ["entry", `/admin/ledger/${s.entry}`],
    ["reverse an entry", `/admin/ledger/${s.entry}/reverse`],
    ["cards", "/admin/cards"],
    ["cards, most cited", "/admin/cards?sort=most_cited"],
    ["cards, most earned", "/admin/cards?sort=most_earned"],
    ["cards, most earned of a category", "/admin/cards?sort=most_earned&category=GRIT"],
    ["cards, most cited of the busiest", `/admin/cards?sort=most_cited&user=${s.busiest}`],
    ["cards, the busiest user", `/admin/cards?user=${s.busiest}`],
    ["cards, withdrawn", "/admin/cards?status=withdrawn"],
    ["cards, a category", "/admin/cards?category=JUNK"],
    ["cards, by a word", "/admin/cards?q=the"],
    ["cards, by a rare word", "/admin/cards?q=morn"],
    ["cards, by a word of nobody", "/admin/cards?q=zzqzzq"],
    ["cards, most cited by a rare word", "/admin/cards?sort=most_cited&q=morn"],
    ["cards, most earned by a word of nobody", "/admin/cards?sort=most_earned&q=zzqzzq"],
    ["card, the most cited", `/admin/cards/${s.hot_card}`],
    ["card, a usual one", `/admin/cards/${s.usual_card}`],
    ["graph, the most cited", `/admin/cards/${s.hot_card}/graph`],
    ["graph, the most cited, 2 steps", `/admin/cards/${s.hot_card}/graph?depth=2`],
    ["graph, a usual card", `/admin/cards/${s.usual_card}/graph`],
    ["analytics, 30 days", "/admin/attributions", SUMS_MS_MAX],
    ["attributions", "/admin/attributions/all"],
    ["attributions, of the busiest's cards", `/admin/attributions/all?source_user=${s.busiest}`],
    ["attributions, by the busiest", `/admin/attributions/all?target_user=${s.busiest}`],
    ["attributions, by who cites most", `/admin/attributions/all?target_user=${s.citer}`],
    ["attributions, between two", `/admin/attributions/all?source_user=${s.busiest}&target_user=${s.citer}`],
    ["attributions, remixes of the busiest", `/admin/attributions/all?source_user=${s.busiest}&type=remix`],
    ["attributions, a type", "/admin/attributions/all?type=inspiration"],
    ["attributions, reversed", "/admin/attributions/all?reversed=true"],
    ["attributions, reversed of the busiest", `/admin/attributions/all?reversed=true&source_user=${s.busiest}`],
    ["attributions, a card", `/admin/attributions/all?card_id=${s.hot_card}`],
    ["sync", "/admin/sync"],
    ["sync, failed", "/admin/sync?status=failed"],
    ["sync, the busiest user", `/admin/sync?user=${s.busiest}`],
    ["integrity", "/admin/integrity"],
    ["audit", "/admin/audit"],
    ["audit, a request", `/admin/audit?request_id=${s.transaction}`],
    ["search, a letter", "/admin/search?q=a"],
    ["search, an id's beginning", `/admin/search?q=${s.busiest_id.slice(0, 6)}`],
    ["search, a device", `/admin/search?q=${s.device}`],
    ["search, nothing", "/admin/search?q=zzqzzq"],
  ];
  return paths.map(([name, path, goalMs = PAGE_MS_MAX]) => ({ name, path, goalMs }));
}

async function findSubjects(sql: Sql): Promise<Subjects> {
  const [row] = await sql<Subjects[]>`
    WITH busiest AS (SELECT id, username FROM users ORDER BY entry_count DESC, id LIMIT 1),
    citer AS (
      SELECT u.id, u.username FROM users u WHERE u.id = (
        SELECT target_user_id FROM attributions GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)),
    members AS (
      SELECT u.id, u.username, row_number() OVER (ORDER BY u.entry_count, u.id) AS place, count(*) OVER () AS count
      FROM users u WHERE u.entry_count > 10 AND u.role = 'member' AND u.is_active),
    usual AS (SELECT id, username FROM members WHERE place = count / 2),
    payment AS (
      SELECT l.* FROM extropy_ledger l WHERE l.attribution_id IS NOT NULL ORDER BY l.created_at DESC, l.id DESC OFFSET 100 LIMIT 1),
    rare AS (
      SELECT l.amount, (min(l.created_at) AT TIME ZONE 'UTC')::date::text AS day FROM extropy_ledger l
      WHERE l.transaction_type IN ('transfer_sent', 'bonus', 'penalty', 'admin_adjustment')
      GROUP BY l.amount ORDER BY count(*), l.amount LIMIT 1),
    day AS (
      SELECT (l.created_at AT TIME ZONE 'UTC')::date::text AS day FROM extropy_ledger l
      WHERE l.created_at < now() - interval '100 days' ORDER BY l.created_at DESC LIMIT 1)
    SELECT busiest.id AS busiest_id, busiest.username AS busiest, citer.id AS citer_id, citer.username AS citer,
      usual.id AS usual_id, usual.username AS usual,
      (SELECT c.id FROM cards c WHERE c.is_published ORDER BY c.attribution_count DESC, c.id LIMIT 1) AS hot_card,
      c.id AS usual_card, payment.id::text AS entry, payment.transaction_id AS transaction,
      payment.attribution_id AS attribution, rare.amount AS rare_amount, rare.day AS rare_day, day.day,
      (SELECT s.client_id FROM sync_state s GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1) AS device
    FROM busiest, citer, usual, payment, rare, day,
      LATERAL (SELECT * FROM cards c WHERE c.is_published AND c.attribution_count = 3 ORDER BY c.id LIMIT 1) c`;
  if (!row) throw new Error("the database holds no demo");
  return row;
}
