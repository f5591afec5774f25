// What clients make the server hold has an end: bodies on their way, requests under way, comparisons, devices and lists that
// wait, streams; and a request that is refused for a limit costs the database nothing.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { LedgerWatch } from "../src/admin/ledger-watch.ts";
import { REQUESTS_MAX } from "../src/app.ts";
import { BcryptPool } from "../src/auth/bcrypt-pool.ts";
import { generateKey } from "../src/auth/key.ts";
import { SCOPES } from "../src/auth/scopes.ts";
import { KeyVerifier } from "../src/auth/verifier.ts";
import { createPool, loadOf } from "../src/db.ts";
import { EventStream } from "../src/event-stream.ts";
import { ByteBudget, READING_BYTES_MAX, readJsonBody } from "../src/json-body.ts";
import { createLogger } from "../src/log.ts";
import { Problem } from "../src/problem.ts";
import { ChangeWatch, type Waiter } from "../src/sync/watch.ts";
import { type Api, createApi, listen, type Member, newCard } from "./api-support.ts";
import { holdLock } from "./support.ts";

setDefaultTimeout(60_000);

let api: Api;
let member: Member;
let served: ReturnType<typeof listen>;
beforeAll(async () => {
  api = await createApi();
  member = await api.register();
  served = listen(api);
});
afterAll(() => served.stop());

const KIB = 1024;
const MIB = 1024 * KIB;
const ADDRESS = "http://localhost/";

/** A request whose body comes in these pieces, and then ends, unless it is to stay open. */
function requestOf(pieces: readonly Uint8Array[], options: { stays?: boolean } = {}): Request {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      if (!options.stays) controller.close();
    },
  });
  const headers = { "content-type": "application/json" };
  return new Request(ADDRESS, { method: "POST", body, headers, duplex: "half" } as RequestInit);
}

const jsonOf = (bytes: number) => new TextEncoder().encode(JSON.stringify("x".repeat(bytes - 2)));

describe("bodies that are being read", () => {
  test("may have so many bytes together; one more is 503, and all is given back", async () => {
    const budget = new ByteBudget(300 * KIB);
    const waiting = readJsonBody(requestOf([jsonOf(200 * KIB)], { stays: true }), budget);
    await Bun.sleep(20);
    expect(await readJsonBody(requestOf([jsonOf(100 * KIB)]), budget)).toBeString();
    const refused = await readJsonBody(requestOf([jsonOf(100 * KIB), new Uint8Array(1)]), budget).catch(error => error);
    expect(refused).toMatchObject({ slug: "unavailable", options: { headers: { "retry-after": "10" } } });
    expect(await readJsonBody(requestOf([jsonOf(100 * KIB)]), budget)).toBeString();
    void waiting.catch(() => {});
  });

  test("are given back whatever became of them", async () => {
    const budget = new ByteBudget(9 * MIB);
    for (let n = 0; n < 3; n++) {
      expect(await readJsonBody(requestOf([jsonOf(8 * MIB)]), budget)).toBeString();
      const tooLarge = readJsonBody(requestOf([jsonOf(8 * MIB), new Uint8Array(1)]), budget);
      expect(await tooLarge.catch(error => error.slug)).toBe("payload-too-large");
      const broken = new ReadableStream<Uint8Array>({
        pull(controller) {
          controller.enqueue(jsonOf(MIB));
          controller.error(new Error("gone"));
        },
      });
      const request = new Request(ADDRESS, { method: "POST", body: broken, duplex: "half" } as RequestInit);
      expect(await readJsonBody(request, budget).catch(error => error.slug)).toBe("malformed-json");
    }
    expect(budget.take(9 * MIB)).toBe(true);
    expect(budget.take(1)).toBe(false);
  });

  test("of strangers who never finish take 256 MiB at most: the rest is refused, and others go on being answered", async () => {
    const PIECE_MIB = 7;
    const STRANGERS = 60;
    const readable = READING_BYTES_MAX / (PIECE_MIB * MIB);
    const sockets: Socket[] = [];
    let refused = 0;
    const piece = Buffer.alloc(PIECE_MIB * MIB, "x");
    for (let n = 0; n < STRANGERS; n++) {
      const socket = connect(served.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.once("data", () => refused++);
      socket.write(
        `POST /api/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${8 * MIB}\r\n\r\n`,
      );
      socket.write(piece);
      sockets.push(socket);
    }
    try {
      for (let tries = 0; tries < 400 && refused < STRANGERS - readable; tries++) await Bun.sleep(50);
      expect(refused).toBeGreaterThanOrEqual(STRANGERS - readable);
      expect(refused).toBeLessThan(STRANGERS);
      expect((await api.publish(member.key, [newCard()])).status).toBe(201);
      const answer = await fetch(`${served.baseUrl}/api/me`, { headers: { authorization: `Bearer ${member.key}` } });
      expect(answer.status).toBe(200);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    let status = 0;
    for (let tries = 0; tries < 200 && status !== 201; tries++) {
      ({ status } = await api.publish(member.key, [newCard({ content: "y".repeat(1_000_000) })]));
      await Bun.sleep(50);
    }
    expect(status).toBe(201);
  });
});

test("more requests than may be under way are 503 with Retry-After, but for those of monitors", async () => {
  const { server } = api.app;
  if (!server) throw new Error("the app does not listen");
  const ask = (path: string) => fetch(served.baseUrl + path);
  let pending = REQUESTS_MAX;
  Object.defineProperty(server, "pendingRequests", { get: () => pending, configurable: true });
  expect((await ask("/")).status).toBe(200);
  pending = REQUESTS_MAX + 1;
  const refused = await ask("/");
  expect([refused.status, Number(refused.headers.get("retry-after")) > 0]).toEqual([503, true]);
  expect((await ask("/api/me")).status).toBe(503);
  for (const path of ["/healthz", "/readyz", "/metrics"]) expect((await ask(path)).status).toBe(200);
  Reflect.deleteProperty(server, "pendingRequests");
  expect((await ask("/")).status).toBe(200);
});

/** What one call too many is told. */
function refusalOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return (error as { slug?: string }).slug;
  }
  return undefined;
}

