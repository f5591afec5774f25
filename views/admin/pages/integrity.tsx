// Whether the books are right: what was found when, each invariant with what violates it, and buttons to check now.

import { Html } from "@kitajs/html";
import type { IntegrityReport } from "../../../src/admin/integrity-model.ts";
import type { LastCheck } from "../../../src/admin/overview-model.ts";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { Ago, Badge, Count, Facts, grouped, Id, words } from "../pieces.tsx";
import { type Column, DataTable } from "../table.tsx";

/** What each invariant says, for people. */
const MEANING: Readonly<Record<string, string>> = {
  money: "No amount or balance is negative where it may not be.",
  append_only: "The triggers that refuse to change entries are there.",
  balances: "Every balance is the sum of its entries.",
  chain: "Every entry continues the one before it.",
  hashes: "Every hash is right, computed anew.",
  movements: "Every movement between two has two legs, which sum to zero.",
  reversals: "Every reversal undoes one movement, once.",
  attributions: "Every attribution was paid once, to the right author.",
  cards: "Every card has earned what was paid for it.",
  supply: "What was issued less what was burned is the sum of all balances.",
  history: "The past is the one that earlier checks have noted.",
};

export type RunningCheck = { what: "new" | "all"; startedAt: string };

export type IntegrityProps = {
  lastClean: LastCheck;
  report: IntegrityReport | undefined;
  running: RunningCheck | undefined;
  canCheckAll: boolean;
  problem?: ProblemMessage | undefined;
};

export function IntegrityPage({ lastClean, report, running, canCheckAll, problem }: IntegrityProps) {
  return (
    <>
      <h1>Integrity</h1>
      <div
        id="list"
        {...(running
          ? {
              "hx-get": "/admin/integrity",
              "hx-trigger": "every 1s",
              "hx-select": "#list",
              "hx-target": "#list",
              "hx-swap": "outerHTML",
            }
          : {})}
      >
        {problem ? <ProblemNotice problem={problem} /> : ""}
        <Facts
          facts={[
            [
              "Last clean check",
              lastClean ? <Ago at={lastClean.checked_at} /> : <Badge tone="warn">never, of everything</Badge>,
            ],
            [
              "Its root",
              lastClean ? <Id value={lastClean.root} label="the root" /> : <span class="soft">none to note</span>,
            ],
          ]}
        />
        {running ? (
          <p class="notice warning" role="status">
            Checking {running.what === "all" ? "everything" : "what is new"}, since <Ago at={running.startedAt} />. This
            page shows what comes out; you may leave it.
          </p>
        ) : (
          <form method="post" action="/admin/integrity" class="actions after" data-once>
            <button type="submit" name="what" value="new" class="primary">
              Check what is new
            </button>
            {canCheckAll ? (
              <button type="submit" name="what" value="all">
                Check everything
              </button>
            ) : (
              ""
            )}
            <span class="soft">Everything: every hash of every entry, a minute for a million.</span>
          </form>
        )}
        {report ? <Report report={report} /> : <Unknown />}
      </div>
    </>
  );
}

function Unknown() {
  return <p class="empty">Nobody has checked the books since this server was started.</p>;
}

type Invariant = IntegrityReport["invariants"][number];

const columns: readonly Column<Invariant>[] = [
  { label: "Invariant", isName: true, cell: ({ name }) => <strong safe>{words(name)}</strong> },
  { label: "Says", cell: ({ name }) => <span safe>{MEANING[name] ?? ""}</span> },
  {
    label: "Holds",
    cell: ({ violations }) =>
      violations === 0 ? (
        <Badge tone="good">yes</Badge>
      ) : (
        <span class="badge bad" safe>
          {`${violations} violations`}
        </span>
      ),
  },
];

function Report({ report }: { report: IntegrityReport }) {
  const { ok, full, checked_at, entries_checked, invariants, supply, root } = report;
  const broken = invariants.filter(({ violations }) => violations > 0);
  return (
    <>
      <section aria-labelledby="result">
        <h2 id="result">
          {ok ? <Badge tone="good">The books are right</Badge> : <Badge tone="bad">The books are wrong</Badge>}
          <span class="soft">
            {full ? "everything" : "what came since the last clean check"}, <Count value={entries_checked} /> entries,{" "}
            <Ago at={checked_at} />
          </span>
        </h2>
        <DataTable caption="Invariants" columns={columns} rows={invariants} empty="Nothing was checked." />
      </section>
      {broken.map(({ name, examples }) => (
        <section aria-label={name}>
          <h2 safe>{`What violates ${words(name)}`}</h2>
          <ul>
            {examples.map(({ offender, problem }) => (
              <li>
                <code safe>{offender}</code>: <span safe>{problem}</span>
              </li>
            ))}
          </ul>
        </section>
      ))}
      <section aria-labelledby="root">
        <h2 id="root">Supply and root</h2>
        <Facts
          facts={[
            [
              "Issued",
              <span class="money" safe>
                {grouped(supply.issued)}
              </span>,
            ],
            [
              "Burned",
              <span class="money" safe>
                {grouped(supply.burned)}
              </span>,
            ],
            [
              "In circulation",
              <span class="money" safe>
                {grouped(supply.circulating)}
              </span>,
            ],
            ["Root", <Id value={root} label="the root" />],
          ]}
        />
      </section>
    </>
  );
}
