// What the answers promise: the rows that must be in the database, worked out from each request and its answer alone.

import { createHash } from "node:crypto";
import { type Asked, type CardAsked, REWARD } from "../asked.ts";
import type { Finding } from "./finding.ts";
import type { History } from "./history.ts";
import { emptyTables, type Tables } from "./rows.ts";

type CardAnswer = { outcome: string; id: string | null; slug: string; content_hash: string; extropy_awarded: string };
type Answer = {
  balance: string;
  amount: string;
  to_user: string;
  transaction_id: string;
  extropy_earned: string;
  cards: CardAnswer[];
  attribution: { id: string; extropy_amount: string };
  payment: { amount: string; balance: string };
  entries: { user_id: string; amount: string; balance_after: string }[];
};

/** The rows that the successes among these requests promise. An answer that contradicts its request is `wrong`. */
export function promisedBy(histories: Iterable<History>, findings: Finding[]): Tables {
  const tables = emptyTables();
  const cardIds = new Map<string, string>();
  for (const { asked, success } of histories) {
    if (!success) continue;
    const check = (what: string, answered: unknown, expected: unknown) => {
      if (answered === expected) return;
      findings.push({ kind: "wrong", detail: `${asked.key}: ${what} is ${answered} in the answer, not ${expected}` });
    };
    try {
      promise(asked, JSON.parse(success.text), { tables, cardIds, check });
    } catch (error) {
      findings.push({ kind: "wrong", detail: `${asked.key}: its answer can't be read (${error}): ${success.text}` });
    }
  }
  return tables;
}

type Promising = Readonly<{
  tables: Tables;
  /** The card of a user's text. */
  cardIds: Map<string, string>;
  check(what: string, answered: unknown, expected: unknown): void;
}>;

function promise(asked: Asked, answer: Answer, promising: Promising): void {
  const { tables, check } = promising;
  const record = (ref: string | null) => tables["idempotency record"].set(`${asked.user} ${asked.key}`, { ref });
  if (asked.kind === "publish") {
    record(promiseCards(asked, answer, promising));
    return;
  }
  const ref = asked.kind === "cite" ? answer.attribution.id : answer.transaction_id;
  record(ref);
  for (const [index, { user, amount }] of asked.legs.entries()) {
    const entry = answer.entries?.find(entry => entry.user_id === user);
    if (asked.kind === "adjust" || asked.kind === "reverse") check("the amount", entry?.amount, amount);
    const after = asked.kind === "cite" ? answer.payment.balance : answer.balance;
    tables.entry.set(`${typeOf(asked, index)} ${ref}, leg ${index + 1}`, {
      user,
      amount,
      key: ledgerKey(asked, index),
      balance: entry ? entry.balance_after : index === 0 ? after : undefined,
    });
  }
  promiseWords(asked, answer, ref, promising);
}

/** Notes, reasons, and what else stands beside the entries. */
function promiseWords(asked: Asked, answer: Answer, ref: string, { tables, check }: Promising): void {
  const { body, user } = asked;
  switch (asked.kind) {
    case "cite":
      check("the amount", answer.payment.amount, asked.legs[1]?.amount ?? "0.00");
      tables.attribution.set(ref, {
        source: String(body.source_card_id),
        target: String(body.target_card_id),
        type: String(body.attribution_type),
        payer: user,
        payee: asked.legs[1]?.user,
        amount: asked.legs[1]?.amount ?? "0.00",
        note: String(body.attribution_note),
      });
      return;
    case "transfer":
      check("the amount", answer.amount, body.amount);
      check("the payee", answer.to_user, body.to_user);
      tables.note.set(ref, { author: user, note: String(body.note) });
      return;
    default:
      check("the number of entries", answer.entries.length, asked.legs.length);
      tables["audit record"].set(ref, {
        actor: user,
        action: asked.kind === "adjust" ? "balance_adjusted" : "movement_reversed",
        reason: String(body.reason),
      });
  }
}

/** Returns the id of the first card that was not filtered, by which the record of the answer is known. */
function promiseCards(asked: Asked, answer: Answer, { tables, cardIds, check }: Promising): string | null {
  const { user, body } = asked;
  const cards = body.cards as CardAsked[];
  check("the number of cards", answer.cards.length, cards.length);
  const paid: string[] = [];
  for (const [index, { title, content, privacy_level }] of cards.entries()) {
    const card = answer.cards[index];
    const isPublic = privacy_level === "IDEAS" || privacy_level === "BUSINESS";
    check(`that card ${index} is filtered`, card?.outcome === "filtered", !isPublic);
    if (!card?.id || !isPublic) continue;
    const hash = createHash("sha256").update(`${title}\n\n${content}`).digest("hex");
    check(`the hash of card ${index}`, card.content_hash, hash);
    check(`the card of text ${index}`, card.id, cardIds.get(`${user} ${hash}`) ?? card.id);
    cardIds.set(`${user} ${hash}`, card.id);
    check(`what card ${index} earns`, card.extropy_awarded, card.outcome === "published" ? REWARD : "0.00");
    if (card.outcome !== "published") continue;
    tables.card.set(card.id, { user, title, content, hash, slug: card.slug, published: "true" });
    const entry = `publish_reward ${card.id}, leg 1`;
    tables.entry.set(entry, { user, amount: REWARD, key: `publish:${user}:${hash}`, balance: undefined });
    paid.push(entry);
  }
  check("what was earned", answer.extropy_earned, `${paid.length}.00`);
  const last = paid.at(-1);
  if (last) tables.entry.set(last, { ...tables.entry.get(last), balance: answer.balance });
  return answer.cards.find(({ id }) => id !== null)?.id ?? null;
}

function typeOf({ kind, body }: Asked, leg: number): string {
  if (kind === "cite") return leg === 0 ? "attribution_payment" : "attribution_received";
  if (kind === "transfer") return leg === 0 ? "transfer_sent" : "transfer_received";
  return kind === "reverse" ? "reversal" : String(body.type);
}

/** The payer's leg of what a member asked for has the key; an operator's stays out of other people's entries. */
function ledgerKey({ kind, user, key }: Asked, leg: number): string | null {
  const isMembers = kind === "cite" || kind === "transfer";
  return isMembers && leg === 0 ? `key:${user}:${key}` : null;
}
