// The stream of hints: it begins with one, comes soon after a commit wherever that was, and costs little while nothing
// happens.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { type Api, createApi, listen, type Member } from "./api-support.ts";
import { startServer } from "./server.ts";
import { createTestDatabase } from "./support.ts";
import { deviceOf, entity } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
let baseUrl: string;
beforeAll(async () => {
  api = await createApi();
  ({ baseUrl } = listen(api));
});

type Event = { event: string; id: string; cursor: string };

/** Reads a stream of server-sent events; `next` waits for the next event, and is undefined at the end. */
async function openStream(url: string, { key }: Pick<Member, "key">, client_id?: string) {
  const controller = new AbortController();
  const query = client_id === undefined ? "" : `?client_id=${client_id}`;
  const response = await fetch(`${url}/api/sync/stream${query}`, {
    headers: { authorization: `Bearer ${key}` },
    signal: controller.signal,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  async function next(): Promise<Event | undefined> {
    for (;;) {
      const found = /event: (.*)\nid: (.*)\ndata: (.*)\n\n/.exec(text);
      if (found) {
        text = text.slice(found.index + found[0].length);
        const [, event = "", id = "", data = ""] = found;
        return { event, id, cursor: JSON.parse(data).cursor };
      }
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) return undefined;
      text += value;
    }
  }
  return { response, next, close: () => controller.abort() };
}

describe("a stream", () => {
  test("begins with where a pull would end, and tells of each change by any process", async () => {
    const member = await api.register();
    const other = await createApi({}, api);
    const stream = await openStream(baseUrl, member, "phone");
    expect(stream.response.status).toBe(200);
    expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
    expect(stream.response.headers.get("x-request-id")).toBeString();
    const device = deviceOf(other, member);
    const first = await stream.next();
    const { cursor } = await device.pullAll();
    expect(first).toEqual({ event: "change", id: cursor, cursor });
    for (let n = 0; n < 3; n++) {
      await device.pushOne(entity("settings", `s${n}`, { n }));
      const { cursor: newest } = await device.pullAll();
      expect((await stream.next())?.cursor).toBe(newest);
    }
    await api.call("PATCH", "/api/me", { key: member.key, body: { bio: "by a call" } });
    expect(await stream.next()).toMatchObject({ event: "change" });
    stream.close();
  });

  test("hears of nobody else's changes", async () => {
    const [ours, theirs] = [await api.register(), await api.register()];
    const stream = await openStream(baseUrl, ours);
    await stream.next();
    await deviceOf(api, theirs).pushOne(entity("settings", "a", {}));
    await Bun.sleep(300);
    await deviceOf(api, ours).pushOne(entity("settings", "a", {}));
    const { cursor } = await deviceOf(api, ours).pullAll();
    expect((await stream.next())?.cursor).toBe(cursor);
    stream.close();
  });

  test("is one of its device: the next one ends it", async () => {
    const member = await api.register();
    const [first, others] = [await openStream(baseUrl, member, "phone"), await openStream(baseUrl, member, "laptop")];
    await Promise.all([first.next(), others.next()]);
    const second = await openStream(baseUrl, member, "phone");
    expect(await first.next()).toBeUndefined();
    expect(await second.next()).toMatchObject({ event: "change" });
    await deviceOf(api, member).pushOne(entity("settings", "a", {}));
    for (const stream of [second, others]) {
      expect(await stream.next()).toMatchObject({ event: "change" });
      stream.close();
    }
  });

  test("is one of at most 50 of an account, and makes room when its reader goes", async () => {
    const member = await api.register();
    const streams = await Promise.all(Array.from({ length: 50 }, () => openStream(baseUrl, member)));
    expect(streams.map(stream => stream.response.status)).toEqual(Array(50).fill(200));
    const refused = await fetch(`${baseUrl}/api/sync/stream`, { headers: { authorization: `Bearer ${member.key}` } });
    expect(refused.status).toBe(429);
    for (const header of ["retry-after", "ratelimit-limit"]) expect(refused.headers.has(header)).toBe(true);
    for (const stream of streams) stream.close();
    for (let status = 429; status !== 200; ) {
      const stream = await openStream(baseUrl, member);
      status = stream.response.status;
      stream.close();
      await Bun.sleep(20);
    }
  });

  test("ends at once for a reader who had gone before it was opened", async () => {
    const { key } = await api.register();
    const { status, text } = await api.call("GET", "/api/sync/stream", { key, signal: AbortSignal.abort() });
    expect([status, text]).toEqual([200, "retry: 1000\n\n"]);
  });

  test("ends without a word when its key is dead", async () => {
    const member = await api.register();
    const { body } = await api.call<{ id: string; api_key: string }>("POST", "/api/keys", {
      key: member.key,
      body: { name: "lost phone", scopes: ["sync"] },
    });
    const stream = await openStream(baseUrl, { key: body.api_key });
    await stream.next();
    await api.call("DELETE", `/api/keys/${body.id}`, { key: member.key });
    await deviceOf(api, member).pushOne(entity("settings", "a", {}));
    expect(await stream.next()).toBeUndefined();
  });

  test("tells a slow reader the newest only", async () => {
    const member = await api.register();
    const stream = await openStream(baseUrl, member);
    const device = deviceOf(api, member);
    for (let n = 0; n < 30; n++) await device.pushOne(entity("settings", `s${n}`, { n }));
    const { cursor } = await device.pullAll();
    let heard = 0;
    for (let event = await stream.next(); event?.cursor !== cursor; event = await stream.next()) heard++;
    expect(heard).toBeLessThan(30);
    stream.close();
  });

  test("needs a key with the scope, and takes no parameter but the device", async () => {
    const { key } = await api.register();
    const { body } = await api.call<{ api_key: string }>("POST", "/api/keys", {
      key,
      body: { name: "k", scopes: ["read"] },
    });
    expect((await api.call("GET", "/api/sync/stream", { key: body.api_key })).status).toBe(403);
    expect((await api.call("GET", "/api/sync/stream?colour=red", { key })).status).toBe(422);
  });

  test("ends at once where its reader had gone before it began", async () => {
    const { key } = await api.register();
    const answer = await api.call("GET", "/api/sync/stream", { key, signal: AbortSignal.abort() });
    expect([answer.status, answer.text]).toEqual([200, "retry: 1000\n\n"]);
  });

  test("answers HEAD without staying open", async () => {
    const { key } = await api.register();
    const answer = await fetch(`${baseUrl}/api/sync/stream`, {
      method: "HEAD",
      headers: { authorization: `Bearer ${key}` },
    });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe("");
  });
});

/** A stream over a socket of its own, for many at once: fetch opens 256 at most. `heard` waits for so many events. */
async function openSocket(url: string, { key }: Pick<Member, "key">) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.on("data", chunk => (text += chunk));
  socket.write(`GET /api/sync/stream HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${key}\r\n\r\n`);
  const heard = async (events: number) => {
    while (text.split("event: change").length <= events) await once(socket, "data");
  };
  await heard(1);
  return { heard, close: () => socket.destroy() };
}

