// Limits of requests by key, and that all limits hold over several processes: apps in this one, and real servers.

import { expect, setDefaultTimeout, test } from "bun:test";
import { Rates } from "../src/rates/exchange.ts";
import { RateLimit } from "../src/rates/rate-limit.ts";
import { type Api, createApi, readAnswer, toInit } from "./api-support.ts";
import { type Server, startServer } from "./server.ts";

setDefaultTimeout(30_000);

const me = (api: Api, key: string) => api.call("GET", "/api/me", { key });
/** What each process told the others, and heard of them, at the latest, on a machine that has other work. */
const EXCHANGED_MS = 3_000;
/** A second, and what it takes to exchange. */
const SECOND_MS = 1_500;

test("each key has so many requests a minute, and every answer says how many are left", async () => {
  const api = await createApi({ RATE_LIMIT_PER_MINUTE: "3" });
  const [one, other] = [await api.register(), await api.register()];
  const left = [];
  for (let n = 0; n < 3; n++) {
    const { status, headers } = await me(api, one.key);
    expect(status).toBe(200);
    expect(headers.get("ratelimit-limit")).toBe("3");
    expect(Number(headers.get("ratelimit-reset"))).toBeWithin(1, 61);
    left.push(headers.get("ratelimit-remaining"));
  }
  expect(left).toEqual(["2", "1", "0"]);
  const refused = await me(api, one.key);
  expect(refused).toMatchObject({ status: 429, body: { type: "/problems/rate-limited", status: 429 } });
  expect(Number(refused.headers.get("retry-after"))).toBeWithin(1, 61);
  expect(refused.headers.get("ratelimit-remaining")).toBe("0");
  expect((await me(api, other.key)).status).toBe(200);
});

test("a refused request changes nothing", async () => {
  const api = await createApi({ RATE_LIMIT_PER_MINUTE: "1" });
  const { key, id } = await api.register();
  expect((await me(api, key)).status).toBe(200);
  expect((await api.publish(key, [{ content: "Too much.", privacy_level: "IDEAS" }])).status).toBe(429);
  expect(await api.sql`SELECT FROM cards WHERE user_id = ${id}::uuid`).toHaveLength(0);
});

test("whoever brings no key, or one where nobody looks at it, is counted by address, but for monitors and own networks", async () => {
  const api = await createApi({ RATE_LIMIT_PER_MINUTE: "3", TRUSTED_PROXIES: "127.0.0.0/8" });
  const { key } = await api.register();
  const ask = (path: string, address: string, headers: Record<string, string> = {}) =>
    api.call("GET", path, { headers: { "x-forwarded-for": address, ...headers } });
  for (const left of ["2", "1", "0"]) {
    const { status, headers } = await ask("/problems", "203.0.113.7");
    expect([status, headers.get("ratelimit-remaining")]).toEqual([200, left]);
  }
  const refused = await ask("/problems", "203.0.113.7");
  expect(refused).toMatchObject({ status: 429, body: { type: "/problems/rate-limited" } });
  expect(Number(refused.headers.get("retry-after"))).toBeWithin(1, 61);
  expect((await ask("/api/cards", "203.0.113.7")).status).toBe(429);
  expect((await ask("/healthz", "203.0.113.7")).status).toBe(200);
  expect((await ask("/api/me", "203.0.113.7", { authorization: `Bearer ${key}` })).status).toBe(200);
  for (const authorization of [`Bearer ${key}`, "Bearer of whatever", ""]) {
    expect((await ask("/problems", "203.0.113.7", { authorization })).status).toBe(429);
  }
  expect((await ask("/problems", "203.0.113.8")).status).toBe(200);
  for (const own of ["10.1.2.3", "192.168.0.9", "::1", "fd00::1"]) {
    for (let n = 0; n < 4; n++) expect((await ask("/problems", own)).status).toBe(200);
  }
});

test("0 switches the limit off, with its headers", async () => {
  const api = await createApi({ RATE_LIMIT_PER_MINUTE: "0" });
  const { key } = await api.register();
  const { status, headers } = await me(api, key);
  expect([status, headers.get("ratelimit-limit")]).toEqual([200, null]);
});

test.concurrent("what one process counted the other knows a second later", async () => {
  const one = await createApi({ RATE_LIMIT_PER_MINUTE: "10" });
  const two = await createApi({ RATE_LIMIT_PER_MINUTE: "10" }, one);
  const { key } = await one.register();
  for (let n = 0; n < 9; n++) expect((await me(one, key)).status).toBe(200);
  await Bun.sleep(EXCHANGED_MS);
  // It has not met this key before: the first request goes through, and with it comes the word of the others.
  expect((await me(two, key)).status).toBe(200);
  await Bun.sleep(EXCHANGED_MS);
  const refused = await me(two, key);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeWithin(1, 61);
});

test.concurrent("bad keys and registrations are counted over all processes, too", async () => {
  const limits = { AUTH_FAILURES_PER_MINUTE: "4", REGISTRATIONS_PER_HOUR: "3", REGISTRATION: "open" };
  const one = await createApi(limits);
  const two = await createApi(limits, one);
  const register = (api: Api) => {
    const username = `r-${crypto.randomUUID().slice(0, 13)}`;
    return api.call("POST", "/api/users", { body: { username, email: `${username}@example.org` } });
  };
  for (const api of [one, two]) {
    for (let n = 0; n < 2; n++) expect((await me(api, "mistyped")).status).toBe(401);
    expect((await register(api)).status).toBe(201);
  }
  await Bun.sleep(EXCHANGED_MS);
  // Who exchanged first has not heard of the other: one more of each, and all know.
  for (const api of [one, two]) {
    await me(api, "mistyped");
    await register(api);
  }
  await Bun.sleep(EXCHANGED_MS);
  for (const api of [one, two]) {
    expect((await me(api, "mistyped")).status).toBe(429);
    expect((await register(api)).status).toBe(429);
  }
});

