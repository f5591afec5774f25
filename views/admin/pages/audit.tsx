// What operators did, to whom, why, and what it changed.

import { Html } from "@kitajs/html";
import { type AuditRecord, auditAction } from "../../../src/admin/audit-model.ts";
import { hrefWith, isFiltered, type RawQuery } from "../address.ts";
import { choicesOf, DAYS, type Field, Filters } from "../filters.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { Ago, grouped, Id, shortened, UserLink, words } from "../pieces.tsx";
import { type Column, DataTable, Pager } from "../table.tsx";

const PATH = "/admin/audit";

const FIELDS: readonly Field[] = [
  { kind: "text", name: "actor_id", label: "Operator", placeholder: "username or id" },
  { kind: "text", name: "user_id", label: "Account", placeholder: "username or id" },
  {
    kind: "choice",
    name: "action",
    label: "What",
    choices: choicesOf(auditAction.options),
  },
  { kind: "text", name: "request_id", label: "Request", placeholder: "request id" },
  ...DAYS,
];

export type AuditProps = {
  raw: RawQuery;
  records: readonly AuditRecord[];
  next: string | null;
  problem?: ProblemMessage | undefined;
};

export function AuditPage({ raw, records, next, problem }: AuditProps) {
  return (
    <>
      <h1>Audit log</h1>
      <Filters path={PATH} raw={raw} fields={FIELDS} />
      <div id="list">
        {problem ? (
          <ProblemNotice problem={problem} fields={FIELDS} />
        ) : (
          <>
            <div class="over">
              <span></span>
              <a href={hrefWith("/admin/audit.csv", raw, {})} download="audit.csv">
                All of these as CSV
              </a>
            </div>
            <DataTable
              caption="What operators did, the newest first"
              columns={columns}
              rows={records}
              empty={
                isFiltered(raw)
                  ? "No operator has done anything like that. Take a filter away, or look at a longer time."
                  : "No operator has changed anything yet."
              }
            />
          </>
        )}
        <Pager path={PATH} raw={raw} next={next} />
      </div>
    </>
  );
}

const columns: readonly Column<AuditRecord>[] = [
  { label: "When", cell: ({ at }) => <Ago at={at} /> },
  { label: "Operator", cell: ({ actor_id, actor_username }) => <UserLink id={actor_id} username={actor_username} /> },
  { label: "What", isName: true, cell: ({ action }) => <span safe>{words(action)}</span> },
  {
    label: "Account",
    cell: ({ user_id, user_username, counterparty_id, counterparty_username }) => (
      <>
        <UserLink id={user_id} username={user_username} />
        {counterparty_id ? (
          <>
            {", "}
            <UserLink id={counterparty_id} username={counterparty_username} />
          </>
        ) : (
          ""
        )}
      </>
    ),
  },
  {
    label: "Why",
    cell: ({ reason }) => (
      <span class="why" dir="auto" safe>
        {reason ?? ""}
      </span>
    ),
  },
  { label: "Before and after", cell: record => <Changes record={record} /> },
  {
    label: "Request",
    cell: ({ request_id, transaction_id }) => (
      <span>
        <Id value={request_id} label="the request's id" />
        {transaction_id ? (
          <a href={`/admin/ledger?transaction_id=${encodeURIComponent(transaction_id)}`}>entries</a>
        ) : (
          ""
        )}
      </span>
    ),
  },
];

function Changes({ record: { before, after } }: { record: AuditRecord }) {
  return (
    <ul class="changes" role="list">
      {Object.entries(after).map(([name, value]) => (
        <li>
          <span class="soft" safe>{`${words(name)} `}</span>
          {before && name in before ? (
            <>
              <span safe>{show(before[name])}</span> →{" "}
            </>
          ) : (
            ""
          )}
          <strong safe>{show(value)}</strong>
        </li>
      ))}
    </ul>
  );
}

const AMOUNT = /^\d+\.\d\d$/;

/** What is nested, by its values. */
function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return Object.values(value).map(show).join(", ");
  return shortened(typeof value === "string" && AMOUNT.test(value) ? grouped(value) : String(value));
}
