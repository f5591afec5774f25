// A client that retries at the worst moment: the server was killed after its commit and before its answer, or the
// retry comes two years later. Each call that takes an Idempotency-Key gives the first answer again, and does nothing.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi, type Member, newCard, readAnswer, toInit } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { freePort } from "./free-port.ts";
import { REASON } from "./operator-support.ts";
import { type Server, startServer } from "./server.ts";

setDefaultTimeout(60_000);

let api: Api;
let server: Server;
let alice: Member;
let bob: Member;
let admin: Member;
beforeAll(async () => {
  api = await createApi();
  [alice, bob, admin] = [await api.register(), await api.register(), await api.registerOperator("admin")];
  server = await startServer({ DATABASE_URL: api.url, PORT: String(freePort()) });
});
afterAll(() => expectBalancedBooks(api.sql));

/** What each call is asked for, under a key of its own. */
async function requests() {
  const [cited, citing] = [await api.publishCard(alice.key), await api.publishCard(bob.key)];
  const [entry] =
    await api.sql`SELECT id FROM extropy_ledger WHERE user_id = ${alice.id} ORDER BY user_seq DESC LIMIT 1`;
  return [
    ["/api/publish", alice, { client_id: "desk", cards: [newCard(), newCard()] }],
    [
      "/api/attributions",
      bob,
      { source_card_id: cited.id, target_card_id: citing.id, attribution_type: "remix", attribution_note: "Thanks" },
    ],
    ["/api/transfers", alice, { to_user: bob.name, amount: "0.25", note: "For the coffee" }],
    [`/api/admin/users/${bob.id}/adjustments`, admin, { type: "bonus", amount: "2.00", reason: REASON }],
    [`/api/admin/ledger/${entry?.id}/reversal`, admin, { reason: REASON }],
  ] as const;
}

async function send([path, { key }, body]: Awaited<ReturnType<typeof requests>>[number], prefix = "once") {
  const headers = { "idempotency-key": `${prefix}-${path}` };
  const {
    status,
    text,
    headers: answered,
  } = await readAnswer(await fetch(server.baseUrl + path, toInit("POST", { key, body, headers })));
  return { status, text, isReplayed: answered.get("idempotency-replayed") === "true" };
}

/** On the same port, which nobody takes meanwhile: the addresses of cards have it in them. */
async function restart() {
  server.kill("SIGKILL");
  await server.exited;
  server = await startServer({ DATABASE_URL: api.url, PORT: new URL(server.baseUrl).port });
}

const countEntries = async () => (await api.sql`SELECT count(*) FROM extropy_ledger`)[0]?.count;

test("the first answer comes again from a server that was killed and started, and two years later", async () => {
  const all = await requests();
  const first = [];
  for (const request of all) first.push(await send(request));
  expect(first.map(({ status, isReplayed }) => [status, isReplayed])).toEqual(all.map(() => [201, false]));
  const entries = await countEntries();

  await restart();
  for (const [index, request] of all.entries()) {
    expect(await send(request)).toEqual({ ...first[index], isReplayed: true } as never);
  }

  await api.sql`UPDATE idempotency_records SET created_at = created_at - interval '2 years'`;
  await restart();
  for (const [index, request] of all.entries()) {
    expect(await send(request)).toEqual({ ...first[index], isReplayed: true } as never);
  }
  expect(await countEntries()).toBe(entries);
});

test("neither a refused request nor a retry is remembered, and a remembered answer is small", async () => {
  const records = async () => (await api.sql`SELECT key FROM idempotency_records ORDER BY key`).map(({ key }) => key);
  const all = await requests();
  for (const request of all) expect(await send(request, "known")).toMatchObject({ status: 201, isReplayed: false });
  const before = await records();
  for (const request of all) expect(await send(request, "known")).toMatchObject({ status: 201, isReplayed: true });

  const [publish, attribute, transfer, adjust, reverse] = all;
  const [mine] = await api.sql`SELECT id FROM extropy_ledger WHERE transaction_type = 'reversal' LIMIT 1`;
  const refused: [number, string, Member, object][] = [
    [422, publish[0], alice, { cards: [newCard(), newCard({ title: "x".repeat(1001) })] }],
    [409, attribute[0], bob, attribute[2]],
    [402, transfer[0], alice, { to_user: bob.name, amount: "99999.00" }],
    [404, transfer[0], alice, { to_user: "nobody-of-this-name", amount: "0.01" }],
    [402, adjust[0], admin, { type: "penalty", amount: "99999.00", reason: REASON }],
    [403, adjust[0], alice, adjust[2]],
    [409, reverse[0], admin, reverse[2]],
    [409, `/api/admin/ledger/${mine?.id}/reversal`, admin, reverse[2]],
  ];
  for (const [status, path, { key }, body] of refused) {
    const headers = { "idempotency-key": `refused-${crypto.randomUUID()}` };
    expect([path, (await api.call("POST", path, { key, headers, body })).status]).toEqual([path, status]);
  }
  expect(await records()).toEqual(before);

  const headers = { "idempotency-key": "k".repeat(200) };
  const cards = Array.from({ length: 100 }, () => newCard({ content: crypto.randomUUID().repeat(100) }));
  expect((await api.call("POST", "/api/publish", { key: alice.key, headers, body: { cards } })).status).toBe(201);
  const [row] = await api.sql<{ bytes: number }[]>`
    SELECT max(pg_column_size(r)) AS bytes FROM idempotency_records r`;
  expect(row?.bytes).toBeLessThan(4096);
});

test("an answer that was lost with the server is there for the retry, whether or not the work was done", async () => {
  const card = newCard();
  for (let round = 0; round < 8; round++) {
    const idempotencyKey = `lost-${round}`;
    const ask = () =>
      fetch(
        `${server.baseUrl}/api/transfers`,
        toInit("POST", {
          key: bob.key,
          body: { to_user: alice.name, amount: "0.01", note: String(card.title) },
          headers: { "idempotency-key": idempotencyKey },
        }),
      );
    const lost = ask().catch(() => undefined);
    await Bun.sleep(round * 2);
    await restart();
    await lost;
    expect((await readAnswer(await ask())).status).toBe(201);
    const [sent] = await api.sql`
      SELECT count(*)::integer AS count FROM extropy_ledger
      WHERE idempotency_key = ${`key:${bob.id}:${idempotencyKey}`}`;
    expect(sent?.count).toBe(1);
  }
});
