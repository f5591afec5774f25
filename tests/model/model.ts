// The small model: what accounts, cards and movements are, and what each request does to them when nothing else happens.
// It knows nothing of the server's code; amounts are whole cents.

import type { Command } from "./commands.ts";

/** What came back from the server. */
export type Reply = { status: number; body: Record<string, unknown>; isReplayed: boolean; requestId?: string };

/** An entry of the ledger, as it stands in the database. */
export type Row = {
  id: string;
  user_id: string;
  transaction_id: string;
  transaction_type: string;
  amount: string;
  balance_after: string;
  reverses_id: string | null;
};

export type Card = { id: string; owner: string; text: string; isPublished: boolean };
type Movement = {
  id: string;
  isReversal: boolean;
  isReversed: boolean;
  legs: { row: string; user: string; cents: bigint }[];
};

/** Never changed in place: a request makes another one of it, or gives the very same where it changes nothing. */
export type State = Readonly<{
  admin: string;
  balances: ReadonlyMap<string, bigint>;
  inactive: ReadonlySet<string>;
  /** How many entries of each account are explained. */
  explained: ReadonlyMap<string, number>;
  /** By id. */
  cards: ReadonlyMap<string, Card>;
  /** By what is cited where, and how. */
  attributions: ReadonlyMap<string, string>;
  /** By transaction. */
  movements: ReadonlyMap<string, Movement>;
  /** By account and Idempotency-Key: which request it was, and what was answered. */
  answers: ReadonlyMap<string, { request: string; essence: string }>;
}>;

/** The entries that were written meanwhile, by account, in their order. */
export type Ledger = ReadonlyMap<string, readonly Row[]>;

export const FEES: Readonly<Record<string, bigint>> = { citation: 10n, remix: 50n, reply: 5n, inspiration: 0n };
const REWARD = 100n;

export function toCents(amount: string): bigint {
  if (!/^-?\d+\.\d\d$/.test(amount)) throw new Error(`not an amount: ${amount}`);
  return BigInt(amount.replace(".", ""));
}

