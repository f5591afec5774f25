// One history on the real server: batches of requests in two processes, each compared with the model before the next one
// is sent, and in the end everything that members see.

import { expect } from "bun:test";
import { type Api, type Member, toInit } from "../api-support.ts";
import { AT_ONCE_MAX, type Command, type Draft, MEMBERS } from "./commands.ts";
import { type Card, fromCents, type Ledger, type Reply, type Row, type State, toCents } from "./model.ts";
import { type Exchange, findSerialOrder, type Outcome } from "./serial-order.ts";

export type Stage = {
  api: Api;
  /** Where the two processes listen. */
  addresses: readonly [string, string];
  /** What they have logged. */
  logs: readonly (readonly string[])[];
  admin: Member;
  counts: Map<string, number>;
};

/** Sends requests; a fault that is planted for the model to find is planted here. */
export type Send = (stage: Stage, command: Command, key: string) => Promise<Reply>;

/** Runs one history. Throws where the server and the model don't agree. */
export async function runHistory(stage: Stage, batches: readonly Draft[][], send: Send = sendOnce): Promise<void> {
  const { api, admin } = stage;
  const members = await Promise.all(Array.from({ length: MEMBERS }, () => api.register()));
  const keys = new Map([...members, admin].map(({ id, key }) => [id, key]));
  const name = crypto.randomUUID();
  const sent: Command[] = [];
  let state = beginning(members, admin, (await readOutcome(api, members)).ledger);

  for (const [batchNo, batch] of batches.entries()) {
    const drafted = batch.flatMap((draft, no) => {
      const command = toCommand(draft, { state, members, sent, key: `${name} ${batchNo} ${no}` });
      const other: Command = { ...command, process: draft.process === 0 ? 1 : 0 };
      return draft.isTwice && command.key !== undefined ? [command, other] : [command];
    });
    const commands = drafted.slice(0, AT_ONCE_MAX);
    const exchanges: Exchange[] = await Promise.all(
      commands.map(async command => ({ command, reply: await send(stage, command, keys.get(command.by) ?? "") })),
    );
    sent.push(...commands.filter(({ key }) => key !== undefined));
    const outcome = await readOutcome(api, members);
    const next = findSerialOrder(state, outcome, exchanges);
    if (!next) throw new Error(explain(stage, state, outcome.ledger, exchanges));
    state = next;
    for (const { command, reply } of exchanges) {
      const outcome = `${command.kind} ${reply.isReplayed ? "replayed" : reply.status}`;
      stage.counts.set(outcome, (stage.counts.get(outcome) ?? 0) + 1);
    }
  }
  for (const member of members) if (!state.inactive.has(member.id)) await compareViews(stage, member, state);
}

/** The accounts as registration has made them. */
function beginning(members: readonly Member[], admin: Member, ledger: Ledger): State {
  const [balances, explained] = [new Map<string, bigint>(), new Map<string, number>()];
  const movements = new Map<string, NonNullable<ReturnType<State["movements"]["get"]>>>();
  for (const { id } of members) {
    const [grant] = ledger.get(id) ?? [];
    if (grant?.transaction_type !== "initial_grant") throw new Error("no initial grant");
    balances.set(id, toCents(grant.amount));
    explained.set(id, 1);
    const leg = { row: grant.id, user: id, cents: toCents(grant.amount) };
    movements.set(grant.transaction_id, {
      id: grant.transaction_id,
      isReversal: false,
      isReversed: false,
      legs: [leg],
    });
  }
  const nothing = { inactive: new Set<string>(), cards: new Map(), attributions: new Map(), answers: new Map() };
  return { admin: admin.id, balances, explained, movements, ...nothing };
}

