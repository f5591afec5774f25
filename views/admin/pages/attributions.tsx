// All attributions as a list.

import { Html } from "@kitajs/html";
import { type Attribution, attributionType } from "../../../src/attributions/model.ts";
import { hrefWith, isFiltered, type RawQuery } from "../address.ts";
import { choicesOf, DAYS, type Field, Filters } from "../filters.tsx";
import { attributionColumns } from "../lists.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { DataTable, Pager } from "../table.tsx";

const PATH = "/admin/attributions/all";

const FIELDS: readonly Field[] = [
  {
    kind: "choice",
    name: "type",
    label: "Type",
    choices: choicesOf(attributionType.options),
  },
  { kind: "text", name: "source_user", label: "Was paid", placeholder: "username or id" },
  { kind: "text", name: "target_user", label: "Paid", placeholder: "username or id" },
  { kind: "text", name: "card_id", label: "Card on either side", placeholder: "id" },
  ...DAYS,
  {
    kind: "choice",
    name: "reversed",
    label: "State",
    choices: [
      ["false", "stands"],
      ["true", "reversed"],
    ],
  },
];

export type AttributionsProps = {
  raw: RawQuery;
  attributions: readonly Attribution[];
  next: string | null;
  problem?: ProblemMessage | undefined;
};

export function AttributionsPage({ raw, attributions, next, problem }: AttributionsProps) {
  return (
    <>
      <h1>All attributions</h1>
      <Filters path={PATH} raw={raw} fields={FIELDS} />
      <div id="list">
        {problem ? (
          <ProblemNotice problem={problem} fields={FIELDS} />
        ) : (
          <>
            <div class="over">
              <a href="/admin/attributions">What flows between authors</a>
              <a href={hrefWith("/admin/attributions.csv", raw, {})} download="attributions.csv">
                All of these as CSV
              </a>
            </div>
            <DataTable
              caption="Attributions, newest first"
              columns={attributionColumns()}
              rows={attributions}
              empty={
                isFiltered(raw)
                  ? "No attribution is like that. Take a filter away, or look at a longer time."
                  : "Nobody has cited anybody yet."
              }
            />
          </>
        )}
        <Pager path={PATH} raw={raw} next={next} />
      </div>
    </>
  );
}
