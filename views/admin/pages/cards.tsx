// Everybody's cards.

import { Html } from "@kitajs/html";
import type { ListedCard } from "../../../src/admin/cards-model.ts";
import { category, publicLevel } from "../../../src/cards/model.ts";
import { hrefWith, isFiltered, type RawQuery, SWAPPED } from "../address.ts";
import { Filters } from "../filters.tsx";
import { cardColumns } from "../lists.tsx";
import { Empty, type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { words } from "../pieces.tsx";
import { DataTable, Pager } from "../table.tsx";

const PATH = "/admin/cards";

export type CardsProps = {
  raw: RawQuery;
  cards: readonly ListedCard[];
  next: string | null;
  /** The page is what there is among the cards that were looked through so far. */
  isShort: boolean;
  problem?: ProblemMessage | undefined;
};

export function CardsPage({ raw, cards, next, isShort, problem }: CardsProps) {
  return (
    <>
      <h1>Cards</h1>
      <Filters
        path={PATH}
        raw={raw}
        fields={[
          { kind: "text", name: "q", label: "Title", placeholder: "any part of it" },
          { kind: "text", name: "user", label: "Author", placeholder: "username or id" },
          {
            kind: "choice",
            name: "status",
            label: "State",
            choices: [
              ["published", "published"],
              ["withdrawn", "withdrawn"],
            ],
          },
          {
            kind: "choice",
            name: "privacy_level",
            label: "Level",
            choices: publicLevel.options.map(level => [level, words(level)] as const),
          },
          {
            kind: "choice",
            name: "category",
            label: "Category",
            choices: category.options.map(name => [name, words(name)] as const),
          },
        ]}
      />
      <div id="list">
        {problem ? (
          <ProblemNotice problem={problem} />
        ) : (
          <>
            <div class="over">
              <span></span>
              <a href={hrefWith("/admin/cards.csv", raw, {})} download="cards.csv">
                All of these as CSV
              </a>
            </div>
            {isShort && cards.length === 0 ? (
              <LookingFurther href={hrefWith(PATH, raw, { cursor: next ?? undefined })} />
            ) : (
              <DataTable
                caption="Cards"
                columns={cardColumns()}
                rows={cards}
                sorting={{ path: PATH, raw, current: raw.sort ?? "newest", isFixed: true }}
                empty={emptyOf(raw)}
              />
            )}
          </>
        )}
        <Pager path={PATH} raw={raw} next={next} {...(isShort ? { nextLabel: "Look further back →" } : {})} />
      </div>
    </>
  );
}

/** An empty page behind others may follow some that had cards: it speaks of what is left only. */
function emptyOf(raw: RawQuery): string {
  if (raw.cursor !== undefined) return "No card further back is like that.";
  return isFiltered(raw) ? "No card is like that. Take a filter away." : "Nobody has published anything yet.";
}

/** In place of a page on which there is nothing yet: it goes on by itself, and by the pager's link without a script. */
function LookingFurther({ href }: { href: string }) {
  return (
    <div hx-get={href} hx-trigger="load" {...SWAPPED} aria-busy="true">
      <Empty>No title has this in it so far. There are older cards to look through.</Empty>
    </div>
  );
}
