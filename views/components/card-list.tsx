// Cards one below the other, as on the front page and on an author's page.

import { Html } from "@kitajs/html";
import type { ListedCard } from "../../src/cards/public-model.ts";
import { Amount, AuthorLink, CardLink, When } from "./text.tsx";

export type CardListProps = { cards: readonly ListedCard[]; withAuthors: boolean };

export function CardList({ cards, withAuthors }: CardListProps) {
  return (
    <ol class="cards" role="list">
      {cards.map(card => (
        <li>
          <h3>
            <CardLink card={card} />
          </h3>
          {card.has_title && card.excerpt ? (
            <p class="excerpt" dir="auto" safe>
              {card.excerpt}
            </p>
          ) : (
            ""
          )}
          <p class="meta">
            {withAuthors ? (
              <span>
                <AuthorLink author={card.author} />
              </span>
            ) : (
              ""
            )}
            <When at={card.published_at} />
            {card.extropy_earned === "0.00" ? "" : <Amount value={card.extropy_earned} />}
          </p>
        </li>
      ))}
    </ol>
  );
}
