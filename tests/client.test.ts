// The reference client: what a Writer on several devices can rely on, whatever the network and the processes do.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Refused, Unreachable } from "../src/client/errors.ts";
import { type Conflict, type Decision, SyncClient } from "../src/client/sync-client.ts";
import { type Api, createApi, newCard } from "./api-support.ts";
import { createDevice, deviceOptions, type Fault, network } from "./client-support.ts";
import { cardData, type Data, deviceOf } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

async function setUp(decide: (conflict: Conflict) => Decision = () => undefined) {
  const member = await api.register();
  const conflicts: Conflict[] = [];
  const onConflict = (conflict: Conflict) => {
    conflicts.push(conflict);
    return decide(conflict);
  };
  const laptop = createDevice(api, member, { onConflict });
  const phone = createDevice(api, member, { onConflict });
  return { member, laptop, phone, conflicts };
}

const cards = () => [newCard()] as unknown as Parameters<SyncClient["publish"]>[0];

describe("two devices", () => {
  test("have the same after each has synced, deletions and cards of other calls included", async () => {
    const { member, laptop, phone } = await setUp();
    const changes: unknown[] = [];
    const tablet = createDevice(api, member, { onChange: ({ entity_id, data }) => changes.push([entity_id, data]) });
    const id = crypto.randomUUID();
    const card = cardData();
    laptop.put("settings", "editor", { theme: "dark" });
    laptop.put("session", "s", { open: true });
    laptop.put("card", id, card);
    await laptop.sync();
    await phone.sync();
    expect(phone.list("settings")).toEqual([{ entity_id: "editor", data: { theme: "dark" } }]);
    expect(phone.get("card", id)).toEqual(card);
    phone.remove("session", "s");
    phone.put("card", id, { ...card, title: "From the phone" });
    await phone.sync();
    const published = await api.publishCard(member.key);
    await laptop.sync();
    expect(laptop.get("session", "s")).toBeUndefined();
    expect(laptop.get("card", id)).toMatchObject({ title: "From the phone" });
    expect(laptop.get("card", published.id)).toMatchObject({ privacy_level: "IDEAS" });
    expect(laptop.get("user_profile", "me")).toMatchObject({ bio: null });
    await tablet.sync();
    expect(changes).toHaveLength(4);
  });

  test("are told what both have changed, and keep their own until it is decided", async () => {
    let decision: Decision;
    const { laptop, phone, conflicts } = await setUp(() => decision);
    laptop.put("settings", "a", { n: 0 });
    await laptop.sync();
    await phone.sync();
    laptop.put("settings", "a", { n: 1 });
    await laptop.sync();
    phone.put("settings", "a", { n: 2 });
    for (let times = 1; times <= 3; times++) {
      await phone.sync();
      expect(conflicts).toHaveLength(times);
      expect(conflicts.at(-1)).toMatchObject({
        entity_type: "settings",
        entity_id: "a",
        local: { n: 2 },
        server: { data: { n: 1 }, deleted: false },
      });
      expect(phone.get("settings", "a")).toEqual({ n: 2 });
    }
    decision = { resolution: "manual", data: { n: 12 } };
    await phone.sync();
    await laptop.sync();
    for (const device of [phone, laptop]) expect(device.get("settings", "a")).toEqual({ n: 12 });
  });

  test.each([
    ["local_wins", { n: 2 }],
    ["remote_wins", { n: 1 }],
  ] as const)("agree after a decision: %s", async (resolution, data) => {
    const { laptop, phone } = await setUp(() => ({ resolution }));
    laptop.put("settings", "a", { n: 1 });
    phone.put("settings", "a", { n: 2 });
    for (const device of [laptop, phone, laptop]) await device.sync();
    for (const device of [phone, laptop]) expect(device.get("settings", "a")).toEqual(data);
  });

  test("never bring back what was deleted: the one that was away is asked", async () => {
    const { laptop, phone, conflicts } = await setUp(() => ({ resolution: "remote_wins" }));
    laptop.put("settings", "a", { n: 1 });
    await laptop.sync();
    await phone.sync();
    laptop.remove("settings", "a");
    await laptop.sync();
    phone.put("settings", "a", { n: 2 });
    await phone.sync();
    expect(conflicts).toMatchObject([{ local: { n: 2 }, server: { deleted: true, data: null } }]);
    expect(phone.get("settings", "a")).toBeUndefined();
  });

  test("lose no edit that is made while a sync is under way", async () => {
    const { member, laptop } = await setUp();
    const send = network(api);
    const phone: SyncClient = createDevice(api, member, {
      fetch: async request => {
        if (request.url.endsWith("/push")) phone.put("settings", "a", { n: 2 });
        return send(request);
      },
    });
    phone.put("settings", "a", { n: 1 });
    await phone.sync();
    await laptop.sync();
    expect(laptop.get("settings", "a")).toEqual({ n: 1 });
    expect(phone.get("settings", "a")).toEqual({ n: 2 });
    await phone.sync();
    await laptop.sync();
    expect(laptop.get("settings", "a")).toEqual({ n: 2 });
  });
});

