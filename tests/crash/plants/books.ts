// Faults in what the database holds when the rounds are over, as a crash, a bug or a hand could have left them.

import type { Plant } from "../plants.ts";
import { behindTheTriggers, type Left } from "./tamper.ts";

/** One that was not reversed, and that its payer could pay again. */
const ONE_TRANSFER = `
  SELECT l.transaction_id FROM extropy_ledger l JOIN users u ON u.id = l.user_id AND u.extropy_balance > -l.amount
  WHERE l.transaction_type = 'transfer_sent' AND NOT EXISTS (SELECT FROM extropy_ledger r WHERE r.reverses_id = l.id)
  ORDER BY l.id LIMIT 1`;
const ONE_AUDIT_RECORD = "SELECT id FROM audit_log WHERE action = 'balance_adjusted' ORDER BY id LIMIT 1";

const behind = (statements: string) => ({
  tamper: ({ sql }: Left) => behindTheTriggers(sql, statements),
});

export const BOOK_PLANTS: readonly Plant[] = [
  {
    name: "lost-movement",
    describe: "both legs of an answered transfer gone",
    shows: "lost",
    ...behind(`DELETE FROM extropy_ledger WHERE transaction_id = (${ONE_TRANSFER})`),
  },
  {
    name: "doubled-movement",
    describe: "a transfer made once more, in books that balance",
    shows: "doubled",
    async tamper({ sql }) {
      await sql.unsafe(`
        SELECT post_entries(array_agg(ROW(user_id, transaction_type, amount, NULL, NULL, '${crypto.randomUUID()}'::uuid, leg,
          NULL, NULL, description)::ledger_posting ORDER BY leg))
        FROM extropy_ledger WHERE transaction_id = (${ONE_TRANSFER})`);
    },
  },
  {
    name: "doubled-card",
    describe: "a published card that is there twice",
    shows: "doubled",
    ...behind(`
      INSERT INTO cards (user_id, title, content, content_hash, privacy_level, is_published, published_at)
      SELECT user_id, title, content, repeat('0', 64), privacy_level, true, now() FROM cards ORDER BY id LIMIT 1`),
  },
  {
    name: "card-without-reward",
    describe: "a published card whose reward is gone",
    shows: "lost",
    ...behind(`DELETE FROM extropy_ledger WHERE id = (
      SELECT id FROM extropy_ledger WHERE transaction_type = 'publish_reward' ORDER BY id DESC LIMIT 1)`),
  },
  {
    name: "wrong-balance",
    describe: "a balance that no entry explains",
    shows: "unbalanced",
    ...behind("UPDATE users SET extropy_balance = extropy_balance + 1 WHERE username = 'writer-001'"),
  },
  {
    name: "unbalanced-pair",
    describe: "a transfer of which one leg is larger",
    shows: "unbalanced",
    ...behind(`UPDATE extropy_ledger SET amount = amount + 1, balance_after = balance_after + 1
      WHERE leg = 2 AND transaction_id = (${ONE_TRANSFER})`),
  },
  {
    name: "wrong-payee",
    describe: "a transfer that another account has received",
    shows: "wrong",
    ...behind(`UPDATE extropy_ledger l SET user_id = other.id, user_seq = 1000000
      FROM (SELECT id FROM users WHERE username = 'admin') AS other
      WHERE l.leg = 2 AND l.transaction_id = (${ONE_TRANSFER})`),
  },
  {
    name: "forged-hash",
    describe: "an entry with another hash",
    shows: "unbalanced",
    ...behind(`UPDATE extropy_ledger SET entry_hash = repeat('a', 64)
      WHERE id = (SELECT min(id) FROM extropy_ledger WHERE transaction_type = 'transfer_sent')`),
  },
  {
    name: "forged-supply",
    describe: "a public total that is not issued less burned",
    shows: "unbalanced",
    async tamper({ sql }) {
      await sql`CREATE OR REPLACE VIEW extropy_supply AS
        SELECT transaction_type, sum(amount) AS issued, 0.00::decimal AS burned, count(*) AS entries
        FROM extropy_ledger WHERE amount > 0 GROUP BY transaction_type`;
    },
  },
  {
    name: "forged-statistics",
    describe: "an account that is told of more than it has earned, in books that balance",
    shows: "unbalanced",
    async tamper({ sql }) {
      await sql`
        INSERT INTO stats_bookmarks (user_id, user_seq, entry_hash, totals)
        SELECT u.id, u.entry_count, u.head_hash,
          jsonb_build_array(jsonb_build_object('type', 'bonus', 'count', 1, 'earned', u.extropy_balance + 1, 'spent', 0.00))
        FROM users u WHERE u.username = 'writer-001'
        ON CONFLICT (user_id) DO UPDATE SET user_seq = excluded.user_seq, entry_hash = excluded.entry_hash,
          totals = excluded.totals`;
    },
  },
  {
    name: "lost-note",
    describe: "a transfer whose note is gone",
    shows: "lost",
    ...behind(`DELETE FROM transaction_notes WHERE transaction_id = (${ONE_TRANSFER})`),
  },
  {
    name: "lost-audit-record",
    describe: "an adjustment that the audit log does not know",
    shows: "lost",
    ...behind(`
      DELETE FROM audit_reasons WHERE audit_id = (${ONE_AUDIT_RECORD});
      DELETE FROM audit_log WHERE id = (${ONE_AUDIT_RECORD})`),
  },
  {
    name: "lost-key",
    describe: "an answered request whose idempotency key is forgotten",
    shows: "lost",
    ...behind("DELETE FROM idempotency_records WHERE key = (SELECT min(key) FROM idempotency_records)"),
  },
  {
    name: "no-unique-key",
    describe: "the unique constraint on idempotency keys dropped",
    shows: "schema",
    async tamper({ sql }) {
      await sql`ALTER TABLE extropy_ledger DROP CONSTRAINT extropy_ledger_idempotency_key`;
    },
  },
];
