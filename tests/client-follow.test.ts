// The reference client left to itself: what `follow` sends and hears, and how it behaves while the server is away, busy,
// restarted, or wants it no longer. Over real connections.

import { afterEach, beforeAll, describe, expect, setDefaultTimeout, setSystemTime, test } from "bun:test";
import type { Fetch } from "../src/client/api.ts";
import { SyncClient, type SyncOptions } from "../src/client/sync-client.ts";
import { type Api, createApi, listen, type Member, newCard } from "./api-support.ts";
import { createDevice, deviceOptions } from "./client-support.ts";
import { deviceOf, entity } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

const cards = () => [newCard()] as unknown as Parameters<SyncClient["publish"]>[0];

/** A server that comes and goes, and a network to it that remembers what was asked of it, and when. */
type Server = {
  requests: { path: string; at: number }[];
  count(path: string): number;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** What answers instead, for as long as it does. */
  instead(path: string): Response | undefined;
  fetch: Fetch;
};

function openServer(): Server {
  const requests: Server["requests"] = [];
  let running: ReturnType<typeof listen> | undefined;
  const server: Server = {
    requests,
    count: path => requests.filter(request => request.path.endsWith(path)).length,
    async start() {
      running = listen(await createApi({}, api));
    },
    async stop() {
      await running?.stop();
      running = undefined;
    },
    instead: () => undefined,
    fetch: async request => {
      const path = new URL(request.url).pathname;
      requests.push({ path, at: performance.now() });
      const instead = server.instead(path);
      if (instead) return instead;
      if (!running) throw new TypeError("the server is away");
      return fetch(new Request(request.url.replace("http://localhost", running.baseUrl), request));
    },
  };
  servers.push(server);
  return server;
}

const servers: { stop(): Promise<void> }[] = [];
const followers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of followers.splice(0)) await stop();
  for (const server of servers.splice(0)) await server.stop();
});

async function setUp(more: Partial<SyncOptions> = {}) {
  const member = await api.register();
  const server = openServer();
  const options = deviceOptions(api, member, { fetch: server.fetch, ...more });
  return { member, server, options, device: new SyncClient(options) };
}

/** Follows until the end of the test. */
function follow(device: SyncClient) {
  const stop = new AbortController();
  const errors: unknown[] = [];
  const following = device.follow({ signal: stop.signal, onError: error => errors.push(error) });
  following.catch(() => {});
  followers.push(async () => {
    stop.abort();
    await following.catch(() => {});
    await device.close();
  });
  return { following, errors, stop };
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await Bun.sleep(20);
}

async function namesOnServer(member: Member): Promise<string[]> {
  return (await deviceOf(api, member).pullAll()).items.map(item => item.entity_id);
}

const untilOnServer = (member: Member, ...ids: string[]) =>
  until(async () => {
    const names = await namesOnServer(member);
    return ids.every(id => names.includes(id));
  });

