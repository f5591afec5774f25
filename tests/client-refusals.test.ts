// What the reference client makes of a no, and of answers that only look like one: nothing that could still be taken may
// be given up, and what can't be taken must not hold up the rest.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Fetch } from "../src/client/api.ts";
import { readRetryAfter } from "../src/client/retry-after.ts";
import { type Decision, type Failure, PrivateCards, SyncClient, Unreachable } from "../src/client/sync-client.ts";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";
import { createDevice, deviceOptions, network } from "./client-support.ts";
import { cardData, type Data, deviceOf, entity } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

const cards = (more: Data = {}) => [newCard(more)] as unknown as Parameters<SyncClient["publish"]>[0];

/** A network in which something else answers the requests for a path, as often as there are answers. */
function intercepted(path: string, answers: (() => Response)[]): Fetch {
  const send = network(api);
  return request => {
    const answer = new URL(request.url).pathname === path ? answers.shift() : undefined;
    return answer ? Promise.resolve(answer()) : send(request);
  };
}

async function namesOnServer(member: Member): Promise<string[]> {
  const { items } = await deviceOf(api, member).pullAll();
  return items.filter(item => item.entity_type !== "user_profile" && !item.deleted).map(item => item.entity_id);
}

const page = (status: number, headers = {}) => new Response("<h1>Sorry</h1>", { status, headers });
const problem = (status: number, slug: string, more: Data = {}) =>
  Response.json(
    { type: `/problems/${slug}`, title: "", status, detail: "No.", request_id: "1", ...more },
    { status, headers: { "content-type": "application/problem+json" } },
  );

/** Answers of proxies, sign-in pages and servers in trouble, none of which is about the request. */
const STRAYS: [string, () => Response][] = [
  ...[400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 425, 451].map((status): [string, () => Response] => [
    `a page with ${status}`,
    () => page(status),
  ]),
  ["a page with 200", () => page(200)],
  ["other JSON with 200", () => Response.json({ ok: true })],
  ["a redirect", () => page(302, { location: "https://wifi.example/sign-in" })],
  ["another server's problem", () => problem(404, "https://elsewhere.example/x")],
  ["a problem under another status", () => new Response(problem(422, "validation").body, { status: 403 })],
  ["not-found", () => problem(404, "not-found")],
  ["idempotency-in-flight", () => problem(409, "idempotency-in-flight")],
  ["rate-limited", () => problem(429, "rate-limited")],
  ["unavailable", () => problem(503, "unavailable")],
  ["a problem that nobody knows", () => problem(418, "teapot")],
  [
    "validation of something else",
    () => problem(422, "validation", { errors: [{ pointer: "/client_id", detail: "" }] }),
  ],
];

describe("an answer that is not the server's no", () => {
  test.each(STRAYS)("ends no queued card and sets no edit aside: %s", async (_, answer) => {
    const member = await api.register();
    const outcome: unknown[] = [];
    const paths = ["/api/publish", "/api/sync/push", "/api/sync/pull"];
    const strays = new Set(paths);
    const send = network(api);
    const device = createDevice(api, member, {
      fetch: request => (strays.delete(new URL(request.url).pathname) ? Promise.resolve(answer()) : send(request)),
      onFailed: failure => outcome.push(failure),
      onPublishRefused: refusal => outcome.push(refusal),
      onPublished: published => outcome.push(published.cards_published),
    });
    device.publish(cards());
    device.put("settings", "a", { n: 1 });
    for (const _ of paths) {
      expect(await device.sync().catch(error => error.name)).toMatch(/Unreachable|Refused/);
      if (strays.size === 0) break;
    }
    await device.sync();
    expect(strays.size).toBe(0);
    expect(outcome).toEqual([1]);
    expect(await namesOnServer(member)).toHaveLength(2);
  });

  test("is asked again within the same sync, and the key goes nowhere else", async () => {
    const member = await api.register();
    const device = createDevice(api, member, {
      fetch: intercepted(
        "/api/publish",
        [404, 403, 302, 200].map(status => () => page(status)),
      ),
      attemptsMax: 5,
    });
    device.publish(cards());
    await device.sync();
    expect(device.status()).toEqual({ toPush: 0, toPublish: 0, conflicts: 0, failed: 0 });
  });

  test("holds up nothing else where a proxy finds one request too large", async () => {
    const member = await api.register();
    const send = network(api);
    let bytesMax = 20_000;
    const device = createDevice(api, member, {
      fetch: async request => ((await request.clone().text()).length > bytesMax ? page(413) : send(request)),
      attemptsMax: 5,
      pauseMs: 10_000,
    });
    device.publish(cards({ content: "x".repeat(30_000) }));
    device.publish(cards());
    device.put("settings", "large", { text: "x".repeat(30_000) });
    for (let n = 0; n < 200; n++) device.put("settings", `small-${n}`, { text: "y".repeat(200) });
    await expect(device.sync()).rejects.toMatchObject({ name: "Unreachable", status: 413 });
    expect(device.status()).toEqual({ toPush: 1, toPublish: 1, conflicts: 0, failed: 0 });
    bytesMax = 1_000_000;
    await device.sync();
    expect(await namesOnServer(member)).toHaveLength(203);
  });
});

