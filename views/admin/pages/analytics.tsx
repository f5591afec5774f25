// What attributions moved over a time: day by day, who was cited most, and what flows between authors.

import { Html } from "@kitajs/html";
import type { Analytics, Days } from "../../../src/admin/analytics-model.ts";
import { attributionType } from "../../../src/attributions/model.ts";
import { hrefWith, type RawQuery } from "../address.ts";
import { DaysChart } from "../charts.tsx";
import { DAYS, Filters } from "../filters.tsx";
import { Awaited, type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { Ago, CardLink, Count, counted, grouped, UserLink } from "../pieces.tsx";
import { type Column, DataTable } from "../table.tsx";

const PATH = "/admin/attributions";

const DAY_MS = 86_400_000;

export type AnalyticsProps = {
  raw: RawQuery;
  presets: readonly (Days & { days: number })[];
  /** Undefined without a problem: they are being made. */
  analytics: Analytics | undefined;
  problem?: ProblemMessage | undefined;
};

export function AnalyticsPage({ raw, presets, analytics, problem }: AnalyticsProps) {
  return (
    <>
      <h1>Attributions</h1>
      <Filters path={PATH} raw={raw} fields={DAYS} />
      <div id="list">
        <div class="over">
          <nav class="actions" aria-label="Times">
            {presets.map(({ days, from, to }) => (
              <a
                class="button"
                href={hrefWith(PATH, {}, { from })}
                {...(analytics?.from.startsWith(from) && analytics.to.startsWith(to) ? { "aria-current": "true" } : {})}
              >
                <span safe>{String(days)}</span> days
              </a>
            ))}
          </nav>
          <a href="/admin/attributions/all">All attributions as a list</a>
        </div>
        {problem ? <ProblemNotice problem={problem} fields={DAYS} /> : ""}
        {analytics ? (
          <div id="report">
            <Report analytics={analytics} />
          </div>
        ) : problem ? (
          ""
        ) : (
          <Awaited id="report" path={hrefWith(PATH, {}, raw)} />
        )}
      </div>
    </>
  );
}

type Row<Key extends "top_cards" | "top_authors" | "flows"> = Analytics[Key][number];

const figures = [
  { label: "Count", isNumber: true, cell: ({ count }: { count: number }) => <Count value={count} /> },
  { label: "Amount", isNumber: true, cell: ({ amount }: { amount: string }) => <span safe>{grouped(amount)}</span> },
];
const cards: readonly Column<Row<"top_cards">>[] = [
  { label: "Card", isName: true, cell: ({ card }) => <CardLink card={card} /> },
  { label: "Author", cell: ({ card: { author } }) => <UserLink id={author.id} username={author.username} /> },
  ...figures,
];
const authors: readonly Column<Row<"top_authors">>[] = [
  { label: "Author", isName: true, cell: ({ author }) => <UserLink id={author.id} username={author.username} /> },
  ...figures,
];
const flows: readonly Column<Row<"flows">>[] = [
  { label: "Payer", isName: true, cell: ({ payer }) => <UserLink id={payer.id} username={payer.username} /> },
  { label: "Paid", cell: ({ payee }) => <UserLink id={payee.id} username={payee.username} /> },
  ...figures,
];

function Report({ analytics }: { analytics: Analytics }) {
  const { from, to, totals, as_of } = analytics;
  const empty = "No attribution in this time.";
  const last = new Date(Date.parse(to) - 1).toISOString().slice(0, 10);
  return (
    <>
      <p class="soft">
        <span
          safe
        >{`${from.slice(0, 10)} to ${last}: ${counted(totals.count, "attribution")} that ${totals.count === 1 ? "stands" : "stand"}`}</span>
        , <span safe>{grouped(totals.amount)}</span> $EXTROPY paid. As of <Ago at={as_of} />.
      </p>
      <DaysChart
        title="Attributions by day and type"
        days={everyDay(analytics)}
        series={attributionType.options.map(type => ({ key: type, label: type }))}
      />
      <div class="columns">
        <section aria-labelledby="top-cards">
          <h2 id="top-cards">Cards that were paid most</h2>
          <DataTable caption="Cards that were paid most" columns={cards} rows={analytics.top_cards} empty={empty} />
        </section>
        <section aria-labelledby="top-authors">
          <h2 id="top-authors">Authors that were paid most</h2>
          <DataTable
            caption="Authors that were paid most"
            columns={authors}
            rows={analytics.top_authors}
            empty={empty}
          />
        </section>
      </div>
      <section aria-labelledby="flows">
        <h2 id="flows">Largest flows between authors</h2>
        <DataTable caption="Largest flows between authors" columns={flows} rows={analytics.flows} empty={empty} />
      </section>
    </>
  );
}

/** Also the days on which nothing happened: otherwise time would jump. */
function everyDay({ from, to, days }: Analytics) {
  const known = new Map(days.map(({ day, by_type }) => [day, by_type]));
  const count = Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);
  return Array.from({ length: count }, (_, no) => {
    const day = new Date(Date.parse(from) + no * DAY_MS).toISOString().slice(0, 10);
    const figures = Object.entries(known.get(day) ?? {}).map(([type, { count }]) => [type, count] as const);
    return { day, values: Object.fromEntries(figures) };
  });
}
