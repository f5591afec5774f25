// The database is away: stopped, restarted, slow, or out of connections. The server answers 503 with Retry-After, lives,
// keeps nothing, and is back by itself; /healthz answers all the time. (Frozen: database-frozen.test.ts.)

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createPool } from "../src/db.ts";
import { allowTime, Deadline } from "../src/deadline.ts";
import { type Api, createApi, listen, type Member } from "./api-support.ts";
import { askAll, calls, type Held, heldBy, untilBack, withGate } from "./away-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { holdLock } from "./support.ts";

setDefaultTimeout(90_000);

let api: Api;
let alice: Member;
let bob: Member;
beforeAll(async () => {
  api = await createApi();
  [alice, bob] = [await api.register(), await api.register()];
});
afterAll(() => expectBalancedBooks(api.sql));

/** After so many rounds all code was run, compiled, and compiled better. */
const WARM_ROUNDS = 5;

/** What 25 more rounds, each of which breaks five connections or more, may add: nothing that there is once for each. */
const MAY_GROW_BY = {
  files: 2,
  sockets: 2,
  timers: 2,
  functions: 100,
  objects: 4_000,
  heap: 4_000_000,
  rss: 32_000_000,
};

test("a stopped and restarted database: 503 meanwhile, 30 times over, and no connection, file, timer, listener or memory is left behind", async () => {
  await withGate({ api, alice, bob }, async (gate, ask, server) => {
    /** Beside the connections of the pool, of which there are more or fewer. */
    const holdings = async () => {
      const held = await heldBy(server);
      const connections = gate.connections();
      return {
        ...held,
        files: held.files - connections,
        sockets: held.sockets - connections,
        timers: held.timers - connections,
      };
    };
    let warm = await holdings();
    for (let round = 0; round < 30; round++) {
      // Some are under way when it goes.
      const cut = askAll(ask);
      await gate.shut();
      for (const { status } of await cut) expect([200, 201, 503]).toContain(status);
      for (const answer of await askAll(ask)) {
        expect([answer.status, answer.body.type]).toEqual([503, "/problems/unavailable"]);
        expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      }
      expect([await ask.health(), await ask.ready()]).toEqual([200, 503]);
      gate.open();
      await untilBack(ask);
      expect((await askAll(ask)).map(({ status }) => status)).toEqual([200, 200, 201, 201, 200]);
      expect(gate.connections()).toBeLessThanOrEqual(10);
      if (round === WARM_ROUNDS - 1) warm = await holdings();
    }
    const grown = async () => {
      const held = await holdings();
      return Object.entries(MAY_GROW_BY).flatMap(([what, most]) => {
        const by = held[what as Held] - warm[what as Held];
        return by <= most ? [] : [`${what}: ${warm[what as Held]} became ${held[what as Held]}`];
      });
    };
    // What is under way at the moment of a look, such as a connection that opens, is over at another one.
    for (let looks = 1; looks < 10 && (await grown()).length > 0; looks++) await Bun.sleep(300);
    expect(await grown()).toEqual([]);
  });
});

test("a statement that takes too long ends: 503 for all that shared it, and nothing was done", async () => {
  const slow = createPool(api.url, { statementMs: 300 });
  const beside = await createApi({}, { ...api, pool: slow });
  const { baseUrl, stop } = listen(beside);
  const ask = calls({ api, alice, bob }, baseUrl);
  const release = await holdLock(api.sql, tx => tx`SELECT FROM users WHERE id = ${alice.id} FOR UPDATE`);
  const [before] = await api.sql`SELECT count(*) FROM extropy_ledger`;
  const startedMs = performance.now();
  const answers = await Promise.all([...Array.from({ length: 20 }, ask.transfer), ask.publish(), ask.profile()]);
  expect(answers.map(({ status, headers }) => [status, headers.get("retry-after")])).toEqual(
    answers.map(() => [503, "1"]),
  );
  // Two batches: the first one alone, the others together. One after the other it would be twenty times 300 ms.
  expect(performance.now() - startedMs).toBeLessThan(4_000);
  expect(await ask.health()).toBe(200);
  await release();
  expect(await api.sql`SELECT count(*) FROM extropy_ledger`).toEqual([before] as never);
  expect((await askAll(ask)).map(({ status }) => status)).toEqual([200, 200, 201, 201, 200]);
  await stop();
  await slow.end();
});

test("a statement may take 20 s", async () => {
  const pool = createPool(api.url, { max: 1 });
  const [row] = await pool`SELECT current_setting('statement_timeout') AS limit`;
  expect(row?.limit).toBe("20s");
  await pool.end();
});

test("a database out of connections: 503, and back when there are some", async () => {
  const role = `limited_${crypto.randomUUID().slice(0, 8)}`;
  await api.sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'limited' CONNECTION LIMIT 1;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role};
    GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO ${role}`);
  const url = new URL(api.url);
  [url.username, url.password] = [role, "limited"];
  const hog = createPool(url.href, { max: 1 });
  await hog`SELECT 1`;
  const pool = createPool(url.href);
  const { baseUrl, stop } = listen(await createApi({}, { ...api, pool }));
  const ask = calls({ api, alice, bob }, baseUrl);
  try {
    for (const { status, headers, body } of await askAll(ask)) {
      expect([status, body.type, headers.get("retry-after")]).toEqual([503, "/problems/unavailable", "1"]);
    }
    expect([await ask.health(), await ask.ready()]).toEqual([200, 503]);
    await hog.end();
    await untilBack(ask);
    expect((await ask.transfer()).status).toBe(201);
  } finally {
    await stop();
    await Promise.all([pool.end({ timeout: 1 }), hog.end({ timeout: 1 })]);
    await api.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

test("an answer that comes too late is not waited for, and one that may take long is", async () => {
  const late: string[] = [];
  const deadline = new Deadline(id => late.push(id), 50);
  const answer = (ms: number, mayTakeLong = false) => {
    const request = new Request("http://localhost/api/balance");
    if (mayTakeLong) allowTime({ request, server: null }, 0);
    return deadline.keep(
      request,
      Bun.sleep(ms).then(() => new Response("done")),
    );
  };
  expect((await answer(0)).status).toBe(200);
  expect((await answer(1_500, true)).status).toBe(200);
  expect(late).toEqual([]);
  const response = await answer(1_500);
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(response.headers.get("x-request-id")).toBe(late[0] ?? "");
  expect(await response.text()).toContain("There was no answer within 27 seconds: the body came too slowly");
});
