// The public page of one card: the text first, then what it earned, whom it cites and who cites it.

import { Html } from "@kitajs/html";
import { type CardView, RELATED_COUNT_MAX, type RelatedCards } from "../../src/cards/public-model.ts";
import { Amount, AuthorLink, attribute, authorPath, CardLink, When } from "../components/text.tsx";
import { Layout } from "../layout.tsx";

export type CardPageProps = { card: CardView; baseUrl: string };

export function CardPage({ card, baseUrl }: CardPageProps) {
  const address = `${baseUrl}/cards/${encodeURIComponent(card.slug)}`;
  const by = card.author.display_name ?? card.author.username;
  return (
    <Layout
      title={card.name || `A card by ${by}`}
      description={card.description}
      canonical={address}
      feeds={[
        { title: `Cards by ${by}`, href: `${baseUrl}${authorPath(card.author.username)}/feed.xml` },
        { title: "All cards", href: `${baseUrl}/feed.xml` },
      ]}
      head={<SocialTags card={card} address={address} by={by} baseUrl={baseUrl} />}
    >
      <article>
        <header class="card-head">
          {card.title ? (
            <h1 dir="auto" safe>
              {card.title}
            </h1>
          ) : (
            <h1 class="untitled">Untitled card</h1>
          )}
          <p class="meta">
            <span>
              <AuthorLink author={card.author} />
            </span>
            <When at={card.published_at} />
            {card.edited_at && card.edited_at > card.published_at ? (
              <span>
                edited <When at={card.edited_at} />
              </span>
            ) : (
              ""
            )}
          </p>
        </header>
        {card.text.isPlain ? <p class="note">This text is shown as it was written: it is too long to lay out.</p> : ""}
        <div class="text" lang="">
          {card.text.html as "safe"}
        </div>
        <footer class="card-foot">
          {card.tags.length > 0 ? (
            <ul class="tags" role="list" aria-label="Tags">
              {card.tags.map(tag => (
                <li>
                  <bdi safe>{tag}</bdi>
                </li>
              ))}
            </ul>
          ) : (
            ""
          )}
          <p class="meta">
            <span>
              Earned <Amount value={card.extropy_earned} />
            </span>
            <a href={`/cards/${encodeURIComponent(card.slug)}.md`}>Markdown</a>
          </p>
        </footer>
      </article>
      <Related id="cites" heading="Cites" related={card.cites} />
      <Related id="cited-by" heading="Cited by" related={card.citedBy} />
    </Layout>
  );
}

function Related({ id, heading, related }: { id: string; heading: string; related: RelatedCards }) {
  if (related.items.length === 0) return "";
  const isCounted = related.total < RELATED_COUNT_MAX;
  const more = related.total - related.items.length;
  return (
    <section class="related" aria-labelledby={id}>
      <h2 id={id}>
        <span safe>{heading}</span>{" "}
        <span class="count" safe>
          {isCounted ? format(related.total) : `${format(RELATED_COUNT_MAX)}+`}
        </span>
      </h2>
      <ul role="list">
        {related.items.map(card => (
          <li>
            <span class="relation">{card.attribution_type}</span>
            <span class="what">
              <CardLink card={card} />{" "}
              <span class="by">
                <AuthorLink author={card.author} />
              </span>
            </span>
          </li>
        ))}
      </ul>
      {more > 0 ? <p class="more" safe>{`and ${isCounted ? "" : "at least "}${format(more)} more`}</p> : ""}
    </section>
  );
}

function format(count: number): string {
  return count.toLocaleString("en-GB");
}

type SocialProps = { card: CardView; address: string; by: string; baseUrl: string };

/** What messengers and networks show of a link (Open Graph, Twitter cards), and the other forms of the page. */
function SocialTags({ card, address, by, baseUrl }: SocialProps) {
  const title = attribute(card.name || `A card by ${by}`);
  const description = attribute(card.description);
  return (
    <>
      <meta name="author" content={attribute(by)} />
      <meta property="og:type" content="article" />
      <meta property="og:site_name" content="Extrophi" />
      <meta property="og:title" content={title} />
      <meta property="og:description" content={description} />
      <meta property="og:url" content={attribute(address)} />
      <meta property="article:author" content={attribute(baseUrl + authorPath(card.author.username))} />
      <meta property="article:published_time" content={card.published_at} />
      {card.edited_at ? <meta property="article:modified_time" content={card.edited_at} /> : ""}
      {card.tags.map(tag => (
        <meta property="article:tag" content={attribute(tag)} />
      ))}
      <meta name="twitter:card" content="summary" />
      <meta name="twitter:title" content={title} />
      <meta name="twitter:description" content={description} />
      <link rel="alternate" type="text/markdown" href={attribute(`${address}.md`)} />
    </>
  );
}