async function readOutcome({ sql }: Api, members: readonly Member[]): Promise<Outcome> {
  const ids = members.map(({ id }) => id);
  const [rows, cards, users] = await Promise.all([
    sql<Row[]>`
      SELECT id::text, user_id, transaction_id, transaction_type, amount::text, balance_after::text, reverses_id::text
      FROM extropy_ledger WHERE user_id = ANY (${ids}::uuid[]) ORDER BY user_id, user_seq LIMIT 100000`,
    sql<{ id: string }[]>`
      SELECT id FROM cards WHERE user_id = ANY (${ids}::uuid[]) AND is_published ORDER BY id LIMIT 10000`,
    sql<{ id: string }[]>`
      SELECT id FROM users WHERE id = ANY (${ids}::uuid[]) AND NOT is_active ORDER BY id LIMIT 100`,
  ]);
  return {
    ledger: Map.groupBy(rows, row => row.user_id),
    published: new Set(cards.map(({ id }) => id)),
    inactive: new Set(users.map(({ id }) => id)),
  };
}

type Known = { state: State; members: readonly Member[]; sent: readonly Command[]; key: string };

const NOBODYS = "00000000-0000-7000-8000-000000000000";

function toCommand(draft: Draft, { state, members, sent, key }: Known): Command {
  const { process } = draft;
  const idOf = (no: number) => members[no]?.id ?? "";
  const pick = <T>(all: Iterable<T>, no: number): T | undefined => {
    const list = [...all];
    return list[no % list.length];
  };
  const asAdmin = { by: state.admin, method: "POST" as const, process };
  const reason = "Because.";
  switch (draft.kind) {
    case "publish": {
      const cards = draft.texts.map(no => ({ content: `text ${no}`, privacy_level: "IDEAS" }));
      if (draft.hasPrivate) cards.push({ content: "mine alone", privacy_level: "PRIVATE" });
      return {
        kind: "publish",
        by: idOf(draft.by),
        method: "POST",
        path: "/api/publish",
        body: { cards },
        key,
        process,
      };
    }
    case "attribute": {
      const cards = [...state.cards.values()];
      const [own, others] = [true, false].map(isOwn => cards.filter(card => (card.owner === idOf(draft.by)) === isOwn));
      // Now and then any of them, whosever it is.
      const from = (some: readonly Card[], no: number) => pick(no % 8 === 0 ? cards : some, no)?.id ?? NOBODYS;
      const body = {
        source_card_id: from(others ?? [], draft.source),
        target_card_id: from(own ?? [], draft.target),
        attribution_type: draft.type,
      };
      return { kind: "attribute", by: idOf(draft.by), method: "POST", path: "/api/attributions", body, key, process };
    }
    case "transfer": {
      const body = { to_user: idOf(draft.to), amount: fromCents(BigInt(draft.cents)) };
      return { kind: "transfer", by: idOf(draft.by), method: "POST", path: "/api/transfers", body, key, process };
    }
    case "adjust": {
      const sign = draft.type === "admin_adjustment" && draft.cents % 2 === 0 ? -1n : 1n;
      const body = { type: draft.type, amount: fromCents(BigInt(draft.cents) * sign), reason };
      return { ...asAdmin, kind: "adjust", path: `/api/admin/users/${idOf(draft.of)}/adjustments`, body, key };
    }
    case "reverse": {
      const leg = pick(pick(state.movements.values(), draft.movement)?.legs ?? [], draft.movement);
      const path = `/api/admin/ledger/${leg?.row ?? "999999999999"}/reversal`;
      return { ...asAdmin, kind: "reverse", path, body: { reason }, key };
    }
    case "withdraw": {
      const own = [...state.cards.values()].filter(({ owner }) => owner === idOf(draft.by));
      const card = pick(draft.card % 8 === 0 ? state.cards.values() : own, draft.card)?.id ?? NOBODYS;
      return { kind: "withdraw", by: idOf(draft.by), method: "DELETE", path: `/api/cards/${card}`, process };
    }
    case "set-active": {
      const what = draft.active ? "activate" : "deactivate";
      return { ...asAdmin, kind: "set-active", path: `/api/admin/users/${idOf(draft.of)}/${what}`, body: { reason } };
    }
    case "again": {
      const earlier = pick(sent, draft.earlier);
      if (!earlier)
        return toCommand(
          { kind: "transfer", by: 0, to: 1, cents: 1, process, isTwice: false },
          { state, members, sent, key },
        );
      return { ...earlier, process, ...(draft.isChanged ? { body: changed(earlier) } : {}) };
    }
  }
}