describe("a device that follows", () => {
  test("sends what was waiting, and what is edited and published from then on", async () => {
    const { member, server, device } = await setUp();
    await server.start();
    device.publish(cards());
    device.put("settings", "before", { n: 1 });
    follow(device);
    await untilOnServer(member, "before");
    device.put("settings", "meanwhile", { n: 1 });
    await untilOnServer(member, "meanwhile");
    device.publish(cards());
    await until(() => device.list("card").length === 2);
    expect(device.status()).toEqual({ toPush: 0, toPublish: 0, conflicts: 0, failed: 0 });
  });

  test("hears of others, loses nothing while the server is away, and finds it again by itself", async () => {
    const heard: string[] = [];
    const { member, server, device } = await setUp({ onChange: ({ entity_id }) => heard.push(entity_id) });
    await server.start();
    const push = (id: string) => deviceOf(api, member).pushOne(entity("settings", id, {}));
    const { errors } = follow(device);
    await until(() => heard.includes("me"));
    await push("a");
    await until(() => heard.includes("a"));
    await server.stop();
    await push("b");
    device.put("settings", "mine", { n: 1 });
    device.publish(cards());
    await until(() => errors.length > 0);
    await server.start();
    await until(() => heard.includes("b"));
    await untilOnServer(member, "mine");
    await push("c");
    await until(() => heard.includes("c"));
    expect(heard.filter(id => id.length < 3)).toEqual(["me", "a", "b", "c"]);
    await until(() => device.list("card").length === 1);
  });

  test("pushes many edits of a moment at once, and is not woken by its own", async () => {
    const { server, device } = await setUp();
    await server.start();
    follow(device);
    await until(() => server.count("/pull") > 0 && server.count("/stream") > 0);
    await Bun.sleep(300);
    const before = server.count("/pull");
    for (let n = 0; n < 50; n++) device.put("settings", `a${n % 10}`, { n });
    await until(() => device.status().toPush === 0);
    await Bun.sleep(400);
    expect(server.count("/push")).toBe(1);
    expect(server.count("/pull") - before).toBeLessThanOrEqual(3);
  });

  test("shares a file with another one that does, and neither ends the other's stream", async () => {
    const { member, server, options, device } = await setUp();
    await server.start();
    const other = new SyncClient(options);
    follow(device);
    follow(other);
    await until(() => server.count("/stream") === 2);
    device.put("settings", "a", { n: 1 });
    other.put("settings", "b", { n: 1 });
    await untilOnServer(member, "a", "b");
    await Bun.sleep(300);
    expect(server.count("/stream")).toBe(2);
  });

  test("asks again with growing pauses while the server is away, however much is edited", async () => {
    const { server, device } = await setUp({ pauseMs: 400 });
    const { errors } = follow(device);
    const end = performance.now() + 1_500;
    for (let n = 0; performance.now() < end; n++) {
      device.put("settings", "a", { n });
      await Bun.sleep(50);
    }
    // 0.2 to 0.4 s, then 0.4 to 0.8, then 0.8 to 1.6; for syncs and streams each.
    expect(server.count("/pull")).toBeLessThanOrEqual(4);
    expect(server.count("/stream")).toBeLessThanOrEqual(4);
    expect(errors.length).toBeGreaterThanOrEqual(4);
  });

  test.each([
    [429, () => ({ "retry-after": "1" })],
    [
      503,
      (now = Date.now()) => ({ "retry-after": new Date(now + 1_000).toUTCString(), date: new Date(now).toUTCString() }),
    ],
  ])("leaves a server alone for as long as it asks to, with %i", async (status, headersOf) => {
    const { member, server, device } = await setUp({ attemptsMax: 3 });
    await server.start();
    let busy = 1;
    server.instead = path =>
      path.endsWith("/pull") && busy-- > 0 ? new Response(null, { status, headers: headersOf() }) : undefined;
    device.put("settings", "a", { n: 1 });
    follow(device);
    await untilOnServer(member, "a");
    const [first, second] = server.requests.filter(({ path }) => path.endsWith("/pull"));
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(950);
  });

  test("does not mind a clock that jumps", async () => {
    const { member, server, device } = await setUp();
    await server.start();
    follow(device);
    try {
      for (const [index, years] of [-30, 30].entries()) {
        await until(() => server.count("/stream") > 0);
        setSystemTime(new Date(Date.now() + years * 365 * 86_400_000));
        device.put("settings", `a${index}`, { n: 1 });
        await until(() => device.status().toPush === 0);
      }
    } finally {
      setSystemTime();
    }
    expect(await namesOnServer(member)).toEqual(["me", "a0", "a1"]);
  });

  test("goes on where something else than the server refuses the stream", async () => {
    const { member, server, device } = await setUp();
    await server.start();
    let portal = 1;
    server.instead = path =>
      path.endsWith("/stream") && portal-- > 0 ? new Response("Please sign in", { status: 403 }) : undefined;
    const { errors } = follow(device);
    await until(() => server.count("/stream") === 2);
    expect(errors).toMatchObject([{ name: "Unreachable", status: 403 }]);
    device.put("settings", "a", { n: 1 });
    await untilOnServer(member, "a");
  });

  test("is not slowed down by one request that does not get through", async () => {
    const { member, server, device } = await setUp({ pauseMs: 20_000 });
    await server.start();
    server.instead = path => (path.endsWith("/publish") ? new Response(null, { status: 413 }) : undefined);
    device.publish(cards());
    const { errors } = follow(device);
    for (const id of ["a", "b"]) {
      device.put("settings", id, { n: 1 });
      await untilOnServer(member, id);
    }
    // The server has it a moment before the device hears so.
    await until(() => errors.length > 0 && device.status().toPush === 0);
    expect(errors[0]).toMatchObject({ status: 413 });
    expect(device.status()).toMatchObject({ toPush: 0, toPublish: 1 });
  });

  test("stops at once when it is told to, also while it waits for a server that is away", async () => {
    const { server, device } = await setUp({ pauseMs: 20_000, attemptsMax: 5 });
    const { following, stop } = follow(device);
    await until(() => server.count("/pull") > 0);
    stop.abort();
    await following;
    expect(server.count("/pull")).toBe(1);
  });

  test("does so once at a time", async () => {
    const { server, device } = await setUp();
    await server.start();
    follow(device);
    await expect(device.follow({ signal: AbortSignal.abort() })).rejects.toThrow("follows already");
  });
});

describe("following ends with the reason", () => {
  test("where the key is nonsense", async () => {
    const { member, server } = await setUp();
    await server.start();
    const stranger = createDevice(api, { ...member, key: "nonsense" }, { fetch: server.fetch });
    const { following } = follow(stranger);
    await expect(following).rejects.toMatchObject({ name: "Refused", status: 401, isKeyDead: true });
  });

  test("where the key is revoked under it, and nothing is lost", async () => {
    const { member, server, options } = await setUp();
    await server.start();
    const { body } = await api.call<{ id: string; api_key: string }>("POST", "/api/keys", {
      key: member.key,
      body: { name: "phone" },
    });
    const device = new SyncClient({ ...options, apiKey: body.api_key });
    const { following } = follow(device);
    await until(() => server.count("/stream") > 0 && device.get("user_profile", "me") !== undefined);
    await api.call("DELETE", `/api/keys/${body.id}`, { key: member.key });
    device.put("settings", "a", { n: 1 });
    await expect(following).rejects.toMatchObject({ name: "Refused", status: 401 });
    expect(device.status().toPush).toBe(1);
    const again = new SyncClient(options);
    await again.sync();
    expect(await namesOnServer(member)).toContain("a");
  });
});

describe("closing", () => {
  test("ends following", async () => {
    const { server, device } = await setUp({ pauseMs: 20_000 });
    await server.start();
    const { following, errors } = follow(device);
    await until(() => server.count("/stream") > 0);
    await device.close();
    await following;
    expect(errors).toEqual([]);
  });

  test("breaks off what is under way, which is done the next time", async () => {
    const { member, options } = await setUp();
    const stuck = new SyncClient({
      ...options,
      attemptsMax: 5,
      pauseMs: 60_000,
      fetch: request => new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(new Error()))),
    });
    stuck.put("settings", "a", { n: 1 });
    const syncing = stuck.sync();
    syncing.catch(() => {});
    await Bun.sleep(20);
    await stuck.close();
    await expect(syncing).rejects.toMatchObject({ name: "Unreachable" });
    await createDevice(api, member, { file: options.file }).sync();
    expect(await namesOnServer(member)).toContain("a");
  });
});
