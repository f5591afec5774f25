// The small pieces of admin pages: times, ids, amounts, names. Each is exact, and shows the rest on hover.

import { Html } from "@kitajs/html";
import type { CardReference } from "../../src/attributions/model.ts";
import { attribute } from "../components/text.tsx";

const UNITS = [
  [31_536_000, "y"],
  [2_592_000, "mo"],
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
] as const;

/** How long ago, in one unit: "3 min ago". The script keeps it true while the page stands open. */
export function relative(at: string, nowMs = Date.now()): string {
  const seconds = Math.round((nowMs - Date.parse(at)) / 1000);
  const [distance, before, after] = seconds < 0 ? [-seconds, "in ", ""] : [seconds, "", " ago"];
  for (const [size, unit] of UNITS) {
    if (distance >= size) return `${before}${Math.floor(distance / size)} ${unit}${after}`;
  }
  return seconds < 0 ? "soon" : distance < 5 ? "now" : `${distance} s ago`;
}

/** A time (RFC 3339 in UTC) as how long ago that is, with the exact one on hover. */
export function Ago({ at }: { at: string | null }) {
  if (at === null) return <span class="soft">never</span>;
  return (
    <time datetime={at} title={exact(at)} data-ago safe>
      {relative(at)}
    </time>
  );
}

/** A time in full. */
export function Exactly({ at }: { at: string }) {
  return (
    <time datetime={at} safe>
      {exact(at)}
    </time>
  );
}

function exact(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, -1)} UTC`;
}

/** A signed amount, as exact as it is. */
export function Money({ value, isSigned = false }: { value: string; isSigned?: boolean }) {
  const sign = isSigned && !value.startsWith("-") ? "+" : "";
  return (
    <data class={`money ${value.startsWith("-") ? "debit" : "credit"}`} value={value} safe>
      {sign + grouped(value).replace("-", "−")}
    </data>
  );
}

/** Thousands apart by thin spaces that nobody copies along: they are of the style, so here are commas. */
export function grouped(value: string): string {
  return value.replace(/\B(?=(\d{3})+(?=\.|$))/g, ",");
}

export function Count({ value }: { value: number }) {
  return (
    <data class="count" value={String(value)} safe>
      {value.toLocaleString("en-GB")}
    </data>
  );
}

/** So many of something, whose name takes an s where it is not one. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-GB")} ${noun}${count === 1 ? "" : "s"}`;
}

/** A line of a list has room for half of them; with all of a title or a note, a page of fifty would be hundreds of kilobytes. */
const LISTED_CHARACTERS_MAX = 100;

/** As much as a list shows of a title, a name or a note; the whole of it stands on the page of its card, account or entry. */
export function beginningOf(text: string): string {
  const characters = [...text];
  return characters.length > LISTED_CHARACTERS_MAX
    ? `${characters.slice(0, LISTED_CHARACTERS_MAX - 1).join("")}…`
    : text;
}

/** The two ends of what is long, such as an id. */
export function shortened(text: string): string {
  return text.length > 24 ? `${text.slice(0, 8)}…${text.slice(-4)}` : text;
}

/** An id or hash that a button copies. `short` shows its two ends only. */
export function Id({ value, short = true, label = "id" }: { value: string; short?: boolean; label?: string }) {
  const shown = short ? shortened(value) : value;
  return (
    <span class="id">
      <code title={attribute(value)} safe>
        {shown}
      </code>
      <button
        type="button"
        class="copy needs-script"
        data-copy={attribute(value)}
        aria-label={`Copy ${attribute(label)}`}
      >
        <svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true">
          <path d="M5.5 5.5v-4h9v9h-4M1.5 5.5h9v9h-9z" />
        </svg>
      </button>
    </span>
  );
}

export function UserLink({ id, username }: { id: string; username: string | null }) {
  return (
    <a href={`/admin/users/${encodeURIComponent(id)}`}>
      <bdi safe>{username ?? "a deleted account"}</bdi>
    </a>
  );
}

/** What a card is called: the beginning of its title, or what it is where it has none. */
export function cardName({ title, withdrawn }: Pick<CardReference, "title"> & { withdrawn?: boolean }): string {
  return beginningOf(title?.trim() ?? "") || (withdrawn ? "withdrawn card" : "untitled card");
}

/** A card by its title; of a withdrawn one there is none. */
export function CardLink({ card }: { card: Pick<CardReference, "id" | "title"> & { withdrawn?: boolean } }) {
  return (
    <a
      href={`/admin/cards/${encodeURIComponent(card.id)}`}
      class={card.title ? "" : "untitled"}
      title={attribute(beginningOf(card.title?.trim() ?? ""))}
    >
      <bdi class="clip" safe>
        {cardName(card)}
      </bdi>
    </a>
  );
}

/** Words for a code such as `publish_reward`. */
export function words(code: string): string {
  return code.replaceAll("_", " ").toLowerCase();
}

/** A state in one word, in a colour that says the same. */
export function Badge({ tone, children }: { tone: "good" | "bad" | "warn" | "plain"; children: string }) {
  return (
    <span class={`badge ${tone}`} safe>
      {children}
    </span>
  );
}

export type Fact = readonly [label: string, value: JSX.Element];

/** Facts of one thing, one below the other. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(([label, value]) => (
        <div>
          <dt safe>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
