// Races that no other file is about: a key that is revoked under load, a card that is withdrawn while it is being cited, two
// servers that start at once on a database without a schema. The others stand with what they race for: payments that one
// balance can't cover, and A paying B while B pays A (transfers.test.ts); one idempotency key fifty times at once
// (transfers, publish, attributions, adjustments and reversals.test.ts); one card fifty times at once (publish.test.ts).

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { verifyDatabase } from "../src/migrate/verify.ts";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { startServer } from "./server.ts";
import { emptyDatabase } from "./support.ts";

setDefaultTimeout(60_000);

const AT_A_TIME = 24;

let processes: [Api, Api];
let api: Api;
beforeAll(async () => {
  api = await createApi();
  processes = [api, await createApi({}, api)];
});
afterAll(() => expectBalancedBooks(api.sql));

type Asked = { status: number; sentAfter: boolean };

/** Asks many at a time, in both processes, until some while after `change` was done in the middle. */
async function askAround(
  ask: (on: Api, no: number) => Promise<{ status: number }>,
  change: () => Promise<void>,
): Promise<Asked[]> {
  const asked: Asked[] = [];
  let isDone = false;
  let afterwards = 0;
  let no = 0;
  const work = async () => {
    while (afterwards < 3 * AT_A_TIME) {
      const sentAfter = isDone;
      if (sentAfter) afterwards++;
      const { status } = await ask(processes[no % 2] as Api, no++);
      asked.push({ status, sentAfter });
    }
  };
  const working = Promise.all(Array.from({ length: AT_A_TIME }, work));
  while (asked.length < 3 * AT_A_TIME) await Bun.sleep(1);
  await change();
  isDone = true;
  await working;
  return asked;
}

const countOf = (asked: Asked[], status: number) => asked.filter(answer => answer.status === status).length;

test("a key that is revoked under load does nothing from then on, in no process, and all that it was answered is there", async () => {
  const [owner, payee] = [await api.register(), await api.register()];
  const made = await api.call<{ id: string; api_key: string }>("POST", "/api/keys", {
    key: owner.key,
    body: { name: "Laptop" },
  });
  const asked = await askAround(
    (on, no) =>
      no % 2
        ? on.publish(made.body.api_key, [newCard()])
        : on.call("POST", "/api/transfers", {
            key: made.body.api_key,
            body: { to_user: payee.name, amount: "0.01" },
            headers: { "idempotency-key": `before-the-end-${no}` },
          }),
    async () => {
      expect((await api.call("DELETE", `/api/keys/${made.body.id}`, { key: owner.key })).status).toBe(204);
    },
  );
  expect(asked.filter(({ status }) => status !== 201 && status !== 401)).toEqual([]);
  expect(asked.filter(({ status, sentAfter }) => sentAfter && status !== 401)).toEqual([]);
  expect(asked.filter(({ sentAfter }) => sentAfter).length).toBeGreaterThan(AT_A_TIME);
  const [row] = await api.sql<{ done: number }[]>`
    SELECT (SELECT count(*) FROM cards WHERE user_id = ${owner.id})::integer
      + (SELECT count(*) FROM extropy_ledger WHERE user_id = ${owner.id} AND transaction_type = 'transfer_sent')::integer
      AS done`;
  expect(row?.done).toBe(countOf(asked, 201));
  expect(row?.done).toBeGreaterThan(0);
});

test("a card that is withdrawn while it is being cited is paid for each citation before, and for none afterwards", async () => {
  const author = await api.register();
  const cited = await api.publishCard(author.key);
  const readers = await Promise.all(Array.from({ length: 8 }, () => api.register()));
  const targets = await Promise.all(
    readers.map(
      async ({ key }) =>
        (
          await api.publish(
            key,
            Array.from({ length: 90 }, () => newCard()),
          )
        ).body.cards,
    ),
  );
  let paid = 0;
  const asked = await askAround(
    async (on, no) => {
      const [reader, cards] = [readers[no % 8] as Member, targets[no % 8]];
      const answer = await on.call("POST", "/api/attributions", {
        key: reader.key,
        body: {
          source_card_id: cited.id,
          target_card_id: cards?.[Math.floor(no / 8)]?.id,
          attribution_type: "citation",
        },
      });
      if (answer.status === 201) paid++;
      return answer;
    },
    async () => {
      expect((await api.call("DELETE", `/api/cards/${cited.id}`, { key: author.key })).status).toBe(204);
    },
  );
  expect(asked.filter(({ status }) => status !== 201 && status !== 410)).toEqual([]);
  expect(asked.filter(({ status, sentAfter }) => sentAfter && status !== 410)).toEqual([]);
  expect(paid).toBeGreaterThan(AT_A_TIME);
  const [card] = await api.sql`SELECT attribution_count, is_published FROM cards WHERE id = ${cited.id}`;
  expect(card).toEqual({ attribution_count: paid, is_published: false });
  const [user] = await api.sql`SELECT extropy_balance FROM users WHERE id = ${author.id}`;
  expect(user?.extropy_balance).toBe((11 + paid / 10).toFixed(2));
});

test("two servers that start at once on an empty database both serve, and there is one admin, whose key one has printed", async () => {
  for (let round = 0; round < 2; round++) {
    const { url, sql } = await emptyDatabase();
    const servers = await Promise.all([startServer({ DATABASE_URL: url }), startServer({ DATABASE_URL: url })]);
    for (const { baseUrl } of servers) expect((await fetch(`${baseUrl}/readyz`)).status).toBe(200);
    const keys = servers.flatMap(server => [...server.stdout().matchAll(/API key +(\S+)/g)].map(([, key]) => key));
    expect(keys.length).toBe(1);
    for (const { baseUrl } of servers) {
      const answer = await fetch(`${baseUrl}/api/me`, { headers: { authorization: `Bearer ${keys[0]}` } });
      expect(answer.status).toBe(200);
    }
    expect((await sql`SELECT FROM users WHERE role = 'admin'`).length).toBe(1);
    expect(await verifyDatabase(url, { report: () => {} })).toBe(true);
    for (const server of servers) expect(await server.stop()).toBe(0);
  }
});
