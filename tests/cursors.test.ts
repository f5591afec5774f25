// A cursor continues the list that gave it, under the filter that it was given for, and nothing else: otherwise a page
// would silently leave out, or repeat, what the other filter lets through.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "../src/cursor.ts";
import { makeWorld } from "./admin-support.ts";
import { createApi, newCard } from "./api-support.ts";
import { adjust } from "./operator-support.ts";

setDefaultTimeout(60_000);

const api = await createApi();
const { admin, writers, cards } = await makeWorld(api);
const [writer, other] = writers as [(typeof writers)[0], (typeof writers)[0]];
const card = cards[0]?.[0] ?? "";

for (const amount of ["1.00", "2.00", "3.00"]) await adjust(api, admin, writer.id, { amount });
for (const name of ["one", "two", "three"]) {
  await api.call("POST", "/api/keys", { key: writer.key, body: { name } });
}
await api.publish(
  writer.key,
  [1, 2, 3].map(() => newCard()),
  { client_id: "laptop" },
);

/** Of each list: who reads it, an address with more than one page, and others for which its cursor is none. */
const lists: Record<string, { key: string; from: string; not: string[] }> = {
  "the audit log": {
    key: admin.key,
    from: `/api/admin/audit?user_id=${writer.id}`,
    not: [
      "/api/admin/audit?",
      `/api/admin/audit?user_id=${other.id}`,
      `/api/admin/audit?user_id=${writer.id}&action=balance_adjusted`,
      "/api/admin/attributions?",
    ],
  },
  accounts: {
    key: admin.key,
    from: "/api/admin/users?role=member",
    not: ["/api/admin/users?", "/api/admin/users?role=member&active=true", "/api/admin/users?role=member&q=a"],
  },
  "one's own entries": {
    key: writer.key,
    from: "/api/ledger?type=publish_reward",
    not: ["/api/ledger?", "/api/ledger?type=bonus", `/api/ledger?type=publish_reward&card_id=${card}`],
  },
  "one's own cards": {
    key: writer.key,
    from: "/api/cards?privacy_level=IDEAS",
    not: ["/api/cards?", "/api/cards?privacy_level=BUSINESS", "/api/cards?privacy_level=IDEAS&q=title", "/api/keys?"],
  },
  "a card's attributions": {
    key: writer.key,
    from: `/api/cards/${card}/attributions?direction=received`,
    not: [
      `/api/cards/${card}/attributions?direction=made`,
      `/api/cards/${card}/attributions?direction=received&type=citation`,
      `/api/cards/${cards[0]?.[1]}/attributions?direction=received`,
    ],
  },
  "an author's cited cards": {
    key: writer.key,
    from: `/api/users/${writer.id}/attributions?`,
    not: [`/api/users/${other.id}/attributions?`, "/api/cards?"],
  },
  "one's keys": { key: writer.key, from: "/api/keys?", not: ["/api/cards?"] },
  "states of devices": {
    key: writer.key,
    from: "/api/sync/state?client_id=laptop",
    not: ["/api/sync/state?", "/api/sync/state?client_id=desktop", "/api/sync/state?client_id=laptop&status=synced"],
  },
};

test.each(Object.entries(lists))("of %s", async (_, { key, from, not }) => {
  type Received = Page<unknown> & { cards?: Page<unknown>; next_cursor: string | null };
  const first = await api.call<Received>("GET", `${from}&limit=1`, { key });
  const cursor = first.body.next_cursor ?? first.body.cards?.next_cursor ?? "";
  expect([first.status, cursor]).toEqual([200, expect.stringMatching(/./)]);
  // How long a page is, is nothing that it is filtered by.
  expect((await api.call("GET", `${from}&limit=2&cursor=${cursor}`, { key })).status).toBe(200);
  for (const address of not) {
    const { status, body } = await api.call<{ errors: { pointer: string }[] }>("GET", `${address}&cursor=${cursor}`, {
      key,
    });
    expect([address, status, body.errors?.[0]?.pointer]).toEqual([address, 422, "/cursor"]);
  }
});