/** Another request under the same key. */
function changed({ kind, body }: Command): Record<string, unknown> {
  if (kind === "publish") return { cards: [{ content: "another text", privacy_level: "IDEAS" }] };
  if (kind === "attribute")
    return { ...body, attribution_type: body?.attribution_type === "reply" ? "remix" : "reply" };
  return kind === "reverse" ? { reason: "Another reason." } : { ...body, amount: "0.77" };
}

export async function sendOnce(
  { addresses }: Stage,
  { method, path, body, key, process }: Command,
  apiKey: string,
  requestId: string = crypto.randomUUID(),
) {
  const headers = { "x-request-id": requestId, ...(key === undefined ? {} : { "idempotency-key": key }) };
  const options = { key: apiKey, headers, ...(body === undefined ? {} : { body }) };
  const response = await fetch(addresses[process] + path, toInit(method, options));
  const text = await response.text();
  return {
    status: response.status,
    body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>,
    isReplayed: response.headers.has("idempotency-replayed"),
    requestId,
  };
}

type Page<T> = { items: T[]; next_cursor: string | null };

/** What a member sees over the API is what the model has. */
async function compareViews({ api }: Stage, { id, key }: Member, state: State): Promise<void> {
  const listAll = async <T>(path: string): Promise<T[]> => {
    const items: T[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const more: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const { body } = await api.call<Page<T>>("GET", `${path}?limit=50${more}`, { key });
      items.push(...body.items);
      cursor = body.next_cursor;
    }
    return items;
  };
  const balance = fromCents(state.balances.get(id) ?? 0n);
  expect((await api.call("GET", "/api/balance", { key })).body).toMatchObject({ balance });
  const entries = await listAll<{ id: string; amount: string; balance_after: string }>("/api/ledger");
  const legs = [...state.movements.values()].flatMap(movement => movement.legs.filter(({ user }) => user === id));
  const asText = (list: { row: string; cents: bigint }[]) => list.map(({ row, cents }) => `${row} ${fromCents(cents)}`);
  expect(entries.map(entry => `${entry.id} ${entry.amount}`).sort()).toEqual(asText(legs).sort());
  expect(entries[0]?.balance_after).toBe(balance);
  const cards = await listAll<{ id: string; content: string }>("/api/cards");
  const own = [...state.cards.values()].filter(({ owner, isPublished }) => owner === id && isPublished);
  expect(cards.map(card => `${card.id} ${card.content}`).sort()).toEqual(
    own.map(card => `${card.id} ${card.text}`).sort(),
  );
}

/** What can't be put in any order, for people. */
function explain(
  { logs }: Stage,
  { balances, explained }: State,
  ledger: Ledger,
  exchanges: readonly Exchange[],
): string {
  // Whoever loses an answer on the way and asks again for a client leaves it with a repeated answer only.
  const timesOf = (requestId = "none") =>
    logs.flat().filter(line => line.includes(`"request_id":"${requestId}"`) && line.includes('"msg":"request"')).length;
  const requests = exchanges.map(
    ({ command: { by, method, path, body, key }, reply: { status, body: answer, isReplayed, requestId } }) =>
      `${by} ${method} ${path} ${JSON.stringify(body)} key ${key}, came ${timesOf(requestId)} times\n    -> ${status}${isReplayed ? " replayed" : ""} ${JSON.stringify(answer)}`,
  );
  const rows = [...ledger].flatMap(([user, list]) => list.slice(explained.get(user)).map(row => JSON.stringify(row)));
  const held = [...balances].map(([user, cents]) => `${user} held ${fromCents(cents)}`);
  return ["No order of these requests explains their answers and entries:", ...requests, ...held, ...rows].join("\n  ");
}
