// The books of a cast before and after each request: a refusal, and whatever only reads, leaves them as they are to the
// last row version, and what succeeds moves what its answer says and nothing else.

import type { Sql } from "../../src/db.ts";
import { sumAmounts } from "../../src/money.ts";
import type { Attempt, Reply } from "./attempt.ts";
import type { Target } from "./targets.ts";

/** All that somebody has. `version` changes with every write to the account. */
type Account = {
  id: string;
  version: string;
  balance: string;
  entries: string;
  cards: number;
  attributions: number;
  keys: number;
};

export type Books = Account[];

export async function readBooks(sql: Sql, ids: readonly string[]): Promise<Books> {
  return await sql<Account[]>`
    SELECT u.id, u.xmin::text AS version, u.extropy_balance::text AS balance, u.entry_count::text AS entries,
      (SELECT count(*)::int FROM cards c WHERE c.user_id = u.id AND c.is_published) AS cards,
      (SELECT count(*)::int FROM attributions a WHERE a.target_user_id = u.id) AS attributions,
      (SELECT count(*)::int FROM api_keys k WHERE k.user_id = u.id) AS keys
    FROM users u WHERE u.id = ANY (${ids}::uuid[]) ORDER BY u.id LIMIT 100`;
}

/** The sum of what an answer says was added to these accounts, and taken from them; undefined where it does not say. */
type Effect = (body: Body) => string | undefined;

type Body = {
  extropy_earned?: string;
  user?: { balance: string };
  entries?: { amount: string }[];
  results?: { entity_type: string; sync_status: string }[];
};

const ofEntries: Effect = ({ entries = [] }) => sumAmounts(entries.map(({ amount }) => amount));

/** Operations by which tokens come into being or vanish. All others move them at most. */
const EFFECTS: Readonly<Record<string, Effect>> = {
  "POST /api/publish": ({ extropy_earned }) => extropy_earned,
  "POST /api/admin/users/{id}/adjustments": ofEntries,
  "POST /api/admin/ledger/{id}/reversal": ofEntries,
};

/** Operations after which the account itself or its balance is another one, and whose answers do not tell by how much. */
const UNSAID = ["DELETE /api/me", "POST /api/sync/push", "POST /api/sync/resolve"];

/** What is wrong with how the books changed; undefined where all is explained. */
export function explain(
  { method }: Attempt,
  target: Target | undefined,
  reply: Reply,
  { before, after }: { before: Books; after: Books },
): string | undefined {
  const [was, is] = [sum(before), sum(after)];
  const isReading = target === undefined || method === "GET" || method === "HEAD";
  if (reply.status >= 400 || isReading) {
    const changed = after.filter((account, at) => JSON.stringify(account) !== JSON.stringify(before[at]));
    return changed.length > 0 || before.length !== after.length
      ? `${reply.status}, and yet changed: ${JSON.stringify(before)} became ${JSON.stringify(after)}`
      : undefined;
  }
  if (UNSAID.includes(target.name)) return undefined;
  // A repeated answer tells of what has happened before.
  const isReplay = reply.headers.has("idempotency-replayed");
  const effect = isReplay ? "0.00" : EFFECTS[target.name]?.(JSON.parse(reply.text) as Body);
  return is === sumAmounts([was, effect ?? "0.00"])
    ? undefined
    : `balances went from ${was} to ${is}, the answer says ${effect ?? "nothing"}`;
}

function sum(books: Books): string {
  return sumAmounts(books.map(({ balance }) => balance));
}
