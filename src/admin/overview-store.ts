// The figures of the overview, all of one snapshot: sums of closed days, the entries since, and the accounts as they
// are. They must make the same number of entries as the accounts count, or the sums are made anew.

import type { Sql, Tx } from "../db.ts";
import { addSupply, type SupplyByType } from "../ledger/integrity/supply.ts";
import { sumAmounts } from "../money.ts";
import { closeDays, dateOf, forgetDays, type LedgerDay, listDays, openSince, sumDay } from "./ledger-days.ts";
import type { Overview } from "./overview-model.ts";

/** Days of the charts. */
const DAYS = 30;
const DAY_MS = 86_400_000;

const PAYMENTS = ["attribution_received", "transfer_received"];

/** The figures of one process. */
export class OverviewFigures {
  #closing: Promise<void> | undefined;

  constructor(private readonly sql: Sql) {}

  /** The figures of now. */
  async get(): Promise<Overview> {
    await this.#close();
    const overview = await this.#read();
    if (overview.adds_up) return overview;
    // Something wrote into closed days: a backup was restored, a demo was made.
    await forgetDays(this.sql);
    await this.#close();
    return this.#read();
  }

  /** One process does it once at a time, whoever asks. */
  #close(): Promise<void> {
    this.#closing ??= closeDays(this.sql, Date.now()).finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #read(): Promise<Overview> {
    return this.sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", async tx => {
      const accounts = await countAccounts(tx);
      const nowMs = Date.parse(accounts.as_of);
      const closed = await listDays(tx);
      const last = closed.at(-1)?.day;
      const open: LedgerDay[] = [];
      const first = last === undefined ? openSince(nowMs) : dateOf(Date.parse(last) + DAY_MS);
      // The day after today as well: the clocks of two machines differ.
      for (let day = first; day <= dateOf(nowMs + DAY_MS); day = dateOf(Date.parse(day) + DAY_MS)) {
        open.push(await sumDay(tx, day));
      }
      const days = [...closed, ...open];
      const byType = days.reduce<SupplyByType>((sum, { supply }) => addSupply(sum, supply), {});
      const types = Object.values(byType);
      return {
        as_of: accounts.as_of,
        supply: {
          issued: sumAmounts(types.map(({ issued }) => issued)),
          burned: sumAmounts(types.map(({ burned }) => burned)),
          circulating: accounts.circulating,
        },
        users: { all: accounts.all, active: accounts.active },
        cards: await countCards(tx),
        entries: accounts.entries,
        payments: days.reduce((sum, day) => sum + paymentsOf(day), 0),
        days: await chartOf(tx, days, nowMs),
        adds_up: days.reduce((sum, { entries }) => sum + entries, 0) === accounts.entries,
      };
    });
  }
}

type Accounts = { as_of: string; all: number; active: number; entries: number; circulating: string };

async function countAccounts(tx: Tx): Promise<Accounts> {
  const [row] = await tx<Accounts[]>`
    SELECT now() AS as_of, (count(*) FILTER (WHERE NOT is_system))::float8 AS all,
      (count(*) FILTER (WHERE u.is_active))::float8 AS active, sum(u.entry_count)::float8 AS entries,
      sum(u.extropy_balance) AS circulating
    FROM users u CROSS JOIN LATERAL (SELECT u.id = '00000000-0000-0000-0000-000000000000' AS is_system) s`;
  if (!row) throw new Error("an aggregate gives a row");
  return row;
}

async function countCards(tx: Tx): Promise<number> {
  const [row] = await tx<{ count: number }[]>`SELECT count(*)::float8 AS count FROM cards c WHERE c.is_published`;
  return row?.count ?? 0;
}

function paymentsOf({ by_type }: LedgerDay): number {
  return PAYMENTS.reduce((sum, type) => sum + (by_type[type] ?? 0), 0);
}

async function chartOf(tx: Tx, days: readonly LedgerDay[], nowMs: number): Promise<Overview["days"]> {
  const first = dateOf(nowMs - (DAYS - 1) * DAY_MS);
  const rows = await tx<{ day: string; count: number }[]>`
    SELECT (c.published_at AT TIME ZONE 'UTC')::date::text AS day, count(*)::float8 AS count FROM cards c
    WHERE c.is_published AND c.published_at >= ${first}::date GROUP BY 1`;
  const published = new Map(rows.map(({ day, count }) => [day, count]));
  const paid = new Map(days.map(day => [day.day, paymentsOf(day)]));
  return Array.from({ length: DAYS }, (_, no) => {
    const day = dateOf(Date.parse(first) + no * DAY_MS);
    return { day, published: published.get(day) ?? 0, payments: paid.get(day) ?? 0 };
  });
}
