// Analytics of attributions: made when they are asked for, and remembered where making them took long.
//
// What is remembered says of which moment it is. Sums of closed days were tried instead, and are no shorter than what
// they sum up: in a year of a million entries, 464,586 attributions are 461,469 sums of a day and a pair of authors.

import type { CardReference } from "../attributions/model.ts";
import { cardReference } from "../attributions/store.ts";
import type { Sql } from "../db.ts";
import { type Analytics, DAYS_DEFAULT, type Days, lastDays } from "./analytics-model.ts";
import { type MadeReport, makeReport, type Report } from "./analytics-report.ts";

/** So many attributions are added up while somebody waits: some 40 ms. */
const SHORT = 10_000;
/** What takes no longer than this is made for every answer, and never old. */
const QUICK_MS = 100;
/** A remembered report is made anew once it is this old … */
const AGE_MS_MIN = 60_000;
/** … and so many times what making it takes: at most a twentieth of a processor goes into it. */
const AGE_TO_DURATION = 20;
/** Older ones are not shown at all. */
const AGE_MS_MAX = 7_200_000;
/** Reports of times that nobody asks for any more are forgotten. */
const KEPT_DAYS = 7;
/** Times up to now that are asked for most, in days, are kept ready, no older than this. */
const READY_DAYS = [7, DAYS_DEFAULT, 90, 365];
const READY_AGE_MS_MAX = 3_600_000;

type Remembered = MadeReport & { age_ms: number };

/** The reports of one process. */
export class AttributionAnalytics {
  /** Reports that are being made, so that a time that many ask for is added up once. */
  readonly #making = new Map<string, Promise<MadeReport>>();

  constructor(
    private readonly sql: Sql,
    /** Hears why a report that nobody waits for could not be made. */
    private readonly onError: (error: unknown) => void,
  ) {}

  /** The figures of these days. Old ones, with their `as_of`, while new ones take long. Throws `validation`. */
  async get(days: Days): Promise<Analytics> {
    const known = await this.#recall(days);
    if (known === undefined || known.duration_ms <= QUICK_MS || known.age_ms > AGE_MS_MAX) {
      return this.#present(days, await this.#make(days, known));
    }
    if (known.age_ms > Math.max(AGE_MS_MIN, AGE_TO_DURATION * known.duration_ms)) {
      this.#make(days, known).catch(this.onError);
    }
    return this.#present(days, known);
  }

  /** The same where it takes no time that anybody would notice; undefined, and begun, where it does. */
  async getSoon(days: Days): Promise<Analytics | undefined> {
    const known = await this.#recall(days);
    const isKnown = known !== undefined && known.age_ms <= AGE_MS_MAX;
    if (isKnown || (await this.#isShort(days))) return this.get(days);
    // Kept however quick it was: that it is there says that it need not be waited for.
    this.#make(days, known)
      .then(made => this.#remember(days, made))
      .catch(this.onError);
    return undefined;
  }

  async #isShort({ from, to }: Days): Promise<boolean> {
    const rows = await this.sql`
      SELECT FROM attributions a WHERE a.created_at >= ${from}::date AND a.created_at < ${to}::date
      OFFSET ${SHORT} LIMIT 1`;
    return rows.length === 0;
  }

  /** Makes the reports that are asked for most, where they are missing or old, so that nobody has to wait for them. Never throws. */
  async keepReady(): Promise<void> {
    await this.#makeMissing().catch(this.onError);
  }

  async #makeMissing(): Promise<void> {
    for (const count of READY_DAYS) {
      const days = lastDays(count, Date.now());
      const known = await this.#recall(days);
      if (known === undefined || known.age_ms > READY_AGE_MS_MAX) await this.#make(days, known);
    }
  }

  async #recall({ from, to }: Days): Promise<Remembered | undefined> {
    const [known] = await this.sql<Remembered[]>`
      SELECT as_of, duration_ms, report, (extract(epoch FROM now() - as_of) * 1000)::float8 AS age_ms
      FROM attribution_reports WHERE from_day = ${from}::date AND to_day = ${to}::date`;
    return known;
  }

