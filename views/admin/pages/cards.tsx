// Everybody's cards.

import { Html } from "@kitajs/html";
import { cardStatus, type ListedCard } from "../../../src/admin/cards-model.ts";
import { category, publicLevel } from "../../../src/cards/model.ts";
import { hrefWith, isFiltered, type RawQuery } from "../address.ts";
import { choicesOf, type Field, Filters } from "../filters.tsx";
import { cardColumns } from "../lists.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { DataTable, Pager } from "../table.tsx";

const PATH = "/admin/cards";

const FIELDS: readonly Field[] = [
  { kind: "text", name: "q", label: "Title", placeholder: "words of it" },
  { kind: "text", name: "user", label: "Author", placeholder: "username or id" },
  {
    kind: "choice",
    name: "status",
    label: "State",
    choices: choicesOf(cardStatus.options),
  },
  {
    kind: "choice",
    name: "privacy_level",
    label: "Level",
    choices: choicesOf(publicLevel.options),
  },
  {
    kind: "choice",
    name: "category",
    label: "Category",
    choices: choicesOf(category.options),
  },
];

export type CardsProps = {
  raw: RawQuery;
  cards: readonly ListedCard[];
  next: string | null;
  problem?: ProblemMessage | undefined;
};

export function CardsPage({ raw, cards, next, problem }: CardsProps) {
  return (
    <>
      <h1>Cards</h1>
      <Filters path={PATH} raw={raw} fields={FIELDS} />
      <div id="list">
        {problem ? (
          <ProblemNotice problem={problem} fields={FIELDS} />
        ) : (
          <>
            <div class="over">
              <span></span>
              <a href={hrefWith("/admin/cards.csv", raw, {})} download="cards.csv">
                All of these as CSV
              </a>
            </div>
            <DataTable
              caption="Cards"
              columns={cardColumns()}
              rows={cards}
              sorting={{ path: PATH, raw, current: raw.sort ?? "newest", isFixed: true }}
              empty={
                isFiltered(raw) ? "No card is like that. Take a filter away." : "Nobody has published anything yet."
              }
            />
          </>
        )}
        <Pager path={PATH} raw={raw} next={next} />
      </div>
    </>
  );
}
