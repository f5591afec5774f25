// The figures of the overview, all of one snapshot: sums of closed days, the entries since, and the accounts as they
// are. They must make the same number of entries as the accounts count, or the sums are made anew.

import type { Sql, Tx } from "../db.ts";
import { countSupplyByDay, type DaySupply, mergeDays } from "../ledger/integrity/supply.ts";
import { sumAmounts } from "../money.ts";
import {
  addUp,
  areDaysMissing,
  closeDays,
  countCardsByDay,
  countCardsUntil,
  DAY_MS,
  dateOf,
  forgetDays,
  type LedgerDay,
  listLastDays,
  nextDay,
} from "./ledger-days.ts";
import type { Overview } from "./overview-model.ts";

/** Days of the charts. */
const DAYS = 30;
/** Before the first closed day. */
const NOTHING: LedgerDay = { day: "", entries: 0, by_type: {}, supply: {}, cards: 0 };

const PAYMENTS = ["attribution_received", "transfer_received"];

/** Entries are counted once more for so long: those of transactions that are open become visible late. */
const SETTLED_MS = 60_000;
/** The bookmark moves on when there is so much behind it. */
const BOOKMARK_MS = 300_000;

/** What the open days brought, until a moment. */
type Bookmark = Readonly<{ since: string; until: string; entries: readonly DaySupply[] }>;

/** The figures of one process. */
export class OverviewFigures {
  #closing: Promise<void> | undefined;
  #bookmark: Bookmark | undefined;
  /** Whether the figures didn't add up, made anew as they were: the books are wrong, and the page says so. */
  #isOff = false;

  constructor(private readonly sql: Sql) {}

  /** The figures of now where they take no time that anybody would notice; undefined, and begun, where they do. */
  async getSoon(onError: (error: unknown) => void): Promise<Overview | undefined> {
    if (!(await areDaysMissing(this.sql, Date.now()))) {
      await this.#close();
      const overview = await this.#read();
      if (overview.adds_up || this.#isOff) return overview;
    }
    this.get().catch(onError);
    return undefined;
  }

  /** The figures of now. */
  async get(): Promise<Overview> {
    const overview = await this.#get();
    this.#isOff = !overview.adds_up;
    return overview;
  }

  async #get(): Promise<Overview> {
    await this.#close();
    const overview = await this.#read();
    if (overview.adds_up) return overview;
    // An entry became visible very late, or behind the bookmark …
    this.#bookmark = undefined;
    const counted = await this.#read();
    if (counted.adds_up) return counted;
    // … or something wrote into closed days: a backup was restored, a demo was made.
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
      const [accounts, closed] = await Promise.all([countAccounts(tx), listLastDays(tx, DAYS + 1)]);
      const nowMs = Date.parse(accounts.as_of);
      const [last] = closed;
      const from = last ? nextDay(last.day) : dateOf(nowMs - 2 * DAY_MS);
      // The day after today as well: the clocks of two machines differ.
      const to = dateOf(nowMs + 2 * DAY_MS);
      const [entries, cards, cardsBefore, withdrawn] = await Promise.all([
        this.#countOpen(tx, from, to, nowMs),
        countCardsByDay(tx, from, to),
        last ? last.cards : countCardsUntil(tx, from),
        countWithdrawn(tx, dateOf(nowMs - DAYS * DAY_MS)),
      ]);
      const open = addUp({ ...(last ?? NOTHING), cards: cardsBefore }, { from, to }, { entries, cards });
      const days = [...closed.toReversed(), ...open];
      const sum = days.at(-1) ?? NOTHING;
      const types = Object.values(sum.supply);
      return {
        as_of: accounts.as_of,
        supply: {
          issued: sumAmounts(types.map(({ issued }) => issued)),
          burned: sumAmounts(types.map(({ burned }) => burned)),
          circulating: accounts.circulating,
        },
        users: { all: accounts.all, active: accounts.active },
        cards: sum.cards - withdrawn.all,
        entries: accounts.entries,
        payments: paymentsOf(sum),
        days: chartOf(days, withdrawn.byDay, nowMs),
        adds_up: sum.entries === accounts.entries,
      };
    });
  }

  /** What open days brought. What was counted by the bookmark is not counted again, while the same days are open. */
  async #countOpen(tx: Tx, since: string, to: string, nowMs: number): Promise<DaySupply[]> {
    const known = this.#bookmark?.since === since ? this.#bookmark : { since, until: since, entries: [] };
    const settledMs = nowMs - SETTLED_MS;
    if (settledMs - Date.parse(known.until) < BOOKMARK_MS) {
      return [...known.entries, ...(await countSupplyByDay(tx, known.until, to))];
    }
    const until = new Date(settledMs).toISOString();
    const [settled, recent] = await Promise.all([
      countSupplyByDay(tx, known.until, until),
      countSupplyByDay(tx, until, to),
    ]);
    this.#bookmark = { since, until, entries: mergeDays([...known.entries, ...settled]) };
    return [...this.#bookmark.entries, ...recent];
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

type Withdrawn = { all: number; byDay: ReadonlyMap<string, number> };

/** Cards that were published and are withdrawn: in all, and those of the days from `from` on by the day of publishing. */
async function countWithdrawn(tx: Tx, from: string): Promise<Withdrawn> {
  const rows = await tx<{ day: string | null; count: number }[]>`
    SELECT CASE WHEN c.published_at >= ${from}::date THEN (c.published_at AT TIME ZONE 'UTC')::date::text END AS day,
      count(*)::float8 AS count
    FROM cards c WHERE NOT c.is_published AND c.published_at IS NOT NULL GROUP BY 1`;
  return {
    all: rows.reduce((sum, { count }) => sum + count, 0),
    byDay: new Map(rows.flatMap(({ day, count }) => (day === null ? [] : [[day, count]]))),
  };
}

function paymentsOf({ by_type }: Pick<LedgerDay, "by_type">): number {
  return PAYMENTS.reduce((sum, type) => sum + (by_type[type] ?? 0), 0);
}

function chartOf(days: readonly LedgerDay[], withdrawn: Withdrawn["byDay"], nowMs: number): Overview["days"] {
  const byDay = new Map(days.map((day, place) => [day.day, { day, before: days[place - 1] ?? NOTHING }]));
  return Array.from({ length: DAYS }, (_, no) => {
    const date = dateOf(nowMs - (DAYS - 1 - no) * DAY_MS);
    const { day, before } = byDay.get(date) ?? { day: NOTHING, before: NOTHING };
    return {
      day: date,
      published: day.cards - before.cards - (withdrawn.get(date) ?? 0),
      payments: paymentsOf(day) - paymentsOf(before),
    };
  });
}
