// The books as a whole: the invariants over every entry, the public total against the answers, and the schema that keeps
// all of it.

import type { Sql } from "../../../src/db.ts";
import { checkIntegrity } from "../../../src/ledger/integrity/check.ts";
import { verifyDatabase } from "../../../src/migrate/verify.ts";
import { sumAmounts } from "../../../src/money.ts";
import type { Finding } from "./finding.ts";
import type { Tables } from "./rows.ts";

/** The sum of all balances, and what the supply says was issued less what was burned. */
export async function readTotal(sql: Sql): Promise<{ balances: string; supply: string }> {
  const [row] = await sql<{ balances: string; supply: string }[]>`
    SELECT (SELECT coalesce(sum(extropy_balance), 0.00)::text FROM users) AS balances,
      (SELECT coalesce(sum(issued) - sum(burned), 0.00)::text FROM extropy_supply) AS supply`;
  if (!row) throw new Error("there is no total");
  return row;
}

/** `opening` is what all balances added up to before the first of the promised entries. */
export async function judgeBooks(sql: Sql, opening: string, promised: Tables): Promise<Finding[]> {
  const findings: Finding[] = [];
  const find = (detail: string) => findings.push({ kind: "unbalanced", detail });
  const { invariants } = await checkIntegrity(sql, { full: true });
  for (const { name, violations, examples } of invariants) {
    if (violations === 0) continue;
    find(`${name}: ${violations} violations, such as ${examples[0]?.offender}: ${examples[0]?.problem}`);
  }
  const { balances, supply } = await readTotal(sql);
  const moved = [...promised.entry.values()].map(({ amount }) => amount ?? "0.00");
  const expected = sumAmounts([opening, ...moved]);
  if (balances !== supply) find(`the balances add up to ${balances}, and ${supply} is issued less burned`);
  if (balances !== expected) find(`the balances add up to ${balances}, and by all answers it is ${expected}`);
  return findings;
}

export async function judgeSchema(url: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  await verifyDatabase(url, {
    report: ({ name, differences }) => {
      for (const difference of differences) findings.push({ kind: "schema", detail: `${name}: ${difference}` });
    },
  });
  return findings;
}
