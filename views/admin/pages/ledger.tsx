// Everybody's entries: filtered, live, and as a file.

import { Html } from "@kitajs/html";
import type { AccountEntry } from "../../../src/admin/ledger-model.ts";
import { transactionType } from "../../../src/ledger/model.ts";
import { hrefWith, isFiltered, type RawQuery } from "../address.ts";
import { choicesOf, DAYS, type Field, Filters } from "../filters.tsx";
import { LiveTable } from "../live-table.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { Pager } from "../table.tsx";

const PATH = "/admin/ledger";

const FIELDS: readonly Field[] = [
  { kind: "text", name: "user", label: "User", placeholder: "username or id" },
  { kind: "text", name: "card_id", label: "Card", placeholder: "id" },
  {
    kind: "choice",
    name: "type",
    label: "Type",
    choices: choicesOf(transactionType.options),
  },
  { kind: "amount", name: "amount", label: "Amount", hint: "Exactly; with a minus where the account paid" },
  { kind: "amount", name: "amount_min", label: "From amount", hint: "This or more; -5 is less than -1" },
  { kind: "amount", name: "amount_max", label: "To amount", hint: "This or less" },
  ...DAYS,
];
const ROWS = 50;

export type LedgerProps = {
  raw: RawQuery;
  entries: readonly AccountEntry[];
  next: string | null;
  problem?: ProblemMessage | undefined;
};

export function LedgerPage({ raw, entries, next, problem }: LedgerProps) {
  // New entries come in on the first page, unless it ends in the past.
  const isLive = raw.cursor === undefined && raw.to === undefined && raw.limit === undefined;
  return (
    <>
      <h1>Ledger</h1>
      <Filters path={PATH} raw={raw} fields={FIELDS} />
      <div id="list">
        {problem ? (
          <ProblemNotice problem={problem} fields={FIELDS} />
        ) : (
          <LiveTable
            caption="Entries, newest first"
            entries={entries}
            raw={isLive ? raw : undefined}
            rows={ROWS}
            empty={
              isFiltered(raw)
                ? "No entry is like that. Take a filter away, or look at a longer time."
                : "No entry yet. The first one comes with the first account."
            }
            aside={
              <a href={hrefWith("/admin/ledger.csv", raw, {})} download="ledger.csv">
                All of these as CSV
              </a>
            }
          />
        )}
        <Pager path={PATH} raw={raw} next={next} />
      </div>
    </>
  );
}