const log = createLogger("silent");

test("a thousand bcrypt comparisons wait; one more is 503 with Retry-After", async () => {
  const pool = new BcryptPool(4);
  const hash = await pool.hash("the key");
  const waiting = Array.from({ length: 1000 }, () => pool.matches("the key", hash));
  expect(pool.pending).toBe(1000);
  expect(await pool.matches("the key", hash).catch(error => error)).toMatchObject({
    slug: "unavailable",
    options: { headers: { "retry-after": "10" } },
  });
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([true]));
  expect(await pool.matches("another", hash)).toBe(false);
  pool.close();
});

test("a key that could not be looked at, since so many waited, does not keep others from it", async () => {
  const pool = new BcryptPool(4);
  const verifier = new KeyVerifier(api.pool, pool);
  spyOn(pool, "hash").mockRejectedValueOnce(new Problem("unavailable"));
  expect(await verifier.verify(generateKey()).catch(error => error)).toMatchObject({ slug: "unavailable" });
  expect(await verifier.verify(generateKey())).toBeUndefined();
  pool.close();
});

test("ten thousand devices of a process wait for changes; one more is 503, until another one goes", () => {
  const watch = new ChangeWatch(api.pool, log, undefined);
  let user = "";
  const wait = (n: number) => {
    if (n % 50 === 0) user = crypto.randomUUID();
    const caller = { userId: user, keyId: user, isAccountKey: true, scopes: new Set(SCOPES) };
    const silent = { onChange: () => {}, onBeat: () => {}, onEnd: () => {} };
    const kind = n % 2 ? "poll" : "stream";
    return watch.add({ kind, caller, clientId: String(n), known: 0, ...silent } satisfies Waiter);
  };
  const leave = Array.from({ length: 10_000 }, (_, n) => wait(n));
  expect(watch.count("poll") + watch.count("stream")).toBe(10_000);
  expect(refusalOf(() => wait(10_000))).toBe("unavailable");
  leave.pop()?.();
  leave.push(wait(10_000));
  expect(refusalOf(() => wait(10_050))).toBe("unavailable");
  for (const end of leave) end();
  expect(watch.count("poll") + watch.count("stream")).toBe(0);
});