test.concurrent("many processes let through no more than the limit and what comes to the others within a second", async () => {
  const first = await createApi({ RATE_LIMIT_PER_MINUTE: "50" });
  const apis = [first, await createApi({ RATE_LIMIT_PER_MINUTE: "50" }, first)];
  const { key } = await first.register();
  const until = Date.now() + 4_000;
  let taken = 0;
  await Promise.all(
    apis.map(async api => {
      while (Date.now() < until) {
        if ((await me(api, key)).status === 200) taken++;
        // 20 a second in each process.
        await Bun.sleep(50);
      }
    }),
  );
  expect(taken).toBeWithin(50, 50 + 20 + 20 + 1);
});

test.concurrent("two servers let through no more than the limit and what comes to one of them within a second, and then both refuse", async () => {
  const api = await createApi();
  const { key } = await api.register();
  const LIMIT = 40;
  const env = { DATABASE_URL: api.url, RATE_LIMIT_PER_MINUTE: String(LIMIT), LOG_LEVEL: "warn" };
  const servers = await Promise.all([startServer(env), startServer(env)]);
  const ask = async ({ baseUrl }: Server) => readAnswer(await fetch(`${baseUrl}/api/me`, toInit("GET", { key })));
  const taken: { by: Server; atMs: number }[] = [];
  const until = performance.now() + 4_000;
  await Promise.all(
    servers.map(async by => {
      for (let status = 200; status === 200 || performance.now() < until; ) {
        ({ status } = await ask(by));
        expect([200, 429]).toContain(status);
        if (status === 200) taken.push({ by, atMs: performance.now() });
        // 20 a second at most.
        await Bun.sleep(50);
      }
    }),
  );
  const withinASecond = Math.max(
    ...taken.map(
      ({ by, atMs }) => taken.filter(one => one.by === by && one.atMs >= atMs && one.atMs < atMs + SECOND_MS).length,
    ),
  );
  expect(taken.length).toBeWithin(LIMIT, LIMIT + withinASecond + 1);
  expect(new Set(taken.map(({ by }) => by)).size).toBe(2);
  for (const server of servers) {
    const { status, headers } = await ask(server);
    expect([status, headers.get("ratelimit-remaining")]).toEqual([429, "0"]);
    expect(Number(headers.get("retry-after"))).toBeWithin(1, 61);
    expect(await server.stop()).toBe(0);
  }
});

test.concurrent("what is taken back after the others were told of it is taken back there as well, and keeps nothing else from them", async () => {
  const { sql } = await createApi();
  const [one, two] = [new Rates(sql), new Rates(sql)].map(rates => rates.limit("taken-back", 3, 60_000));
  if (!one || !two) throw new Error("two limits were made");
  for (let n = 0; n < 3; n++) one.count("slow and good");
  await Bun.sleep(EXCHANGED_MS);
  one.uncount("slow and good");
  for (let n = 0; n < 3; n++) one.count("bad");
  await Bun.sleep(EXCHANGED_MS);
  for (const name of ["slow and good", "bad"]) two.count(name);
  await Bun.sleep(EXCHANGED_MS);
  expect(two.blockedForSeconds("bad")).toBeWithin(1, 61);
  const counts = await sql`SELECT count FROM rate_counts WHERE kind = 'taken-back' ORDER BY count`;
  expect(counts.map(({ count }) => count)).toEqual([3, 4]);
  // Twice, while another process has had the row begun anew: never below nothing.
  await sql`DELETE FROM rate_counts WHERE kind = 'taken-back'`;
  one.uncount("slow and good");
  await Bun.sleep(EXCHANGED_MS);
  expect(one.count("slow and good").remaining).toBe(2);
});

test("what is told when the window is over stays out of the next one", async () => {
  const limit = new RateLimit("short", 10, 50, () => {});
  for (let n = 0; n < 5; n++) limit.count("a client");
  const { told } = limit.unshared();
  await Bun.sleep(60);
  limit.count("a client");
  told([{ count: 5, left_ms: -10 }]);
  expect(limit.unshared().counts).toMatchObject([{ count: 1 }]);
});

test.concurrent("neither keys nor addresses are stored, and what is over is begun anew", async () => {
  const api = await createApi({ RATE_LIMIT_PER_MINUTE: "5" });
  const { key } = await api.register();
  await me(api, key);
  await Bun.sleep(EXCHANGED_MS);
  const rows = await api.sql<
    { kind: string; name: string }[]
  >`SELECT kind, name FROM rate_counts WHERE kind = 'requests'`;
  expect(rows.map(({ name }) => name)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  await api.sql`UPDATE rate_counts SET count = 5, ends_at = now() - interval '1 second'`;
  for (let n = 0; n < 3; n++) expect((await me(api, key)).status).toBe(200);
  await Bun.sleep(EXCHANGED_MS);
  const [row] = await api.sql<{ count: number }[]>`SELECT count FROM rate_counts WHERE kind = 'requests'`;
  expect(row?.count).toBe(3);
});