describe("the server's no", () => {
  test("to what the server can't take sets that aside, unless it was edited meanwhile", async () => {
    const member = await api.register();
    const failures: Failure[] = [];
    const send = network(api);
    const device: SyncClient = createDevice(api, member, {
      onFailed: failure => failures.push(failure),
      fetch: async request => {
        if (request.url.endsWith("/push")) {
          const refused = problem(413, "payload-too-large");
          if ((await request.clone().text()).length > 5_000) {
            device.put("settings", "large", { small: "edited during the request" });
            return refused;
          }
        }
        return send(request);
      },
    });
    device.put("settings", "large", { text: "x".repeat(10_000) });
    device.put("settings", "small", { n: 1 });
    await device.sync();
    expect(device.get("settings", "large")).toEqual({ small: "edited during the request" });
    await device.sync();
    expect(failures).toEqual([]);
    expect((await namesOnServer(member)).sort()).toEqual(["large", "small"]);
  });

  test("to an entity that was edited meanwhile is no answer to the edit", async () => {
    const member = await api.register();
    const send = network(api);
    const device: SyncClient = createDevice(api, member, {
      fetch: async request => {
        const response = await send(request);
        if (request.url.endsWith("/push")) device.put("card", id, cardData());
        return response;
      },
    });
    const id = crypto.randomUUID();
    device.put("card", id, cardData({ category: "NONE" }));
    await device.sync();
    await device.sync();
    expect(await namesOnServer(member)).toEqual([id]);
  });

  test.each([
    ["more than fits into a request", { text: "x".repeat(9_000_000) }],
    ["more levels than a request may have", nested(120)],
  ])("is not waited for where it is sure: %s", async (_, data) => {
    const member = await api.register();
    const failures: Failure[] = [];
    const device = createDevice(api, member, { onFailed: failure => failures.push(failure) });
    device.put("settings", "a", data);
    await device.sync();
    expect(failures).toMatchObject([{ entity_type: "settings", entity_id: "a", error: { code: "invalid" } }]);
    expect(device.failures()).toEqual(failures);
    expect(device.get("settings", "a")).toEqual(data);
  });

  test("to the key in the middle of everything loses nothing", async () => {
    const member = await api.register();
    const { body } = await api.call<{ id: string; api_key: string }>("POST", "/api/keys", {
      key: member.key,
      body: { name: "phone" },
    });
    const options = deviceOptions(api, { ...member, key: body.api_key });
    const send = network(api);
    const device = new SyncClient({
      ...options,
      fetch: async request => {
        if (request.url.endsWith("/push")) await api.call("DELETE", `/api/keys/${body.id}`, { key: member.key });
        return send(request);
      },
    });
    device.put("settings", "a", { n: 1 });
    await expect(device.sync()).rejects.toMatchObject({ name: "Refused", status: 401, isKeyDead: true });
    device.publish(cards());
    await expect(device.sync()).rejects.toMatchObject({ status: 401 });
    await device.close();
    const again = new SyncClient({ ...options, apiKey: member.key });
    await again.sync();
    expect(await namesOnServer(member)).toHaveLength(2);
  });

  test("to publishing holds up no sync, and what lacked a scope is tried again with another key", async () => {
    const member = await api.register();
    const { body } = await api.call<{ api_key: string }>("POST", "/api/keys", {
      key: member.key,
      body: { name: "phone", scopes: ["sync"] },
    });
    const options = deviceOptions(api, { ...member, key: body.api_key });
    const device = new SyncClient(options);
    device.publish(cards());
    device.put("settings", "a", { n: 1 });
    device.put("card", crypto.randomUUID(), cardData());
    await expect(device.sync()).rejects.toMatchObject({ name: "Refused", code: "forbidden" });
    expect(device.status()).toEqual({ toPush: 0, toPublish: 1, conflicts: 0, failed: 1 });
    expect(await namesOnServer(member)).toEqual(["a"]);
    await device.close();
    await new SyncClient({ ...options, apiKey: member.key }).sync();
    expect(await namesOnServer(member)).toHaveLength(3);
  });
});

