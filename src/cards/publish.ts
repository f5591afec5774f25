// Publishing: from a request to a command, from a batch of commands to one statement, and from its rows to the
// answers. The rules about duplicates and rewards stand in publish_cards (migrations/0011_throughput.sql).

import type { Caller } from "../auth/scopes.ts";
import type { SharedKind } from "../commit-sharing.ts";
import type { Sql } from "../db.ts";
import { claimOfKey, type IdempotencyKey } from "../idempotency.ts";
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
  checksum: string;
  slugStem: string;
  slugEnd: string;
  /** As PostgreSQL reads them. */
  tags: string;
  metadata: string;
  sessionId: number | null;
};

/** One request to publish, with what may be published of it. */
export type PublishCommand = {
  caller: Caller;
  idempotency: IdempotencyKey | undefined;
  clientId: string | null;
  cardCount: number;
  candidates: readonly Candidate[];
};

/** What publish_cards says of one request: a row for each candidate, or one row without a card. */
export type PublishOutcome = { command: PublishCommand; rows: readonly Row[] };

type Row = {
  request_no: number;
  card_no: number | null;
  state: "done" | "replayed" | "key-reused" | "unauthenticated";
  balance: string;
  outcome: "published" | "duplicate";
  card_id: string;
  slug: string;
  awarded: string | null;
  reason: "daily-limit" | "already-rewarded" | null;
};

/** Bytes of text that weigh as much as the work for one card. */
const BYTES_A_ROW = 8192;

/** How requests to publish share a commit. */
export function publishKind(sql: Sql, rules: PublishRules): SharedKind<PublishCommand, PublishOutcome> {
  return {
    name: "publish",
    async execute(commands) {
      const rows = await callPublishCards(sql, commands, rules);
      const byRequest = Map.groupBy(rows, row => row.request_no);
      return commands.map((command, index) => ({ command, rows: byRequest.get(index + 1) ?? [] }));
    },
    claimsOf: ({ caller, idempotency }) => claimOfKey(caller.userId, idempotency),
    weightOf: ({ candidates }) =>
      candidates.reduce((weight, { data }) => weight + 1 + data.content.length / BYTES_A_ROW, 1),
  };
}

/** Private cards are left out here, before anything is sent to the database. */
export function toPublishCommand(
  caller: Caller,
  request: PublishRequest,
  idempotency: IdempotencyKey | undefined,
): PublishCommand {
  return {
    caller,
    idempotency,
    clientId: request.client_id ?? null,
    cardCount: request.cards.length,
    candidates: request.cards.flatMap(toCandidate),
  };
}

/** The request as far as it tells two requests apart: of a private card its place and level, not its text. */
export function withoutPrivateText(request: PublishRequest): unknown {
  const cards = request.cards.map(card =>
    publicLevelOf(card.privacy_level) ? card : { privacy_level: card.privacy_level },
  );
  return { ...request, cards };
}

/**
 * The answer to one request; `baseUrl` begins its addresses. Throws `unauthenticated` where the key was no longer
 * good, and `idempotency-key-reused`.
 */
export function toPublishAnswer({ command, rows }: PublishOutcome, baseUrl: string): PublishAnswer {
  const [first] = rows;
  if (!first || first.state === "unauthenticated") throw new Problem("unauthenticated");
  if (first.state === "key-reused") throw new Problem("idempotency-key-reused");

  const cards: PublishAnswer["cards"] = Array.from({ length: command.cardCount }, (_, index) => ({
    index,
    ...FILTERED,
  }));
  command.candidates.forEach(({ index, hash }, place) => {
    const row = rows[place];
    if (!row) return;
    cards[index] = {
      index,
      outcome: row.outcome,
      id: row.card_id,
      slug: row.slug,
      public_url: `${baseUrl}/cards/${row.slug}`,
      content_hash: hash,
      extropy_awarded: row.awarded ?? "0.00",
      ...(row.reason ? { reason: row.reason } : {}),
    };
  });
  const published = cards.filter(card => card.outcome === "published");
  return {
    cards,
    published_urls: published.map(card => card.public_url as string),
    cards_published: published.length,
    cards_filtered: command.cardCount - command.candidates.length,
    extropy_earned: sumAmounts(cards.map(card => card.extropy_awarded)),
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
  return [
    {
      index,
      id: Bun.randomUUIDv7(),
      data,
      hash: contentHash(data.title, data.content),
      checksum: checksumOf(data),
      slugStem: slugStem(data.title, data.content),
      slugEnd: slugEnd(),
      tags: arrayLiteral(data.tags),
      metadata: JSON.stringify(data.metadata),
      sessionId: card.source_session_id ?? null,
    },
  ];
}

function callPublishCards(sql: Sql, commands: readonly PublishCommand[], { reward, rewardsPerDay }: PublishRules) {
  const cards = commands.flatMap(({ candidates }, index) =>
    candidates.map(card => ({ ...card, requestNo: index + 1 })),
  );
  return sql<Row[]>`
    SELECT * FROM publish_cards(
      ${commands.map(command => command.caller.userId)}::uuid[],
      ${commands.map(command => command.caller.keyId)}::uuid[],
      ${commands.map(command => command.idempotency?.key ?? null)}::varchar[],
      ${commands.map(command => command.idempotency?.requestHash ?? null)}::varchar[],
      ${commands.map(command => command.clientId)}::varchar[],
      ${cards.map(card => card.requestNo)}::integer[],
      ${cards.map(card => card.id)}::uuid[],
      ${cards.map(card => card.slugStem)}::text[],
      ${cards.map(card => card.slugEnd)}::text[],
      ${cards.map(card => card.data.title)}::varchar[],
      ${cards.map(card => card.data.content)}::text[],
      ${cards.map(card => card.hash)}::varchar[],
      ${cards.map(card => card.checksum)}::varchar[],
      ${cards.map(card => card.data.privacy_level)}::varchar[],
      ${cards.map(card => card.data.category)}::varchar[],
      ${cards.map(card => card.tags)}::text[],
      ${cards.map(card => card.metadata)}::text[]::jsonb[],
      ${cards.map(card => card.sessionId)}::integer[],
      ${reward}, ${rewardsPerDay})`;
}

/** A PostgreSQL array as text: the tags of a card travel as one element of an array, and arrays of arrays must be even. */
function arrayLiteral(elements: readonly string[]): string {
  return `{${elements.map(element => `"${element.replace(/[\\"]/g, "\\$&")}"`).join(",")}}`;
}
