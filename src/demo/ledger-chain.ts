// Continues each user's chain of entries in JavaScript: places, balances and hashes, as post_entries and
// ledger_entry_text (migrations/0002_books.sql) do in the database, but for millions of entries in seconds.

import { formatCents } from "./amounts.ts";

/** What an entry's hash covers, all as the text that PostgreSQL makes of it; null for NULL. */
export type EntryText = Readonly<{
  prev_hash: string;
  id: number;
  user_id: string;
  user_seq: number;
  transaction_id: string;
  transaction_type: string;
  amount: string;
  balance_before: string;
  balance_after: string;
  card_id: string | null;
  attribution_id: string | null;
  reverses_id: number | null;
  idempotency_key: string | null;
  description: string | null;
  metadata: string;
  /** Microseconds since 1970. */
  created_at: number;
}>;

/** The hash of an entry; the same bytes as the SQL function's. */
export function hashEntry(e: EntryText): string {
  const text = `extropy-ledger/1
${e.prev_hash}
${e.id}
${e.user_id}
${e.user_seq}
${e.transaction_id}
${e.transaction_type}
${e.amount}
${e.balance_before}
${e.balance_after}
${e.card_id ?? ""}
${e.attribution_id ?? ""}
${e.reverses_id ?? ""}
${e.idempotency_key ?? ""}
${e.description ?? ""}
${e.metadata}
${e.created_at}
`;
  return Bun.SHA256.hash(text, "hex");
}

const OPENING_HASH = "0".repeat(64);

/** The newest entry of every user. */
export class LedgerHeads {
  readonly balance: Float64Array;
  readonly count: Int32Array;
  readonly at: Float64Array;
  readonly hash: string[];

  constructor(users: number) {
    this.balance = new Float64Array(users);
    this.count = new Int32Array(users);
    this.at = new Float64Array(users);
    this.hash = new Array(users).fill(OPENING_HASH);
  }

  /** Where a user's next entry begins; `cents` is its amount. */
  follow(user: number, cents: number) {
    const before = this.balance[user] as number;
    return {
      prev_hash: this.hash[user] as string,
      user_seq: (this.count[user] as number) + 1,
      amount: formatCents(cents),
      balance_before: formatCents(before),
      balance_after: formatCents(before + cents),
    };
  }

  /** Makes an entry the user's newest. */
  advance(user: number, cents: number, at: number, hash: string): void {
    this.balance[user] = (this.balance[user] as number) + cents;
    this.count[user] = (this.count[user] as number) + 1;
    this.at[user] = at;
    this.hash[user] = hash;
  }
}