describe("a decision that can't be taken", () => {
  test.each([
    ["too large for the server", { text: "x".repeat(300_000) }, "invalid"],
    ["too large for a request", { text: "x".repeat(9_000_000) }, "invalid"],
  ])("is told, leaves the conflict open, and holds up nothing: %s", async (_, data, code) => {
    const member = await api.register();
    const other = deviceOf(api, member);
    const failures: Failure[] = [];
    const device = createDevice(api, member, {
      onFailed: failure => failures.push(failure),
      onConflict: ({ entity_id }) =>
        entity_id === "a" ? { resolution: "manual", data } : { resolution: "remote_wins" },
    });
    const theirs = createDevice(api, member);
    for (const id of ["a", "b"]) {
      theirs.put("settings", id, { n: 1 });
      device.put("settings", id, { n: 2 });
    }
    await theirs.sync();
    device.put("settings", "c", { n: 2 });
    await device.sync();
    expect(failures).toMatchObject([{ entity_type: "settings", entity_id: "a", error: { code } }]);
    expect(device.get("settings", "a")).toEqual({ n: 2 });
    expect(device.get("settings", "b")).toEqual({ n: 1 });
    expect(device.conflicts()).toMatchObject([{ entity_id: "a", local: { n: 2 }, server: { data: { n: 1 } } }]);
    expect((await other.pullAll()).items.map(item => item.entity_id)).toContain("c");
  });

  test("since it is private never leaves the device", async () => {
    const member = await api.register();
    const bodies: string[] = [];
    const send = network(api);
    const failures: Failure[] = [];
    let decision: Decision;
    const device = createDevice(api, member, {
      onFailed: failure => failures.push(failure),
      onConflict: () => decision,
      fetch: async request => {
        bodies.push(await request.clone().text());
        return send(request);
      },
    });
    const id = crypto.randomUUID();
    await deviceOf(api, member).pushOne(entity("card", id, cardData()));
    device.put("card", id, cardData());
    await device.sync();
    expect(device.conflicts()).toHaveLength(1);
    device.put("card", id, cardData({ privacy_level: "PRIVATE", content: "a diary" }));
    decision = { resolution: "local_wins" };
    await device.sync();
    expect(failures.map(failure => failure.error.code)).toEqual(["private"]);
    expect(bodies.join()).not.toContain("a diary");
    expect(device.get("card", id)).toMatchObject({ content: "a diary" });
  });
});

describe("private text", () => {
  test.each(["PRIVATE", "personal", "", " ideas", "secret"])("is refused before it is queued: %p", async level => {
    const member = await api.register();
    const device = createDevice(api, member);
    const diary = cards({ privacy_level: level, content: "a diary" });
    expect(() => device.publish([...cards(), ...diary])).toThrow(PrivateCards);
    expect(() => device.publish([...cards(), ...diary])).toThrow(expect.objectContaining({ places: [1] }));
    expect(device.status().toPublish).toBe(0);
  });

  test("hidden in a level that is no text stays as well", async () => {
    const member = await api.register();
    const failures: Failure[] = [];
    const device = createDevice(api, member, { onFailed: failure => failures.push(failure) });
    device.put("card", crypto.randomUUID(), cardData({ privacy_level: ["IDEAS"] }));
    await device.sync();
    expect(failures.map(failure => failure.error.code)).toEqual(["private"]);
  });

  test.each([
    ["no cards", () => []],
    ["more than 100", () => Array.from({ length: 101 }, () => cards()).flat()],
    ["more than fits", () => Array.from({ length: 9 }, () => cards({ content: "x".repeat(1_000_000) })).flat()],
  ])("or not, what can't be one request is refused before it is queued: %s", async (_, make) => {
    const device = createDevice(api, await api.register());
    expect(() => device.publish(make())).toThrow(RangeError);
    expect(device.status().toPublish).toBe(0);
  });
});

describe("Retry-After", () => {
  const date = "Sat, 31 Oct 2026 12:00:00 GMT";
  test.each([
    [{}, undefined],
    [{ "retry-after": "2" }, 2_000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "300" }, 300_000],
    [{ "retry-after": "301" }, 300_000],
    [{ "retry-after": "99999999999999999999" }, 300_000],
    [{ "retry-after": "-3" }, undefined],
    [{ "retry-after": "1.5" }, undefined],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "" }, undefined],
    // By the server's clock, whatever the device's says.
    [{ "retry-after": "Sat, 31 Oct 2026 12:00:07 GMT", date }, 7_000],
    [{ "retry-after": "Saturday, 31-Oct-26 12:00:07 GMT", date }, 7_000],
    [{ "retry-after": "Sat Oct 31 12:00:07 2026", date }, 7_000],
    [{ "retry-after": "Sat, 31 Oct 2026 11:00:00 GMT", date }, 0],
    [{ "retry-after": "Sun, 31 Oct 2027 12:00:00 GMT", date }, 300_000],
  ])("of %j is %p ms", (headers, ms) => {
    expect(readRetryAfter(new Headers(headers as Record<string, string>))).toBe(ms as number);
  });

  test("that is longer than a call waits ends the call at once, and says so", async () => {
    const member = await api.register();
    let requests = 0;
    const device = createDevice(api, member, {
      attemptsMax: 5,
      fetch: async () => {
        requests++;
        return page(503, { "retry-after": "3600" });
      },
    });
    const error = await device.sync().catch(thrown => thrown);
    expect(error).toBeInstanceOf(Unreachable);
    expect(error).toMatchObject({ status: 503, retryAfterMs: 300_000 });
    expect(requests).toBe(1);
  });
});

function nested(levels: number): Data {
  return levels === 0 ? { n: 1 } : { a: nested(levels - 1) };
}
