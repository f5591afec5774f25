// The first page: how much there is, whether the books are right, and what happens right now.

import { Html } from "@kitajs/html";
import type { AccountEntry } from "../../../src/admin/ledger-model.ts";
import type { Health, Overview } from "../../../src/admin/overview-model.ts";
import { DaysChart } from "../charts.tsx";
import { LiveTable } from "../live-table.tsx";
import { Awaited } from "../notices.tsx";
import { Ago, Badge, grouped } from "../pieces.tsx";

/** Rows of what happened last. */
export const LATEST = 10;

export type OverviewProps = {
  /** Undefined: its figures are being made. */
  overview: Overview | undefined;
  health: Health;
  entries: readonly AccountEntry[];
};

export function OverviewPage({ overview, health, entries }: OverviewProps) {
  return (
    <>
      <header class="head">
        <h1>Overview</h1>
        <p>
          <a class="integrity" href="/admin/integrity">
            Books <HealthBadge health={health} /> {health ? <Ago at={health.checked_at} /> : ""}
          </a>
        </p>
      </header>
      {overview ? <Figures overview={overview} /> : <Awaited id="figures" path="/admin" />}
      <section aria-labelledby="latest">
        <h2 id="latest">
          What happened last
          <a class="more" href="/admin/ledger">
            The whole ledger
          </a>
        </h2>
        <LiveTable
          caption="The newest entries"
          entries={entries}
          raw={{}}
          rows={LATEST}
          keep={LATEST}
          empty="No entry yet. The first one comes with the first account."
        />
      </section>
    </>
  );
}

function Figures({ overview }: { overview: Overview }) {
  const { supply, users, cards, payments, days, adds_up } = overview;
  const count = (value: number) => value.toLocaleString("en-GB");
  return (
    <div id="figures">
      {adds_up ? (
        ""
      ) : (
        <p class="notice problem" role="alert">
          The entries don't make the number that the accounts count. <a href="/admin/integrity">Check the books.</a>
        </p>
      )}
      <dl class="figures">
        <Figure label="In circulation" value={grouped(supply.circulating)} more="$EXTROPY" />
        <Figure label="Issued" value={grouped(supply.issued)} />
        <Figure label="Burned" value={grouped(supply.burned)} />
        <Figure label="Users" value={count(users.all)} more={`${count(users.active)} active`} />
        <Figure label="Published cards" value={count(cards)} />
        <Figure
          label="Payments"
          value={count(payments)}
          more={overview.entries === 1 ? "1 entry" : `${count(overview.entries)} entries`}
        />
      </dl>
      <section aria-labelledby="by-day">
        <h2 id="by-day">The last 30 days</h2>
        <div class="columns">
          <div>
            <h3>Cards published</h3>
            <DaysChart
              title="Cards published by day"
              days={days.map(({ day, published }) => ({ day, values: { published } }))}
              series={[{ key: "published", label: "cards" }]}
            />
          </div>
          <div>
            <h3>Payments</h3>
            <DaysChart
              title="Payments by day"
              days={days.map(({ day, payments }) => ({ day, values: { payments } }))}
              series={[{ key: "payments", label: "payments" }]}
            />
          </div>
        </div>
      </section>
    </div>
  );
}

function HealthBadge({ health }: { health: Health }) {
  if (!health) return <Badge tone="warn">never checked in full</Badge>;
  return health.ok ? <Badge tone="good">found right</Badge> : <Badge tone="bad">found wrong</Badge>;
}

function Figure({ label, value, more = "" }: { label: string; value: string; more?: string }) {
  return (
    <div>
      <dt safe>{label}</dt>
      <dd>
        <span safe>{value}</span>
        {more ? <small safe>{more}</small> : ""}
      </dd>
    </div>
  );
}