describe("the real server", () => {
  /** Resident memory of a process, in bytes. */
  const memoryOf = (pid: number) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;

  async function setUp() {
    const { url, sql } = await createTestDatabase();
    const beside = await createApi({}, { sql, url });
    const server = await startServer({ DATABASE_URL: url, REGISTRATION: "open" });
    return { beside, server, sql };
  }

  test("wakes streams and pulls within 200 ms of a commit in another process", async () => {
    const { beside, server } = await setUp();
    const member = await beside.register();
    const device = deviceOf(beside, member);
    const stream = await openStream(server.baseUrl, member);
    await stream.next();
    let { cursor } = await device.pullAll();
    const headers = { authorization: `Bearer ${member.key}` };
    // The quickest: others may be using the machine.
    const quickest = { stream: Number.POSITIVE_INFINITY, pull: Number.POSITIVE_INFINITY };
    for (let n = 0; n < 5 || (n < 30 && Math.max(quickest.stream, quickest.pull) >= 200); n++) {
      const pull = fetch(`${server.baseUrl}/api/sync/pull?wait=30&cursor=${cursor}`, { headers });
      await Bun.sleep(150);
      await device.pushOne(entity("settings", `s${n}`, { n }));
      const committedAt = performance.now();
      const since = () => performance.now() - committedAt;
      const [heard, answer] = await Promise.all([stream.next().then(since), pull.then(answer => answer.json())]);
      quickest.stream = Math.min(quickest.stream, heard);
      quickest.pull = Math.min(quickest.pull, since());
      cursor = (answer as { cursor: string }).cursor;
      expect((answer as { items: unknown[] }).items).toHaveLength(1);
    }
    expect(Math.max(quickest.stream, quickest.pull)).toBeLessThan(200);
    stream.close();
    expect(await server.stop()).toBe(0);
  });

  test("ends streams and waiting pulls when it stops, at once", async () => {
    const { beside, server } = await setUp();
    const member = await beside.register();
    const streams = await Promise.all(Array.from({ length: 20 }, () => openStream(server.baseUrl, member)));
    await Promise.all(streams.map(stream => stream.next()));
    const { cursor } = await deviceOf(beside, member).pullAll();
    const waiting = fetch(`${server.baseUrl}/api/sync/pull?wait=30&cursor=${cursor}`, {
      headers: { authorization: `Bearer ${member.key}` },
    });
    await Bun.sleep(200);
    const startedAt = performance.now();
    const stopped = server.stop();
    expect((await waiting).status).toBe(200);
    for (const stream of streams) expect(await stream.next()).toBeUndefined();
    expect(await stopped).toBe(0);
    // Well before the 5 s after which what goes on is cut.
    expect(performance.now() - startedAt).toBeLessThan(4_500);
  });

  test("carries 1,000 idle streams in 100 MB and without a connection to the database for each", async () => {
    const { beside, server, sql } = await setUp();
    const members = await Promise.all(Array.from({ length: 25 }, () => beside.register()));
    // What the first ones need is not theirs alone.
    const warm = await Promise.all(members.map(member => openSocket(server.baseUrl, member)));
    for (const socket of warm) socket.close();
    await Bun.sleep(500);
    const before = memoryOf(server.pid);
    const sockets = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => openSocket(server.baseUrl, members[index % 25] as Member)),
    );
    await Bun.sleep(1_000);
    expect((memoryOf(server.pid) - before) / 1e6).toBeLessThan(100);
    const connections = await sql`
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'extrophi'`;
    expect(connections.length).toBeLessThanOrEqual(10);
    await deviceOf(beside, members[0] as Member).pushOne(entity("settings", "a", {}));
    await Promise.all(sockets.filter((_, index) => index % 25 === 0).map(socket => socket.heard(2)));
    for (const socket of sockets) socket.close();
    expect(await server.stop()).toBe(0);
  });
});
