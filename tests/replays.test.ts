// A client that retries at the worst moment: the server was killed after its commit and before its answer, or the
// retry comes two years later. Each call that takes an Idempotency-Key gives the first answer again, and does nothing.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi, type Member, newCard, readAnswer, toInit } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
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
  server = await startServer({ DATABASE_URL: api.url });
});
afterAll(() => expectBalancedBooks(api.sql));

/** What each call is asked for, under a key of its own. */
async function requests() {
  const [cited, citing] = [await api.publishCard(alice.key), await api.publishCard(bob.key)];
  const [entry] = await api.sql`SELECT id FROM extropy_ledger WHERE user_id = ${alice.id} ORDER BY user_seq LIMIT 1`;
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

async function send([path, { key }, body]: Awaited<ReturnType<typeof requests>>[number]) {
  const headers = { "idempotency-key": `once-${path}` };
  const {
    status,
    text,
    headers: answered,
  } = await readAnswer(await fetch(server.baseUrl + path, toInit("POST", { key, body, headers })));
  return { status, text, isReplayed: answered.get("idempotency-replayed") === "true" };
}

/** On the same port: the addresses of cards have it in them. */
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
