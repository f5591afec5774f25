// Requests that may be sent again with their Idempotency-Key until the answer is definite, and the proof that each of them was
// done once: what "exactly once" means in tests that take the database or the server away.

import { expect } from "bun:test";
import { arrayLiteral } from "../src/array-literal.ts";
import type { Sql } from "../src/db.ts";
import { type Answer, type Api, type Member, newCard, readAnswer, toInit } from "./api-support.ts";

/** A request of a member under a key of its own, which stands in its card or note as well. */
export type Keyed = Readonly<{
  key: string;
  kind: "publish" | "transfer";
  member: Member;
  path: string;
  body: unknown;
}>;

/** `text` comes before the key in the card. */
export function keyedPublish(member: Member, text = ""): Keyed {
  const key = `publish-${crypto.randomUUID()}`;
  const body = { cards: [newCard({ content: text + key })] };
  return { key, kind: "publish", member, path: "/api/publish", body };
}

export function keyedTransfer(member: Member, payee: Member): Keyed {
  const key = `transfer-${crypto.randomUUID()}`;
  const body = { to_user: payee.name, amount: "0.01", note: key };
  return { key, kind: "transfer", member, path: "/api/transfers", body };
}

const optionsOf = ({ key, member, body }: Keyed) => ({ key: member.key, body, headers: { "idempotency-key": key } });

/** Sends it to a server of its own; rejects where the connection breaks. */
export async function sendKeyed<T = Record<string, unknown>>(baseUrl: string, request: Keyed): Promise<Answer<T>> {
  return readAnswer<T>(await fetch(baseUrl + request.path, toInit("POST", optionsOf(request))));
}

/** Sends it to an app in this process. */
export function callKeyed(api: Api, request: Keyed): Promise<Answer<Record<string, unknown>>> {
  return api.call("POST", request.path, optionsOf(request));
}

/** What was done under each key: a card with its reward, or a movement of two legs with its note, and the record of the answer. */
async function effectsOf(sql: Sql, requests: readonly Keyed[]) {
  return sql<{ key: string; done: string }[]>`
    SELECT k.key, concat_ws(' ',
      (SELECT count(*) FROM idempotency_records r WHERE r.key = k.key),
      (SELECT count(*) FROM cards c WHERE right(c.content, length(k.key)) = k.key),
      (SELECT count(*) FROM cards c JOIN extropy_ledger l ON l.card_id = c.id WHERE right(c.content, length(k.key)) = k.key),
      (SELECT count(*) FROM transaction_notes n WHERE n.note = k.key),
      (SELECT count(*) FROM transaction_notes n JOIN extropy_ledger l USING (transaction_id) WHERE n.note = k.key)
    ) AS done
    FROM unnest(${arrayLiteral(requests.map(({ key }) => key))}::text[]) AS k (key)`;
}

const ONCE = { publish: "1 1 1 0 0", transfer: "1 0 0 1 2" } as const;

/** Fails unless each of them was done, completely and once. */
export async function expectEachOnce(sql: Sql, requests: readonly Keyed[]): Promise<void> {
  const effects = new Map((await effectsOf(sql, requests)).map(({ key, done }) => [key, done]));
  const wrong = requests.filter(({ key, kind }) => effects.get(key) !== ONCE[kind]);
  expect(wrong.map(({ key }) => `${key}: ${effects.get(key)}`)).toEqual([]);
}

/** Fails where anything of any of them was done. */
export async function expectNothingDone(sql: Sql, requests: readonly Keyed[]): Promise<void> {
  const done = (await effectsOf(sql, requests)).filter(effect => effect.done !== "0 0 0 0 0");
  expect([...done]).toEqual([]);
}
