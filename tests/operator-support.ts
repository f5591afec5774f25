// What the tests of operators' calls share: short ways to ask, and the audit log of an account.

import type { Account } from "../src/admin/users-model.ts";
import type { Api, Member } from "./api-support.ts";

export type Entry = {
  id: string;
  user_id: string;
  transaction_type: string;
  amount: string;
  balance_before: string;
  balance_after: string;
  card_id: string | null;
  attribution_id: string | null;
  reverses_id: string | null;
};
export type Moved = { transaction_id: string; entries: Entry[]; balance: string; required: string };
export type Recorded = {
  id: string;
  at: string;
  actor_id: string;
  actor_username: string;
  action: string;
  user_id: string;
  counterparty_id: string | null;
  transaction_id: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown>;
  reason: string | null;
  request_id: string;
};

export const REASON = "Agreed on the phone.";

const newKey = () => `key-${crypto.randomUUID()}`;

/** Adjusts a balance; `idempotencyKey` null sends none. */
export function adjust(
  api: Api,
  admin: Member,
  userId: string,
  body: Record<string, unknown>,
  idempotencyKey: string | null = newKey(),
) {
  return api.call<Moved>("POST", `/api/admin/users/${userId}/adjustments`, {
    key: admin.key,
    body: { type: "bonus", amount: "1.00", reason: REASON, ...body },
    headers: idempotencyKey === null ? {} : { "idempotency-key": idempotencyKey },
  });
}

/** Reverses the movement of an entry; `idempotencyKey` null sends none. */
export function reverse(
  api: Api,
  admin: Member,
  entryId: string | undefined,
  body: Record<string, unknown> = { reason: REASON },
  idempotencyKey: string | null = newKey(),
) {
  return api.call<Moved>("POST", `/api/admin/ledger/${entryId}/reversal`, {
    key: admin.key,
    body,
    headers: idempotencyKey === null ? {} : { "idempotency-key": idempotencyKey },
  });
}

/** `deactivate`, `activate`, `rotate-key` or `role`. */
export function change(api: Api, admin: Member, userId: string, what: string, body: Record<string, unknown> = {}) {
  return api.call<Account & { api_key: string }>("POST", `/api/admin/users/${userId}/${what}`, {
    key: admin.key,
    body: { reason: REASON, ...body },
  });
}

/** What the audit log says about an account, newest first. */
export async function recordsAbout(api: Api, admin: Member, userId: string): Promise<Recorded[]> {
  const path = `/api/admin/audit?user_id=${userId}&limit=200`;
  return (await api.call<{ items: Recorded[] }>("GET", path, { key: admin.key })).body.items;
}

export async function balanceOf(api: Api, userId: string): Promise<string> {
  const [row] = await api.sql<{ extropy_balance: string }[]>`SELECT extropy_balance FROM users WHERE id = ${userId}`;
  return row?.extropy_balance ?? "";
}

/** The newest entry of an account. */
export async function lastEntryOf(api: Api, userId: string): Promise<string> {
  const [row] = await api.sql<{ id: string }[]>`
    SELECT id FROM extropy_ledger WHERE user_id = ${userId} ORDER BY user_seq DESC LIMIT 1`;
  return row?.id ?? "";
}
