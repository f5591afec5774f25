// Publishing: from a request to one statement, and from its rows to the answer. The rules about duplicates and
// rewards stand in publish_cards (migrations/0004_publish.sql).

import type { Caller } from "../auth/scopes.ts";
import type { Sql } from "../db.ts";
import { sumAmounts } from "../money.ts";
import { Problem } from "../problem.ts";
import { type PublicLevel, type PublishAnswer, type PublishRequest, publicLevelOf } from "./model.ts";
import { type CardData, checksumOf, contentHash, slugEnd, slugStem } from "./text.ts";

export type PublishRules = { reward: string; rewardsPerDay: number };

/** A card that may be published, with its place in the request. */
type Candidate = {
  index: number;
  id: string;
  data: CardData & { privacy_level: PublicLevel };
  hash: string;
  sessionId: number | null;
};

type Row = {
  card_no: number | null;
  allowed: boolean;
  balance: string;
  outcome: "published" | "duplicate";
  card_id: string;
  slug: string;
  awarded: string | null;
  reason: "daily-limit" | "already-rewarded" | null;
};

/**
 * Publishes the cards of one request, all or nothing, in one statement and one commit. Private cards are left
 * out before anything is sent to the database. `baseUrl` begins the addresses in the answer. Throws
 * `unauthenticated` where the key is no longer good.
 */
export async function publish(
  sql: Sql,
  caller: Caller,
  request: PublishRequest,
  rules: PublishRules,
  baseUrl: string,
): Promise<PublishAnswer> {
  const candidates = request.cards.flatMap(toCandidate);
  const rows = await callPublishCards(sql, caller, request.client_id ?? null, candidates, rules);
  const [first] = rows;
  if (!first?.allowed) throw new Problem("unauthenticated");

  const answer: PublishAnswer["cards"] = request.cards.map((_, index) => ({ index, ...FILTERED }));
  for (const row of rows) {
    const candidate = row.card_no === null ? undefined : candidates[row.card_no - 1];
    if (!candidate) continue;
    answer[candidate.index] = {
      index: candidate.index,
      outcome: row.outcome,
      id: row.card_id,
      slug: row.slug,
      public_url: `${baseUrl}/cards/${row.slug}`,
      content_hash: candidate.hash,
      extropy_awarded: row.awarded ?? "0.00",
      ...(row.reason ? { reason: row.reason } : {}),
    };
  }
  const published = answer.filter(card => card.outcome === "published");
  return {
    cards: answer,
    published_urls: published.map(card => card.public_url as string),
    cards_published: published.length,
    cards_filtered: request.cards.length - candidates.length,
    extropy_earned: sumAmounts(answer.map(card => card.extropy_awarded)),
    balance: first.balance,
  };
}

/** What is said about a card that may not be published; nothing of it is kept, its hash neither. */
const FILTERED = {
  outcome: "filtered",
  id: null,
  slug: null,
  public_url: null,
  content_hash: null,
  extropy_awarded: "0.00",
  reason: "private",
} as const;

function toCandidate(card: PublishRequest["cards"][number], index: number): Candidate[] {
  const privacy_level = publicLevelOf(card.privacy_level);
  if (!privacy_level) return [];
  const data = {
    title: card.title || null,
    content: card.content,
    privacy_level,
    category: card.category ?? null,
    tags: card.tags ?? [],
    metadata: card.metadata ?? {},
  };
  const hash = contentHash(data.title, data.content);
  return [{ index, id: Bun.randomUUIDv7(), data, hash, sessionId: card.source_session_id ?? null }];
}

function callPublishCards(
  sql: Sql,
  caller: Caller,
  clientId: string | null,
  cards: readonly Candidate[],
  { reward, rewardsPerDay }: PublishRules,
) {
  return sql<Row[]>`
    SELECT * FROM publish_cards(
      ${[caller.userId]}::uuid[], ${[caller.keyId]}::uuid[], ${[clientId]}::varchar[],
      ${cards.map(() => 1)}::integer[],
      ${cards.map(card => card.id)}::uuid[],
      ${cards.map(card => slugStem(card.data.title, card.data.content))}::text[],
      ${cards.map(slugEnd)}::text[],
      ${cards.map(card => card.data.title)}::varchar[],
      ${cards.map(card => card.data.content)}::text[],
      ${cards.map(card => card.hash)}::varchar[],
      ${cards.map(card => checksumOf(card.data))}::varchar[],
      ${cards.map(card => card.data.privacy_level)}::varchar[],
      ${cards.map(card => card.data.category)}::varchar[],
      ${cards.map(card => arrayLiteral(card.data.tags))}::text[],
      ${cards.map(card => JSON.stringify(card.data.metadata))}::text[]::jsonb[],
      ${cards.map(card => card.sessionId)}::integer[],
      ${reward}, ${rewardsPerDay})`;
}

/** A PostgreSQL array as text: the tags of a card travel as one element of an array, and arrays of arrays must be even. */
function arrayLiteral(elements: readonly string[]): string {
  return `{${elements.map(element => `"${element.replace(/[\\"]/g, "\\$&")}"`).join(",")}}`;
}