export function fromCents(cents: bigint): string {
  const digits = String(cents < 0n ? -cents : cents).padStart(3, "0");
  return `${cents < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** The state after a request that got this reply, or undefined where it could not have got it in this state. */
export function apply(state: State, ledger: Ledger, command: Command, reply: Reply): State | undefined {
  if (state.inactive.has(command.by)) return reply.status === 401 ? state : undefined;
  const request = `${command.method} ${command.path} ${JSON.stringify(command.body)}`;
  const slot = `${command.by} ${command.key}`;
  const before = command.key === undefined ? undefined : state.answers.get(slot);
  if (before) {
    if (before.request !== request) return isProblem(reply, 422, "idempotency-key-reused") ? state : undefined;
    return reply.isReplayed && essenceOf(command, reply) === before.essence ? state : undefined;
  }
  if (reply.isReplayed) return undefined;
  const after = rules[command.kind](state, ledger, command, reply);
  if (!after || command.key === undefined || reply.status >= 300) return after;
  return { ...after, answers: new Map(after.answers).set(slot, { request, essence: essenceOf(command, reply) }) };
}

type Rule = (state: State, ledger: Ledger, command: Command, reply: Reply) => State | undefined;

const rules: Readonly<Record<Command["kind"], Rule>> = {
  publish,
  attribute,
  transfer,
  adjust,
  reverse,
  withdraw,
  "set-active": setActive,
};

function publish(state: State, ledger: Ledger, { by, body }: Command, reply: Reply): State | undefined {
  const wanted = body?.cards as { content: string; privacy_level: string }[];
  const lines = (reply.body.cards ?? []) as { outcome: string; id: string | null; extropy_awarded: string }[];
  if (lines.length !== wanted.length) return undefined;
  let after: State | undefined = state;
  let published = 0n;
  for (const [at, { content, privacy_level }] of wanted.entries()) {
    const { outcome, id, extropy_awarded } = lines[at] as (typeof lines)[number];
    if (privacy_level === "PRIVATE") {
      if (outcome !== "filtered" || id !== null) return undefined;
      continue;
    }
    const known: Card | undefined = [...after.cards.values()].find(card => card.owner === by && card.text === content);
    if (known) {
      if (outcome !== "duplicate" || id !== known.id || extropy_awarded !== "0.00") return undefined;
      after = withCard(after, { ...known, isPublished: true });
      continue;
    }
    if (outcome !== "published" || id === null || extropy_awarded !== fromCents(REWARD) || after.cards.has(id)) {
      return undefined;
    }
    published++;
    after = post(withCard(after, { id, owner: by, text: content, isPublished: true }), ledger, [
      { user: by, type: "publish_reward", cents: REWARD },
    ]);
    if (!after) return undefined;
  }
  const { cards_published, extropy_earned, balance } = reply.body;
  const isRight =
    reply.status === (published > 0n ? 201 : 200) &&
    cards_published === Number(published) &&
    extropy_earned === fromCents(published * REWARD);
  if (!isRight) return undefined;
  // Requests that shared a commit are told what the account held at its end.
  const later = (ledger.get(by) ?? []).slice(after.explained.get(by)).map(row => row.balance_after);
  return [fromCents(balanceOf(after, by)), ...later].includes(balance as string) ? after : undefined;
}

function attribute(state: State, ledger: Ledger, { by, body }: Command, reply: Reply): State | undefined {
  const { source_card_id, target_card_id, attribution_type } = body as Record<string, string>;
  const [source, target] = [state.cards.get(source_card_id ?? ""), state.cards.get(target_card_id ?? "")];
  const refused = (status: number, slug: string) => (isProblem(reply, status, slug) ? state : undefined);
  if (!source || !target) return refused(404, "not-found");
  if (target.owner !== by) return refused(403, "forbidden");
  if (!source.isPublished || !target.isPublished) return refused(410, "gone");
  if (source.owner === by) return refused(422, "self-attribution");
  const name = `${source.id} ${target.id} ${attribution_type}`;
  const existing = state.attributions.get(name);
  if (existing) return reply.body.attribution_id === existing ? refused(409, "already-attributed") : undefined;
  const fee = FEES[attribution_type ?? ""] ?? 0n;
  if (balanceOf(state, by) < fee) return isShort(reply, balanceOf(state, by), fee) ? state : undefined;
  const { attribution, payment } = reply.body as {
    attribution?: { id: string };
    payment?: { amount: string; balance: string };
  };
  if (reply.status !== 201 || !attribution || payment?.amount !== fromCents(fee)) return undefined;
  if (payment.balance !== fromCents(balanceOf(state, by) - fee)) return undefined;
  const made = { ...state, attributions: new Map(state.attributions).set(name, attribution.id) };
  if (fee === 0n) return made;
  return post(made, ledger, [
    { user: by, type: "attribution_payment", cents: -fee },
    { user: source.owner, type: "attribution_received", cents: fee },
  ]);
}

function transfer(state: State, ledger: Ledger, { by, body }: Command, reply: Reply): State | undefined {
  const { to_user: to, amount } = body as { to_user: string; amount: string };
  if (to === by) return isProblem(reply, 422, "self-transfer") ? state : undefined;
  if (state.inactive.has(to)) return isProblem(reply, 404, "not-found") ? state : undefined;
  const cents = toCents(amount);
  if (balanceOf(state, by) < cents) return isShort(reply, balanceOf(state, by), cents) ? state : undefined;
  if (reply.status !== 201 || reply.body.balance !== fromCents(balanceOf(state, by) - cents)) return undefined;
  const legs = [
    { user: by, type: "transfer_sent", cents: -cents },
    { user: to, type: "transfer_received", cents },
  ];
  return post(state, ledger, legs, reply.body.transaction_id);
}

function adjust(state: State, ledger: Ledger, { path, body }: Command, reply: Reply): State | undefined {
  const user = path.split("/").at(-2) ?? "";
  const { type, amount } = body as { type: string; amount: string };
  const cents = type === "penalty" ? -toCents(amount) : toCents(amount);
  if (balanceOf(state, user) + cents < 0n) return isShort(reply, balanceOf(state, user), -cents) ? state : undefined;
  if (reply.status !== 201 || !tells(reply, [{ user, cents, after: balanceOf(state, user) + cents }])) return undefined;
  return post(state, ledger, [{ user, type, cents }], reply.body.transaction_id);
}

function reverse(state: State, ledger: Ledger, { path }: Command, reply: Reply): State | undefined {
  const row = path.split("/").at(-2);
  const movement = [...state.movements.values()].find(({ legs }) => legs.some(leg => leg.row === row));
  if (!movement) return isProblem(reply, 404, "not-found") ? state : undefined;
  if (movement.isReversal) return isProblem(reply, 409, "not-reversible") ? state : undefined;
  if (movement.isReversed) return isProblem(reply, 409, "already-reversed") ? state : undefined;
  const short = movement.legs.find(({ user, cents }) => balanceOf(state, user) < cents);
  if (short) return isShort(reply, balanceOf(state, short.user), short.cents) ? state : undefined;
  const legs = movement.legs.map(leg => ({ user: leg.user, type: "reversal", cents: -leg.cents, reverses: leg.row }));
  const told = legs.map(({ user, cents }) => ({ user, cents, after: balanceOf(state, user) + cents }));
  if (reply.status !== 201 || !tells(reply, told)) return undefined;
  const reversed = {
    ...state,
    movements: new Map(state.movements).set(movement.id, { ...movement, isReversed: true }),
  };
  return post(reversed, ledger, legs, reply.body.transaction_id);
}

function withdraw(state: State, _: Ledger, { by, path }: Command, reply: Reply): State | undefined {
  const card = state.cards.get(path.split("/").at(-1) ?? "");
  if (!card || card.owner !== by) return isProblem(reply, 404, "not-found") ? state : undefined;
  if (!card.isPublished) return isProblem(reply, 410, "gone") ? state : undefined;
  return reply.status === 204 ? withCard(state, { ...card, isPublished: false }) : undefined;
}

function setActive(state: State, _: Ledger, { path }: Command, reply: Reply): State | undefined {
  const [user = "", what] = path.split("/").slice(-2);
  const active = what === "activate";
  const { is_active, balance } = reply.body;
  if (reply.status !== 200 || is_active !== active || balance !== fromCents(balanceOf(state, user))) return undefined;
  if (state.inactive.has(user) !== active) return state;
  const inactive = new Set(state.inactive);
  if (active) inactive.delete(user);
  else inactive.add(user);
  return { ...state, inactive };
}

/** One movement: its legs must be the next entries of their accounts, with the balances that follow. */
function post(
  state: State,
  ledger: Ledger,
  legs: readonly { user: string; type: string; cents: bigint; reverses?: string }[],
  transaction?: unknown,
): State | undefined {
  const [balances, explained] = [new Map(state.balances), new Map(state.explained)];
  const rows: Row[] = [];
  for (const { user, type, cents, reverses } of legs) {
    const at = explained.get(user) ?? 0;
    const row = ledger.get(user)?.[at];
    const after = (balances.get(user) ?? 0n) + cents;
    const isNext =
      row?.transaction_type === type &&
      row.amount === fromCents(cents) &&
      row.balance_after === fromCents(after) &&
      row.reverses_id === (reverses ?? null) &&
      row.transaction_id === (transaction ?? rows[0]?.transaction_id ?? row.transaction_id);
    if (!isNext) return undefined;
    rows.push(row);
    balances.set(user, after);
    explained.set(user, at + 1);
  }
  const id = rows[0]?.transaction_id ?? "";
  const movement: Movement = {
    ...{ id, isReversal: legs[0]?.type === "reversal", isReversed: false },
    legs: legs.map(({ user, cents }, at) => ({ row: rows[at]?.id ?? "", user, cents })),
  };
  return { ...state, balances, explained, movements: new Map(state.movements).set(id, movement) };
}

/** Whether the answer names these entries, in this order. */
function tells(reply: Reply, legs: readonly { user: string; cents: bigint; after: bigint }[]): boolean {
  const entries = (reply.body.entries ?? []) as { user_id: string; amount: string; balance_after: string }[];
  const told = entries.map(({ user_id, amount, balance_after }) => `${user_id} ${amount} ${balance_after}`);
  const expected = legs.map(({ user, cents, after }) => `${user} ${fromCents(cents)} ${fromCents(after)}`);
  return told.join() === expected.join();
}

function balanceOf(state: State, user: string): bigint {
  return state.balances.get(user) ?? 0n;
}

function withCard(state: State, card: Card): State {
  if (state.cards.get(card.id)?.isPublished === card.isPublished) return state;
  return { ...state, cards: new Map(state.cards).set(card.id, card) };
}

function isProblem({ status, body }: Reply, expected: number, slug: string): boolean {
  return status === expected && body.type === `/problems/${slug}`;
}

function isShort(reply: Reply, balance: bigint, required: bigint): boolean {
  const { body } = reply;
  const isSaid = body.balance === fromCents(balance) && body.required === fromCents(required);
  return isProblem(reply, 402, "insufficient-balance") && isSaid;
}

/** What a repeated answer must have in common with the first. Pages and titles are those of the cards as they are by then. */
function essenceOf({ kind }: Command, { status, body }: Reply): string {
  if (kind === "publish") {
    const cards = body.cards as { id: unknown; outcome: unknown; extropy_awarded: unknown }[];
    const lines = cards.map(({ id, outcome, extropy_awarded }) => [id, outcome, extropy_awarded]);
    return JSON.stringify([status, lines, body.extropy_earned, body.balance]);
  }
  if (kind === "attribute") {
    return JSON.stringify([status, (body.attribution as { id?: string } | undefined)?.id, body.payment]);
  }
  return JSON.stringify([status, body]);
}
