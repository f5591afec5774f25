// Whether the books are right: what was found when, each invariant with what violates it, and buttons to check now.

import { Html } from "@kitajs/html";
import type { IntegrityReport } from "../../../src/admin/integrity-model.ts";
import type { LastCheck } from "../../../src/admin/overview-model.ts";
import { SWAPPED } from "../address.ts";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { Ago, Badge, Count, Facts, grouped, Id, words } from "../pieces.tsx";
import { type Column, DataTable } from "../table.tsx";

/** An invariant's name, and the sentence that holds. */
type Rule = Readonly<{ name: string; describe: string }>;

export type IntegrityProps = {
  rules: readonly Rule[];
  lastClean: LastCheck;
  /** What the newest check since the start found. */
  report: IntegrityReport | undefined;
  /** A check that runs now, in this process or in another; `done` goes from 0 to 1. */
  running: { what: "new" | "all"; started_at: string; done: number } | undefined;
  canCheckAll: boolean;
  problem?: ProblemMessage | undefined;
};

export function IntegrityPage({ rules, lastClean, report, running, canCheckAll, problem }: IntegrityProps) {
  return (
    <>
      <h1>Integrity</h1>
      <div
        id="list"
        {...(running
          ? {
              "hx-get": "/admin/integrity",
              "hx-trigger": "every 1s",
              ...SWAPPED,
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
            Checking {running.what === "all" ? "everything" : "what is new"}, since <Ago at={running.started_at} />:{" "}
            <progress value={String(running.done)} aria-label="How far the check is" />{" "}
            <span safe>{`${Math.floor(running.done * 100)} %`}</span>. You may leave this page; the check goes on.
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
        <Invariants rules={rules} lastClean={lastClean} report={report} />
        {report ? <Details report={report} /> : ""}
      </div>
    </>
  );
}

/** `violations` is undefined where it was never looked at. */
type Invariant = Rule & { violations: number | undefined; checkedAt: string | null };

const columns: readonly Column<Invariant>[] = [
  { label: "Invariant", isName: true, cell: ({ name }) => <strong safe>{words(name)}</strong> },
  { label: "Holds", cell: ({ violations }) => <Verdict violations={violations} /> },
  { label: "Checked", cell: ({ checkedAt }) => <Ago at={checkedAt} /> },
  {
    label: "Says",
    cell: ({ describe }) => (
      <span class="line" safe>
        {`${describe}.`}
      </span>
    ),
  },
];

function Verdict({ violations }: Pick<Invariant, "violations">) {
  if (violations === undefined) return <Badge tone="plain">not checked</Badge>;
  if (violations === 0) return <Badge tone="good">yes</Badge>;
  return (
    <span class="badge bad">
      <Count value={violations} /> {violations === 1 ? "violation" : "violations"}
    </span>
  );
}

type InvariantsProps = Pick<IntegrityProps, "rules" | "lastClean" | "report">;

/** All of them, whether they were looked at or not: by the newest check here, else by the last clean one of everything. */
function Invariants({ rules, lastClean, report }: InvariantsProps) {
  const rows = rules.map(({ name, describe }): Invariant => {
    const found = report?.invariants.find(invariant => invariant.name === name);
    if (report && found) return { name, describe, violations: found.violations, checkedAt: report.checked_at };
    return { name, describe, violations: lastClean && 0, checkedAt: lastClean?.checked_at ?? null };
  });
  return (
    <section aria-labelledby="result">
      <h2 id="result">{report ? <Result report={report} /> : "Invariants"}</h2>
      <DataTable caption="Invariants" columns={columns} rows={rows} empty="There are none." />
    </section>
  );
}

function Result({ report: { ok, full, entries_checked, checked_at } }: { report: IntegrityReport }) {
  return (
    <>
      {ok ? <Badge tone="good">The books are right</Badge> : <Badge tone="bad">The books are wrong</Badge>}
      <span class="soft">
        {full ? "everything" : "what came since the last clean check"}, <Count value={entries_checked} /> entries,{" "}
        <Ago at={checked_at} />
      </span>
    </>
  );
}

/** What violates an invariant, and what the newest check has added up. */
function Details({ report: { invariants, supply, root } }: { report: IntegrityReport }) {
  const broken = invariants.filter(({ violations }) => violations > 0);
  return (
    <>
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
