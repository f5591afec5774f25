// SQL of an account's statistics. What long ledgers add up to is remembered as far as they were added up: entries never
// change, so only those behind the bookmark are read.

import { liveKey } from "../auth/live-key.ts";
import type { Caller } from "../auth/scopes.ts";
import { type Sql, sqlState } from "../db.ts";
import { sumAmounts } from "../money.ts";
import { Problem } from "../problem.ts";
import type { Stats, TransactionType } from "./model.ts";

/** Entries after which a bookmark is set: adding up so many takes a millisecond, a million 500. */
const ENTRIES_A_BOOKMARK = 1_000;

const READ_ONLY = "25006";

type Total = { type: TransactionType; count: number; earned: string; spent: string };
type Row = { [K in keyof Total]: Total[K] | null } & {
  balance: string;
  head_seq: string;
  head_hash: string;
  entries_behind: string;
};

/** What the caller's entries add up to, of one moment with the balance. Throws `unauthenticated`. */
export async function getStats(sql: Sql, caller: Caller): Promise<Stats> {
  const rows = await sql<Row[]>`
    SELECT u.extropy_balance AS balance, u.entry_count AS head_seq, u.head_hash,
      u.entry_count - coalesce(b.user_seq, 0) AS entries_behind,
      t.type, sum(t.count)::float8 AS count, sum(t.earned) AS earned, sum(t.spent) AS spent
    FROM users u
    -- A bookmark counts only where the ledger still goes through that entry: not one from before a restored backup.
    LEFT JOIN (stats_bookmarks b JOIN extropy_ledger at
      ON at.user_id = b.user_id AND at.user_seq = b.user_seq AND at.entry_hash = b.entry_hash) ON b.user_id = u.id
    LEFT JOIN LATERAL (
      SELECT k.* FROM jsonb_to_recordset(b.totals) AS k (type text, count bigint, earned decimal, spent decimal)
      UNION ALL
      SELECT l.transaction_type, count(*), coalesce(sum(l.amount) FILTER (WHERE l.amount > 0), 0.00),
        coalesce(-sum(l.amount) FILTER (WHERE l.amount < 0), 0.00)
      FROM extropy_ledger l WHERE l.user_id = u.id AND l.user_seq > coalesce(b.user_seq, 0)
      GROUP BY l.transaction_type
    ) t ON true
    WHERE u.id = ${caller.userId}::uuid AND ${liveKey(sql, caller)}
    GROUP BY u.id, b.user_seq, t.type ORDER BY t.type`;
  const [first] = rows;
  if (!first) throw new Problem("unauthenticated");
  const totals = rows.filter((row): row is Row & Total => row.type !== null);
  if (Number(first.entries_behind) >= ENTRIES_A_BOOKMARK) await setBookmark(sql, caller.userId, first, totals);
  const earned = sumAmounts(totals.map(total => total.earned));
  const spent = sumAmounts(totals.map(total => total.spent));
  return {
    balance: first.balance,
    earned,
    spent,
    net: sumAmounts([earned, `-${spent}`]),
    by_type: Object.fromEntries(
      totals.map(({ type, count, earned, spent }) => [type, { count, sum: sumAmounts([earned, `-${spent}`]) }]),
    ),
  };
}

/** Remembers totals as far as the head that was read with them, unless somebody was further. */
async function setBookmark(sql: Sql, userId: string, head: Row, totals: readonly Total[]): Promise<void> {
  const remembered = totals.map(({ type, count, earned, spent }) => ({ type, count, earned, spent }));
  try {
    await sql`
      INSERT INTO stats_bookmarks AS b (user_id, user_seq, entry_hash, totals)
      VALUES (${userId}::uuid, ${head.head_seq}::bigint, ${head.head_hash}, ${sql.json(remembered)})
      ON CONFLICT (user_id) DO UPDATE SET user_seq = excluded.user_seq, entry_hash = excluded.entry_hash,
        totals = excluded.totals, created_at = now()
      WHERE b.user_seq < excluded.user_seq`;
  } catch (error) {
    // A replica can't keep it, and answers all the same.
    if (sqlState(error) !== READ_ONLY) throw error;
  }
}