test("a hundred live lists of operators; one more is 503, until another one is closed", () => {
  const watch = new LedgerWatch(api.pool, log);
  const close = Array.from({ length: 100 }, () => watch.add(() => {}));
  expect(refusalOf(() => watch.add(() => {}))).toBe("unavailable");
  close.pop()?.();
  close.push(watch.add(() => {}));
  expect(watch.count).toBe(100);
  for (const end of close) end();
});

describe("a stream", () => {
  function open() {
    let isOver = false;
    const { signal } = new AbortController();
    const stream = new EventStream({ signal, onWanted: () => {}, onEnd: () => (isOver = true) });
    return { stream, isOver: () => isOver, reader: stream.response.body?.getReader() };
  }

  test("that nobody reads ends with the fourth beat, and one that is read goes on", async () => {
    const { stream, isOver, reader } = open();
    const beat = (times: number) => {
      for (let n = 0; n < times; n++) stream.beat();
    };
    beat(3);
    expect(isOver()).toBe(false);
    await reader?.read();
    beat(4);
    expect(isOver()).toBe(false);
    beat(1);
    expect(isOver()).toBe(true);
  });

  test("ends when it is more than an hour old", () => {
    const { stream, isOver } = open();
    const startedAt = performance.now();
    const now = spyOn(performance, "now");
    const hour = 3_600_000;
    now.mockReturnValue(startedAt + hour - 1_000);
    stream.beat();
    expect(isOver()).toBe(false);
    now.mockReturnValue(startedAt + hour + 1_000);
    stream.beat();
    expect(isOver()).toBe(true);
    now.mockRestore();
  });
});

test("ten connections of a process work for everybody; the eleventh statement waits for one", async () => {
  const pool = createPool(api.url);
  const release = await holdLock(api.sql, tx => tx`SELECT pg_advisory_xact_lock(1)`);
  const waiting = Array.from({ length: 11 }, () => pool`SELECT pg_advisory_xact_lock_shared(1)`.execute());
  while (loadOf(pool).inUse < 10) await Bun.sleep(10);
  expect(loadOf(pool)).toEqual({ inUse: 10, idle: 0, waiting: 1 });
  await release();
  await Promise.all(waiting);
  expect(loadOf(pool)).toMatchObject({ inUse: 0, waiting: 0 });
  await pool.end();
});

test("a request that is refused for its key's limit asks the database nothing", async () => {
  let queries = 0;
  const pool = new Proxy(api.pool, {
    apply: (target, self, args) => {
      queries++;
      return Reflect.apply(target, self, args);
    },
  });
  const limited = await createApi({ RATE_LIMIT_PER_MINUTE: "3" }, { ...api, pool });
  const me = async () => (await limited.call("GET", "/api/me", { key: member.key })).status;
  expect([await me(), await me(), await me(), await me()]).toEqual([200, 200, 200, 429]);
  // The exchange with other processes, a second after the last request that counted.
  await Bun.sleep(2_500);
  queries = 0;
  for (let n = 0; n < 20; n++) expect(await me()).toBe(429);
  expect(queries).toBe(0);
});

test("addresses of one IPv6 network are one client", async () => {
  const limited = await createApi({ REGISTRATIONS_PER_HOUR: "2", TRUSTED_PROXIES: "127.0.0.1" });
  const register = async (address: string) => {
    const username = `net-${crypto.randomUUID().slice(0, 12)}`;
    const body = { username, email: `${username}@example.org` };
    return (await limited.call("POST", "/api/users", { body, headers: { "x-forwarded-for": address } })).status;
  };
  const network = "2001:db8:0:1";
  expect([await register(`${network}::1`), await register(`${network}::2`)]).toEqual([201, 201]);
  expect([await register(`${network}:a:b:c:d`), await register("2001:db8:0:2::1")]).toEqual([429, 201]);
});
