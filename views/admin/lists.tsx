// The columns of what is listed on more than one page: entries, cards, attributions.

import { Html } from "@kitajs/html";
import type { ListedCard } from "../../src/admin/cards-model.ts";
import type { AccountEntry } from "../../src/admin/ledger-model.ts";
import type { Attribution } from "../../src/attributions/model.ts";
import { Ago, Badge, beginningOf, CardLink, Count, grouped, Money, UserLink, words } from "./pieces.tsx";
import type { Column } from "./table.tsx";

/** Amounts come early: on a phone the first columns are what is seen. */
const LEDGER: readonly Column<AccountEntry>[] = [
  {
    label: "Entry",
    isName: true,
    cell: ({ id }) => (
      <a href={`/admin/ledger/${encodeURIComponent(id)}`} safe>
        {`#${id}`}
      </a>
    ),
  },
  { label: "When", cell: ({ created_at }) => <Ago at={created_at} /> },
  { label: "User", cell: ({ user }) => <UserLink id={user.id} username={user.username} /> },
  { label: "Amount", isNumber: true, cell: ({ amount }) => <Money value={amount} isSigned={true} /> },
  { label: "Balance after", isNumber: true, cell: ({ balance_after }) => <span safe>{grouped(balance_after)}</span> },
  {
    label: "Type",
    cell: ({ transaction_type }) => <span class="line">{words(transaction_type) as "safe"}</span>,
  },
  {
    label: "About",
    cell: ({ card_id, note, description }) => (
      <span class="clip">
        {card_id ? (
          <a href={`/admin/cards/${encodeURIComponent(card_id)}`}>card</a>
        ) : (
          <span class="soft" safe>
            {beginningOf(note ?? description ?? "")}
          </span>
        )}
      </span>
    ),
  },
];

/** The columns of entries; of one account's the user is left out. */
export function entryColumns({ withUser = true } = {}): readonly Column<AccountEntry>[] {
  return withUser ? LEDGER : LEDGER.filter(({ label }) => label !== "User");
}

export function cardColumns({ withUser = true } = {}): readonly Column<ListedCard>[] {
  const columns: Column<ListedCard>[] = [
    {
      label: "Card",
      isName: true,
      cell: ({ id, title, status }) => <CardLink card={{ id, title, withdrawn: status === "withdrawn" }} />,
    },
    { label: "Author", cell: ({ author }) => <UserLink id={author.id} username={author.username} /> },
    { label: "Published", sort: "newest", cell: ({ published_at }) => <Ago at={published_at} /> },
    {
      label: "Level, category",
      cell: ({ privacy_level, category }) => (
        <span class="line" safe>
          {[privacy_level, category ?? ""].map(words).filter(Boolean).join(", ")}
        </span>
      ),
    },
    {
      label: "Citations",
      sort: "most_cited",
      isNumber: true,
      cell: ({ attribution_count }) => <Count value={attribution_count} />,
    },
    {
      label: "Earned",
      sort: "most_earned",
      isNumber: true,
      cell: ({ extropy_earned }) => <span safe>{grouped(extropy_earned)}</span>,
    },
    { label: "Views", isNumber: true, cell: ({ view_count }) => <Count value={view_count} /> },
    {
      label: "State",
      cell: ({ status }) => <Badge tone={status === "published" ? "good" : "plain"}>{status}</Badge>,
    },
  ];
  return withUser ? columns : columns.filter(({ label }) => label !== "Author");
}

const ATTRIBUTIONS: readonly Column<Attribution>[] = [
  { label: "When", cell: ({ created_at }) => <Ago at={created_at} /> },
  { label: "Type", cell: ({ attribution_type }) => <span>{attribution_type}</span> },
  { label: "Cited card", isName: true, cell: ({ source_card }) => <CardLink card={source_card} /> },
  { label: "Paid", cell: ({ source_card: { author } }) => <UserLink id={author.id} username={author.username} /> },
  { label: "Amount", isNumber: true, cell: ({ extropy_amount }) => <span safe>{extropy_amount}</span> },
  { label: "By card", cell: ({ target_card }) => <CardLink card={target_card} /> },
  { label: "Payer", cell: ({ target_card: { author } }) => <UserLink id={author.id} username={author.username} /> },
  {
    label: "State",
    cell: ({ id, reversed_at }) => (
      <a href={`/admin/ledger?attribution_id=${encodeURIComponent(id)}`}>
        {reversed_at ? <Badge tone="warn">reversed</Badge> : <Badge tone="good">stands</Badge>}
      </a>
    ),
  },
];

export type Side = "source" | "target";

/** The columns of attributions; the side that all of them have in common is left out. */
export function attributionColumns(without?: Side): readonly Column<Attribution>[] {
  const left = without === "source" ? ["Cited card", "Paid"] : without === "target" ? ["By card", "Payer"] : [];
  return ATTRIBUTIONS.filter(({ label }) => !left.includes(label)).map(column =>
    without === "source" && column.label === "By card" ? { ...column, isName: true } : column,
  );
}
