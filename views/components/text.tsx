// The small pieces that every page is made of: names, times and amounts, as exact as they are and safe to set amid
// other words.

import { Html } from "@kitajs/html";
import type { PublicAuthor } from "../../src/cards/public-model.ts";

/** A text as an attribute's value: the JSX runtime escapes quotes only, and `&lt;` would be read as `<`. */
export function attribute(text: string): string {
  return text.replaceAll("&", "&amp;");
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const SECOND = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "medium", timeZone: "UTC" });

/** The UTC day of a time (RFC 3339); the exact time is in its attributes. */
export function When({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <time datetime={at} title={`${SECOND.format(date)} UTC`} safe>
      {DAY.format(date)}
    </time>
  );
}

/** An amount as it is, with its unit. */
export function Amount({ value }: { value: string }) {
  return (
    <span class="amount">
      <data value={value} safe>
        {value}
      </data>{" "}
      $EXTROPY
    </span>
  );
}

export function authorPath(username: string): string {
  return `/authors/${encodeURIComponent(username)}`;
}

/** The author's name, with a link to all of their cards. */
export function AuthorLink({ author }: { author: PublicAuthor }) {
  return (
    <a rel="author" href={authorPath(author.username)}>
      {author.display_name ? (
        <>
          <bdi safe>{author.display_name}</bdi>{" "}
        </>
      ) : (
        ""
      )}
      <bdi class="username" safe>{`@${author.username}`}</bdi>
    </a>
  );
}

type NamedCard = { slug: string; name: string; has_title: boolean };

/** A card's name as a link to its page. One without a title goes by its first words, and looks like it. */
export function CardLink({ card }: { card: NamedCard }) {
  return (
    <a href={`/cards/${encodeURIComponent(card.slug)}`} class={card.has_title ? "card-link" : "card-link untitled"}>
      <bdi safe>{card.name || "A card without words"}</bdi>
    </a>
  );
}

/** Prose of our own in which `…` marks code, as in the explanations of problems. */
export function Prose({ text }: { text: string }) {
  const parts = text
    .split("`")
    .map((part, index) => (index % 2 === 1 ? <code safe>{part}</code> : Html.escapeHtml(part)));
  return <p>{parts.join("") as "safe"}</p>;
}