describe("a bad network", () => {
  const faults: Fault[] = ["request-lost", "answer-lost", "answer-cut"];

  test.each(faults)("delays and loses nothing, and publishes nothing twice: %s", async fault => {
    const { member, laptop } = await setUp();
    const answers: unknown[] = [];
    const plan: (Fault | undefined)[] = [];
    const phone = createDevice(api, member, {
      fetch: network(api, plan),
      onPublished: answer => answers.push(answer.cards_published),
    });
    phone.publish(cards());
    phone.put("settings", "a", { n: 1 });
    for (const step of [[fault], [undefined, fault], [undefined, undefined, fault], []]) {
      plan.splice(0, plan.length, ...step);
      await phone.sync().catch(error => expect(error).toBeInstanceOf(Unreachable));
    }
    plan.length = 0;
    await phone.sync();
    await laptop.sync();
    expect(laptop.get("settings", "a")).toEqual({ n: 1 });
    expect(answers).toEqual([1]);
    expect((await api.call("GET", "/api/balance", { key: member.key })).body.balance).toBe("11.00");
    expect(laptop.list("card")).toHaveLength(1);
  });

  test("is tried several times before it is given up, and refusals are not", async () => {
    const { member } = await setUp();
    const plan: (Fault | undefined)[] = ["request-lost", "answer-lost", "answer-cut", "request-lost"];
    const options = deviceOptions(api, member, { fetch: network(api, plan), attemptsMax: 5 });
    await new SyncClient(options).sync();
    expect(plan).toEqual([]);
    let requests = 0;
    const send = network(api);
    const stranger = createDevice(
      api,
      { ...member, key: "nonsense" },
      {
        attemptsMax: 5,
        fetch: request => {
          requests++;
          return send(request);
        },
      },
    );
    expect(stranger.sync()).rejects.toMatchObject({ name: "Refused", status: 401 });
    await stranger.sync().catch(() => {});
    expect(requests).toBe(2);
  });

  test("that says when to come back is listened to", async () => {
    const { member } = await setUp();
    const send = network(api);
    const times: number[] = [];
    const device = createDevice(api, member, {
      attemptsMax: 2,
      fetch: async request => {
        times.push(performance.now());
        return times.length === 1
          ? new Response(null, { status: 503, headers: { "retry-after": "1" } })
          : send(request);
      },
    });
    await device.sync();
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(950);
  });
});

describe("an answer that was lost, while another device went on", () => {
  test.each([
    ["changed it back", { n: 1 }],
    ["deleted it", undefined],
    ["changed it further", { n: 3 }],
  ])("undoes nothing of that: it %s", async (_, theirs) => {
    const { member, laptop, phone, conflicts } = await setUp();
    const plan: (Fault | undefined)[] = [];
    const changes: unknown[] = [];
    const tablet = createDevice(api, member, {
      fetch: network(api, plan),
      onConflict: conflict => void conflicts.push(conflict),
      onChange: ({ entity_id, data }) => entity_id === "a" && changes.push(data),
    });
    laptop.put("settings", "a", { n: 1 });
    for (const device of [laptop, phone, tablet]) await device.sync();
    changes.length = 0;
    tablet.put("settings", "a", { n: 2 });
    plan.push(undefined, "answer-lost");
    await expect(tablet.sync()).rejects.toBeInstanceOf(Unreachable);
    await laptop.sync();
    if (theirs) laptop.put("settings", "a", theirs);
    else laptop.remove("settings", "a");
    await laptop.sync();
    for (const device of [tablet, phone]) await device.sync();
    for (const device of [laptop, phone, tablet]) expect(device.get("settings", "a")).toEqual(theirs as Data);
    expect(changes).toEqual([theirs ?? null]);
    expect(conflicts).toEqual([]);
  });

  test("asks about what was edited once more meanwhile", async () => {
    const { member, laptop, conflicts } = await setUp(() => ({ resolution: "local_wins" }));
    const plan: (Fault | undefined)[] = [];
    const send = network(api, plan);
    const phone: SyncClient = createDevice(api, member, {
      onConflict: conflict => {
        conflicts.push(conflict);
        return { resolution: "local_wins" };
      },
      fetch: async request => {
        if (request.url.endsWith("/push") && isRetry) phone.put("settings", "a", { n: 3 });
        return send(request);
      },
    });
    let isRetry = false;
    phone.put("settings", "a", { n: 1 });
    plan.push(undefined, "answer-lost");
    await expect(phone.sync()).rejects.toBeInstanceOf(Unreachable);
    await laptop.sync();
    laptop.put("settings", "a", { n: 2 });
    await laptop.sync();
    isRetry = true;
    await phone.sync();
    isRetry = false;
    await phone.sync();
    await laptop.sync();
    expect(conflicts).toMatchObject([{ local: { n: 3 }, server: { data: { n: 2 } } }]);
    expect(laptop.get("settings", "a")).toEqual({ n: 3 });
  });
});

