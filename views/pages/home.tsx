// The front page: what this is, where to go from here, and what was published last.

import { Html } from "@kitajs/html";
import type { ListedCard } from "../../src/cards/public-model.ts";
import { CardList } from "../components/card-list.tsx";
import { Layout, SITE_NAME } from "../layout.tsx";

export const SITE_DESCRIPTION =
  "Writers publish cards here, cite each other, and pay each other $EXTROPY for it, in books that nobody can rewrite.";

export function HomePage({ cards, baseUrl }: { cards: readonly ListedCard[]; baseUrl: string }) {
  return (
    <Layout
      title={SITE_NAME}
      description={SITE_DESCRIPTION}
      canonical={`${baseUrl}/`}
      feeds={[{ title: "All cards", href: `${baseUrl}/feed.xml` }]}
    >
      <header class="hero">
        <h1>Cards that earn their keep</h1>
        <p>{SITE_DESCRIPTION}</p>
        <nav class="doors" aria-label="Where to go">
          <a href="/openapi">
            <strong>Documentation</strong> Every call of the API
          </a>
          <a href="/admin">
            <strong>Admin</strong> For operators and auditors
          </a>
          <a href="/feed.xml">
            <strong>Feed</strong> New cards in your reader
          </a>
        </nav>
      </header>
      <section aria-labelledby="newest">
        <h2 id="newest">Newest cards</h2>
        {cards.length > 0 ? (
          <CardList cards={cards} withAuthors={true} />
        ) : (
          <p class="empty">Nothing has been published yet. The first card will stand here.</p>
        )}
      </section>
    </Layout>
  );
}
