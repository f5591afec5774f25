// What is no conflict, though a device edits: where both sides come to have the same, nobody is asked, and the server is
// told, so that who looks after devices finds none that nobody can resolve; what was deleted can be made anew; and the
// text of one card can become another one's.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { SyncClient } from "../src/client/sync-client.ts";
import { type Api, createApi, type Member } from "./api-support.ts";
import { createDevice, type Fault, network } from "./client-support.ts";
import { cardData, type Data } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

/** Two devices that have the same card, the phone's network, and what the phone was asked. */
async function setUp() {
  const member = await api.register();
  const faults: (Fault | undefined)[] = [];
  const asked: unknown[] = [];
  const id = crypto.randomUUID();
  const card = cardData();
  const laptop = createDevice(api, member);
  const phone = createDevice(api, member, {
    fetch: network(api, faults),
    onConflict: conflict => void asked.push(conflict),
  });
  laptop.put("card", id, card);
  await laptop.sync();
  await phone.sync();
  return { member, laptop, phone, faults, asked, id, card };
}

async function openConflicts({ key }: Member): Promise<unknown[]> {
  const { body } = await api.call<{ items: unknown[] }>("GET", "/api/sync/state?status=conflict", { key });
  return body.items;
}

type Edit = (device: SyncClient, id: string, card: Data) => void;
const edits: [string, Edit][] = [
  ["deletion", (device, id) => device.remove("card", id)],
  ["change", (device, id, card) => device.put("card", id, { ...card, title: "Alike" })],
];

describe("a conflict of two that come to have the same", () => {
  test.each(edits)("is over for everybody once the device has pulled: %s", async (_name, edit) => {
    const { member, laptop, phone, asked, id, card } = await setUp();
    laptop.put("card", id, { ...card, title: "Of the laptop" });
    await laptop.sync();
    edit(phone, id, card);
    await phone.sync();
    expect(asked).toHaveLength(1);
    expect(await openConflicts(member)).toHaveLength(1);
    edit(laptop, id, card);
    await laptop.sync();
    await phone.sync();
    expect(asked).toHaveLength(1);
    expect(phone.status()).toEqual({ toPush: 0, toPublish: 0, conflicts: 0, failed: 0 });
    expect(await openConflicts(member)).toEqual([]);
    expect(phone.get("card", id)).toEqual(laptop.get("card", id));
  });

  test.each(edits)("is over though the device never heard of it: %s", async (_name, edit) => {
    const { member, laptop, phone, faults, asked, id, card } = await setUp();
    edit(phone, id, card);
    laptop.put("card", id, { ...card, title: "Of the laptop" });
    await laptop.sync();
    faults.push(undefined, "answer-lost");
    await expect(phone.sync()).rejects.toMatchObject({ name: "Unreachable" });
    expect(await openConflicts(member)).toHaveLength(1);
    edit(laptop, id, card);
    await laptop.sync();
    await phone.sync();
    expect(asked).toEqual([]);
    expect(await openConflicts(member)).toEqual([]);
  });

  test("is over where the device's own edit becomes what the server has", async () => {
    const { member, laptop, phone, asked, id, card } = await setUp();
    laptop.put("card", id, { ...card, title: "Of the laptop" });
    await laptop.sync();
    phone.put("card", id, { ...card, title: "Of the phone" });
    await phone.sync();
    expect(asked).toHaveLength(1);
    phone.put("card", id, { ...card, title: "Of the laptop" });
    expect(phone.conflicts()).toEqual([]);
    await phone.sync();
    expect(asked).toHaveLength(1);
    expect(await openConflicts(member)).toEqual([]);
  });
});

describe("what was deleted", () => {
  test.each([
    ["settings", { n: 1 }, { n: 2 }],
    ["card", cardData(), cardData()],
  ] as const)("is made anew by whoever saw that, and nobody is asked: %s", async (type, before, after) => {
    const { member, laptop, phone, asked } = await setUp();
    const id = crypto.randomUUID();
    laptop.put(type, id, before);
    await laptop.sync();
    laptop.remove(type, id);
    await laptop.sync();
    const tablet = createDevice(api, member, { onConflict: conflict => void asked.push(conflict) });
    for (const device of [laptop, phone, tablet]) {
      await device.sync();
      device.put(type, id, after);
      await device.sync();
      expect(asked).toEqual([]);
      expect(device.status()).toEqual({ toPush: 0, toPublish: 0, conflicts: 0, failed: 0 });
      device.remove(type, id);
      await device.sync();
      expect(device.list(type).map(({ entity_id }) => entity_id)).not.toContain(id);
      // There is nothing left to delete.
      device.remove(type, id);
      expect(device.status().toPush).toBe(0);
    }
  });

  test("is still a conflict with what somebody makes who never heard of it", async () => {
    const { laptop, phone, asked } = await setUp();
    laptop.put("settings", "a", { n: 1 });
    await laptop.sync();
    laptop.remove("settings", "a");
    await laptop.sync();
    phone.put("settings", "a", { n: 2 });
    await phone.sync();
    expect(asked).toMatchObject([{ local: { n: 2 }, server: { deleted: true } }]);
  });
});

describe("a text that one card gives up for another one", () => {
  test("moves, though both were edited before a sync", async () => {
    const { member, laptop, id, card } = await setUp();
    const failures: unknown[] = [];
    const phone = createDevice(api, member, { onFailed: ({ entity_id }) => failures.push(entity_id) });
    await phone.sync();
    const other = crypto.randomUUID();
    phone.put("card", id, { ...card, content: "Rewritten" });
    phone.put("card", other, card);
    await phone.sync();
    await phone.sync();
    expect(failures).toEqual([]);
    expect(phone.status()).toEqual({ toPush: 0, toPublish: 0, conflicts: 0, failed: 0 });
    await laptop.sync();
    expect(laptop.get("card", other)).toEqual(card);
    expect(laptop.get("card", id)).toMatchObject({ content: "Rewritten" });
  });

  test("stays where it is if the card was withdrawn, and the other one is set aside", async () => {
    const { member, id, card } = await setUp();
    const failures: unknown[] = [];
    const phone = createDevice(api, member, { onFailed: ({ error }) => failures.push(error) });
    await phone.sync();
    phone.remove("card", id);
    phone.put("card", crypto.randomUUID(), card);
    for (let times = 0; times < 3; times++) await phone.sync();
    expect(failures).toMatchObject([{ code: "duplicate-card", card_id: id }]);
    expect(phone.status()).toMatchObject({ toPush: 0, failed: 1 });
  });
});
