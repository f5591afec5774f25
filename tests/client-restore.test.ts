// The reference client where the server is not the one it was: taken back to an earlier state, or another account's by the key.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Fetch } from "../src/client/api.ts";
import { type Conflict, OtherAccount, SyncClient, type SyncOptions } from "../src/client/sync-client.ts";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";
import { deviceOptions, type Fault, network } from "./client-support.ts";
import { backUp } from "./restore-support.ts";
import { cardData, deviceOf, entity } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

const cards = () => [newCard()] as unknown as Parameters<SyncClient["publish"]>[0];

async function settingsOn(server: Api, member: Member): Promise<Record<string, unknown>> {
  const { items } = await deviceOf(server, member).pullAll();
  const settings = items.filter(item => item.entity_type === "settings" && !item.deleted);
  return Object.fromEntries(settings.map(item => [item.entity_id, item.data?.n]));
}

const settingsOf = (device: SyncClient) =>
  Object.fromEntries(device.list("settings").map(({ entity_id, data }) => [entity_id, data.n]));

describe("a server that was taken back to an earlier state", () => {
  test("gets back what it lost, and no deletion is undone, whatever breaks in between", async () => {
    const before = await createApi();
    const member = await before.register();
    let server = before;
    const plan: (Fault | undefined)[] = [];
    const fetch: Fetch = request => network(server, plan)(request);
    const conflicts: Conflict[] = [];
    const options: SyncOptions = deviceOptions(before, member, {
      fetch,
      onConflict: conflict => {
        conflicts.push(conflict);
        return { resolution: conflict.isEdited ? "local_wins" : "remote_wins" };
      },
    });
    let laptop = new SyncClient(options);
    const phone = new SyncClient({ ...options, file: ":memory:" });
    const names = [
      "kept",
      "deleted",
      "deleted later",
      "changed",
      "lost",
      "lost and edited",
      "edited",
      "removed",
      "contested",
    ];
    for (const id of names) laptop.put("settings", id, { n: 1 });
    for (const device of [laptop, phone]) await device.sync();
    // The laptop does not hear of these.
    phone.remove("settings", "deleted");
    for (const id of ["changed", "edited"]) phone.put("settings", id, { n: 2 });
    phone.put("settings", "latest", { n: 1 });
    await phone.sync();
    const restore = await backUp(before);
    const lost = new SyncClient({ ...options, file: ":memory:" });
    await lost.sync();
    for (const id of ["new", "lost", "lost and edited", "contested"]) lost.put("settings", id, { n: 2 });
    lost.remove("settings", "deleted later");
    await lost.sync();
    lost.put("settings", "lost and edited", { n: 3 });
    laptop.put("settings", "edited", { n: 4 });
    laptop.remove("settings", "removed");

    server = await restore();
    for (const step of [
      ["answer-lost"],
      [undefined, "answer-cut"],
      [undefined, undefined, "answer-lost"],
    ] as Fault[][]) {
      plan.splice(0, plan.length, ...step);
      await laptop.sync().catch(error => expect(error).toMatchObject({ name: "Unreachable" }));
      await laptop.close();
      laptop = new SyncClient(options);
    }
    plan.length = 0;
    phone.put("settings", "contested", { n: 5 });
    for (const device of [laptop, phone, lost, phone, laptop]) await device.sync();
    const ones = { kept: 1, "deleted later": 1, latest: 1 };
    const expected = { ...ones, changed: 2, lost: 2, "lost and edited": 3, edited: 4, new: 2, contested: 5 };
    expect(await settingsOn(server, member)).toEqual(expected);
    for (const device of [laptop, lost, phone]) {
      expect(settingsOf(device)).toEqual(expected);
      expect(device.status()).toEqual({ toPush: 0, toPublish: 0, conflicts: 0, failed: 0 });
    }
    expect(conflicts).toMatchObject([
      { entity_id: "edited", isEdited: true, local: { n: 4 }, server: { data: { n: 2 } } },
      // Lost, and written anew over what was before it by a device that had not seen it.
      { entity_id: "contested", isEdited: false, local: { n: 2 }, server: { data: { n: 5 } } },
    ]);
  });

  test("between a pull and a push is noticed before anything is pushed", async () => {
    const member = await api.register();
    const send = network(api);
    const requests: string[] = [];
    const options = deviceOptions(api, member, {
      fetch: async request => {
        requests.push(new URL(request.url).pathname.slice("/api/sync/".length));
        if (requests.at(-1) === "push" && requests.length === 2) await api.sql`SELECT renew_sync_epoch()`;
        return send(request);
      },
    });
    const device = new SyncClient(options);
    device.put("settings", "a", { n: 1 });
    await device.sync();
    expect(requests).toEqual(["pull", "push", "pull", "pull", "push", "pull"]);
    expect(await settingsOn(api, member)).toEqual({ a: 1 });
    expect(device.status()).toEqual({ toPush: 0, toPublish: 0, conflicts: 0, failed: 0 });
  });
});

describe("a key of another account", () => {
  async function setUp() {
    const [one, two] = [await api.register(), await api.register()];
    const paths: string[] = [];
    const send = network(api);
    const options = deviceOptions(api, one, {
      fetch: request => {
        paths.push(`${request.method} ${new URL(request.url).pathname}`);
        return send(request);
      },
    });
    const device = new SyncClient(options);
    device.put("settings", "a", { n: 1 });
    device.put("settings", "gone", { n: 1 });
    await device.sync();
    device.put("settings", "b", { n: 2 });
    device.remove("settings", "gone");
    device.put("card", crypto.randomUUID(), cardData());
    device.publish(cards());
    await device.close();
    paths.length = 0;
    return { one, two, paths, options, other: new SyncClient({ ...options, apiKey: two.key }) };
  }

  test("gets nothing of this one, by sync or by follow, and the right key goes on", async () => {
    const { one, two, paths, options, other } = await setUp();
    await expect(other.sync()).rejects.toBeInstanceOf(OtherAccount);
    await expect(other.follow({ signal: new AbortController().signal })).rejects.toBeInstanceOf(OtherAccount);
    expect(paths.filter(path => path.startsWith("POST"))).toEqual([]);
    expect(other.status()).toMatchObject({ toPush: 3, toPublish: 1 });
    expect((await deviceOf(api, two).pullAll()).items).toHaveLength(1);
    await other.close();
    await new SyncClient(options).sync();
    expect(await settingsOn(api, one)).toEqual({ a: 1, b: 2 });
    expect((await deviceOf(api, one).pullAll()).items.filter(item => item.entity_type === "card")).toHaveLength(2);
  });

  test("begins with nothing where the app says so", async () => {
    const { two, other } = await setUp();
    await deviceOf(api, two).pushOne(entity("settings", "theirs", { n: 9 }));
    await other.sync().catch(() => {});
    await other.switchAccount("discard");
    await other.sync();
    expect(settingsOf(other)).toEqual({ theirs: 9 });
    expect(other.status()).toEqual({ toPush: 0, toPublish: 0, conflicts: 0, failed: 0 });
    expect(await settingsOn(api, two)).toEqual({ theirs: 9 });
  });

  test("is offered everything where the app says so", async () => {
    const { two, other } = await setUp();
    await other.sync().catch(() => {});
    await other.switchAccount("carry-over");
    await other.sync();
    expect(await settingsOn(api, two)).toEqual({ a: 1, b: 2 });
    expect((await deviceOf(api, two).pullAll()).items.filter(item => item.entity_type === "card")).toHaveLength(2);
    expect(other.status().toPublish).toBe(0);
  });
});
