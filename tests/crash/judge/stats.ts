// What the server says that accounts' entries add up to (`GET /api/stats`): of each the balance, and of all together the
// public total, which is what was issued less what was burned.

import type { Stats } from "../../../src/ledger/model.ts";
import { sumAmounts } from "../../../src/money.ts";
import { readTotal } from "./books.ts";
import type { Finding } from "./finding.ts";
import type { Subject } from "./judge.ts";

/** What moves between accounts: neither issued nor burned. */
const MOVING = new Set(["transfer_sent", "transfer_received", "attribution_payment", "attribution_received"]);

/** A connection to a PostgreSQL that was killed may show only when it is used. */
const ATTEMPTS_MAX = 5;
const RETRY_MS = 100;

export async function judgeStats({ sql, accounts, askForStats }: Subject): Promise<Finding[]> {
  const findings: Finding[] = [];
  const find = (detail: string) => findings.push({ kind: "unbalanced", detail: `/api/stats: ${detail}` });
  const rows = await sql<{ id: string; balance: string }[]>`
    SELECT id::text, extropy_balance::text AS balance FROM users ORDER BY id LIMIT 1000`;
  const balances = new Map(rows.map(({ id, balance }) => [id, balance]));
  const issued: string[] = [];
  for (const { id, name, key } of accounts) {
    const response = await ask(() => askForStats(key));
    if (response.status !== 200) {
      findings.push({ kind: "unexpected", detail: `${response.status} for /api/stats of ${name}` });
      continue;
    }
    const { balance, earned, spent, net, by_type } = (await response.json()) as Stats;
    const held = balances.get(id);
    const sums = Object.entries(by_type);
    if (balance !== held) find(`${name} has ${held}, and is told ${balance}`);
    if (
      net !== balance ||
      sumAmounts([earned, `-${spent}`]) !== net ||
      sumAmounts(sums.map(([, { sum }]) => sum)) !== net
    ) {
      find(`${name} has earned ${earned} and spent ${spent}, which is not the balance of ${balance}`);
    }
    issued.push(...sums.flatMap(([type, { sum }]) => (MOVING.has(type) ? [] : [sum])));
  }
  const { supply } = await readTotal(sql);
  const total = sumAmounts(["0.00", ...issued]);
  if (total !== supply) find(`all that was issued less what was burned is ${total}, and by the entries ${supply}`);
  return findings;
}

async function ask(send: () => Promise<Response>): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await send();
    if (response.status !== 503 || attempt === ATTEMPTS_MAX) return response;
    await Bun.sleep(RETRY_MS);
  }
}
