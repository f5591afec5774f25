// What clients make the server hold has an end: bodies on their way, requests under way; and a request that is refused for
// a limit costs the database nothing.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { REQUESTS_MAX } from "../src/app.ts";
import { ByteBudget, READING_BYTES_MAX, readJsonBody } from "../src/json-body.ts";
import { type Api, createApi, listen, type Member, newCard } from "./api-support.ts";

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
