// One card: its text as readers see it, what it earned, and who cites whom.

import { Html } from "@kitajs/html";
import type { CardDetail } from "../../../src/admin/cards-model.ts";
import type { AccountEntry } from "../../../src/admin/ledger-model.ts";
import type { Attribution } from "../../../src/attributions/model.ts";
import { attribute } from "../../components/text.tsx";
import { attributionColumns, entryColumns } from "../lists.tsx";
import { Ago, Badge, Count, type Fact, Facts, grouped, Id, UserLink, words } from "../pieces.tsx";
import { DataTable } from "../table.tsx";

export type CardProps = {
  card: CardDetail;
  /** HTML without pictures; undefined: the card was withdrawn. */
  text: string | undefined;
  received: readonly Attribution[];
  made: readonly Attribution[];
  entries: readonly AccountEntry[];
};

export function CardPage({ card, text, received, made, entries }: CardProps) {
  const id = encodeURIComponent(card.id);
  return (
    <>
      <header class="head">
        <h1 class={card.title ? "" : "untitled"} dir="auto">
          <bdi safe>{card.title?.trim() || (card.status === "withdrawn" ? "Withdrawn card" : "Untitled card")}</bdi>
        </h1>
        <p class="figure">
          <span class="soft">Earned</span>
          <strong class="money" safe>
            {grouped(card.extropy_earned)}
          </strong>
        </p>
      </header>
      <nav class="actions" aria-label="This card">
        {card.public_url ? (
          <a class="button" href={attribute(card.public_url)}>
            As readers see it
          </a>
        ) : (
          ""
        )}
        <a class="button" href={`/admin/cards/${id}/graph`}>
          Graph around it
        </a>
      </nav>
      <Facts facts={factsOf(card)} />
      <section aria-labelledby="text">
        <h2 id="text">Text</h2>
        {text === undefined ? (
          <p class="empty">The author has withdrawn this card. Its text is erased.</p>
        ) : (
          <section class="card-text" lang="" tabindex="0" aria-label="The text">
            {text as "safe"}
          </section>
        )}
      </section>
      <section aria-labelledby="received">
        <h2 id="received">
          Cited by{" "}
          <a class="more" href={`/admin/attributions/all?card_id=${id}`}>
            All attributions
          </a>
        </h2>
        <DataTable
          caption="Cited by"
          columns={attributionColumns("source")}
          rows={received}
          empty="Nobody has cited this card yet."
        />
      </section>
      <section aria-labelledby="made">
        <h2 id="made">Cites</h2>
        <DataTable caption="Cites" columns={attributionColumns("target")} rows={made} empty="This card cites nobody." />
      </section>
      <section aria-labelledby="entries">
        <h2 id="entries">
          Entries{" "}
          <a class="more" href={`/admin/ledger?card_id=${id}`}>
            All of them
          </a>
        </h2>
        <DataTable
          caption="Latest entries about this card"
          columns={entryColumns({ withUser: false })}
          rows={entries}
          empty="No token has moved because of this card."
        />
      </section>
    </>
  );
}

function factsOf(card: CardDetail): Fact[] {
  const facts: Fact[] = [
    ["Author", <UserLink id={card.author.id} username={card.author.username} />],
    [
      "State",
      card.status === "published" ? <Badge tone="good">published</Badge> : <Badge tone="plain">withdrawn</Badge>,
    ],
    [
      "Level, category",
      <span safe>{[card.privacy_level, card.category ?? ""].map(words).filter(Boolean).join(", ")}</span>,
    ],
    ["Published", <Ago at={card.published_at} />],
    ["Citations", <Count value={card.attribution_count} />],
    ["Views", <Count value={card.view_count} />],
    ["Id", <Id value={card.id} label="the card's id" />],
  ];
  if (card.slug) facts.push(["Slug", <Id value={card.slug} short={false} label="the slug" />]);
  if (card.edited_at) facts.push(["Edited", <Ago at={card.edited_at} />]);
  if (card.withdrawn_at) facts.push(["Withdrawn", <Ago at={card.withdrawn_at} />]);
  if (card.tags.length > 0) facts.push(["Tags", <span safe>{card.tags.join(", ")}</span>]);
  return facts;
}
