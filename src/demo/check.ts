// Proves a demo before it is committed: the invariants of the books, and what the triggers that were silent
// would have kept besides, all computed by the database from the rows themselves.

import type { Tx } from "../db.ts";
import { checkInvariant, type Invariant, invariants, recordedInvariants } from "../ledger/invariants.ts";

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

const CHECKS = [...invariants, ...recordedInvariants, rewards];

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