describe("what a device remembers", () => {
  test("survives a restart: edits, queued cards, its name and where it was", async () => {
    const { member } = await setUp();
    const options = deviceOptions(api, member);
    const before = new SyncClient(options);
    before.put("settings", "a", { n: 1 });
    await before.sync();
    before.put("settings", "b", { n: 2 });
    before.publish(cards());
    // Not closed: the process was killed.
    const after = new SyncClient(options);
    expect(after.clientId).toBe(before.clientId);
    expect(after.get("settings", "b")).toEqual({ n: 2 });
    await after.sync();
    const { items } = await deviceOf(api, member).pullAll();
    expect(items.map(item => item.entity_type).sort()).toEqual(["card", "settings", "settings", "user_profile"]);
    expect(items.find(item => item.entity_id === "b")?.client_id).toBe(after.clientId);
  });
});

describe("what the server does not take", () => {
  test("is reported once, and pushed again when it was edited", async () => {
    const { member } = await setUp();
    const failures: string[] = [];
    const device = createDevice(api, member, { onFailed: ({ error }) => failures.push(error.code) });
    const id = crypto.randomUUID();
    device.put("card", id, cardData({ category: "NONE" }));
    device.put("settings", "deep", nested(120));
    device.put("settings", "fine", { n: 1 });
    await device.sync();
    await device.sync();
    expect(failures.sort()).toEqual(["invalid", "invalid"]);
    device.put("card", id, cardData());
    await device.sync();
    const { items } = await deviceOf(api, member).pullAll();
    expect(items.map(item => item.entity_type).sort()).toEqual(["card", "settings", "user_profile"]);
  });

  test("and is private does not even leave the device", async () => {
    const { member } = await setUp();
    const bodies: string[] = [];
    const send = network(api);
    const failures: string[] = [];
    const device = createDevice(api, member, {
      onFailed: ({ error }) => failures.push(error.code),
      fetch: async request => {
        bodies.push(await request.clone().text());
        return send(request);
      },
    });
    const data = cardData({ privacy_level: "PERSONAL" });
    device.put("card", crypto.randomUUID(), data);
    await device.sync();
    expect(failures).toEqual(["private"]);
    expect(bodies.join()).not.toContain(String(data.content));
  });

  test("of cards to publish is given back, and does not hold up the others", async () => {
    const { member } = await setUp();
    const outcome: unknown[] = [];
    const device = createDevice(api, member, {
      onPublishRefused: (refusal: Refused) => outcome.push(refusal.status),
      onPublished: answer => outcome.push(answer.cards_published),
    });
    device.publish([{ content: " ", privacy_level: "IDEAS" }]);
    device.publish(cards());
    await device.sync();
    expect(outcome).toEqual([422, 1]);
  });

  const nested = (levels: number): Data => (levels === 0 ? { n: 1 } : { a: nested(levels - 1) });
});

describe("pushing much", () => {
  test("takes as many requests as it needs, none of them large", async () => {
    const { member, laptop } = await setUp();
    const pushes: { entities: number; bytes: number }[] = [];
    const send = network(api);
    const phone = createDevice(api, member, {
      file: ":memory:",
      fetch: async request => {
        const text = await request.clone().text();
        if (request.url.endsWith("/push")) {
          pushes.push({ entities: JSON.parse(text).entities.length, bytes: Buffer.byteLength(text) });
        }
        return send(request);
      },
    });
    for (let n = 0; n < 1_600; n++) phone.put("session", `small-${n}`, { n });
    for (let n = 0; n < 6; n++) phone.put("session", `large-${n}`, { text: "x".repeat(250_000) });
    await phone.sync();
    expect(Math.max(...pushes.map(push => push.entities))).toBe(500);
    expect(Math.max(...pushes.map(push => push.bytes))).toBeLessThan(1_000_000);
    expect(pushes.length).toBeLessThan(8);
    expect(phone.status().toPush).toBe(0);
    await laptop.sync();
    expect(laptop.list("session")).toHaveLength(1_606);
  });
});
