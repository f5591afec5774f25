// An author's page: who they are, and their published cards, newest first.

import { Html } from "@kitajs/html";
import type { AuthorProfile, ListedCard } from "../../src/cards/public-model.ts";
import { CardList } from "../components/card-list.tsx";
import { Amount, attribute, authorPath } from "../components/text.tsx";
import { Layout } from "../layout.tsx";

export type AuthorPageProps = {
  author: AuthorProfile;
  cards: readonly ListedCard[];
  nextCursor: string | null;
  /** Whether this is the first page; only that one is for search engines. */
  isFirst: boolean;
  baseUrl: string;
};

export function AuthorPage({ author, cards, nextCursor, isFirst, baseUrl }: AuthorPageProps) {
  const path = authorPath(author.username);
  const name = author.display_name ?? author.username;
  return (
    <Layout
      title={name}
      description={`Cards published by ${name}.`}
      {...(isFirst ? { canonical: baseUrl + path } : {})}
      feeds={[{ title: `Cards by ${name}`, href: `${baseUrl}${path}/feed.xml` }]}
    >
      <header class="author-head">
        <h1 dir="auto" safe>
          {name}
        </h1>
        <p class="meta">
          <bdi class="username" safe>{`@${author.username}`}</bdi>
          <span safe>
            {author.cards_count === 1 ? "1 card" : `${author.cards_count.toLocaleString("en-GB")} cards`}
          </span>
          <span>
            earned <Amount value={author.extropy_earned} />
          </span>
          <a href={attribute(`${path}/feed.xml`)}>Feed</a>
        </p>
        {author.bio && isFirst ? (
          <p class="bio" dir="auto" lang="" safe>
            {author.bio}
          </p>
        ) : (
          ""
        )}
      </header>
      <section aria-labelledby="cards">
        <h2 id="cards">{isFirst ? "Cards" : "Older cards"}</h2>
        <CardList cards={cards} withAuthors={false} />
        <nav class="pager" aria-label="Pages">
          {isFirst ? "" : <a href={path}>Newest</a>}
          {nextCursor ? (
            <a rel="next" href={`${path}?cursor=${encodeURIComponent(nextCursor)}`}>
              Older cards
            </a>
          ) : (
            ""
          )}
        </nav>
      </section>
    </Layout>
  );
}