  #make(days: Days, known: Remembered | undefined): Promise<MadeReport> {
    const name = `${days.from} ${days.to}`;
    const begun = this.#making.get(name);
    if (begun) return begun;
    const making = this.#makeAndRemember(days, known).finally(() => this.#making.delete(name));
    this.#making.set(name, making);
    return making;
  }

  async #makeAndRemember(days: Days, known: Remembered | undefined): Promise<MadeReport> {
    const made = await makeReport(this.sql, days);
    // One that took long once and is quick now must not stay as it was.
    const tookLong = known !== undefined && known.duration_ms > QUICK_MS;
    if (made.duration_ms > QUICK_MS || tookLong) await this.#remember(days, made);
    return made;
  }

  async #remember({ from, to }: Days, { as_of, duration_ms, report }: MadeReport): Promise<void> {
    await this.sql`
      INSERT INTO attribution_reports AS r (from_day, to_day, as_of, duration_ms, report)
      VALUES (${from}::date, ${to}::date, ${as_of}::timestamptz, ${duration_ms}, ${this.sql.json(report)})
      ON CONFLICT (from_day, to_day) DO UPDATE
        SET as_of = excluded.as_of, duration_ms = excluded.duration_ms, report = excluded.report
        WHERE r.as_of < excluded.as_of`;
    await this.sql`DELETE FROM attribution_reports WHERE as_of < now() - ${KEPT_DAYS} * interval '1 day'`;
  }

  /** A report with the names and titles of now. */
  async #present(days: Days, { as_of, report }: MadeReport): Promise<Analytics> {
    const [cards, authors] = await Promise.all([findCards(this.sql, report), findAuthors(this.sql, report)]);
    return {
      from: `${days.from}T00:00:00.000000Z`,
      to: `${days.to}T00:00:00.000000Z`,
      as_of,
      totals: report.totals,
      // A card that was deleted by hand meanwhile, and its attributions with it, is left out.
      top_cards: report.top_cards.flatMap(({ card_id, ...figure }) => {
        const card = cards.get(card_id);
        return card ? [{ card, ...figure }] : [];
      }),
      top_authors: report.top_authors.flatMap(({ user_id, ...figure }) => {
        const author = authors.get(user_id);
        return author ? [{ author, ...figure }] : [];
      }),
      flows: report.flows.flatMap(({ payer_id, payee_id, ...figure }) => {
        const [payer, payee] = [authors.get(payer_id), authors.get(payee_id)];
        return payer && payee ? [{ payer, payee, ...figure }] : [];
      }),
      days: [...Map.groupBy(report.days, ({ day }) => day)].map(([day, figures]) => ({
        day,
        by_type: Object.fromEntries(figures.map(({ type, count, amount }) => [type, { count, amount }])),
      })),
    };
  }
}

async function findCards(sql: Sql, { top_cards }: Report) {
  const rows = await sql<{ id: string; card: CardReference }[]>`
    SELECT c.id, ${cardReference(sql, "c", "u")} AS card FROM cards c JOIN users u ON u.id = c.user_id
    WHERE c.id = ANY (${top_cards.map(({ card_id }) => card_id)}::uuid[])`;
  return new Map(rows.map(({ id, card }) => [id, card]));
}

async function findAuthors(sql: Sql, { top_authors, flows }: Report) {
  const ids = [...top_authors.map(({ user_id }) => user_id), ...flows.flatMap(flow => [flow.payer_id, flow.payee_id])];
  const rows = await sql<CardReference["author"][]>`
    SELECT u.id, u.username, u.display_name FROM users u WHERE u.id = ANY (${ids}::uuid[])`;
  return new Map(rows.map(author => [author.id, author]));
}
