// Versions that look alike: A, B, and A again. A device that says by number which version it saw covers nothing that came
// since, and a push whose answer was lost is known again.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi, newCard } from "./api-support.ts";
import {
  cardData,
  checksumOf,
  type Data,
  deletion,
  type deviceOf,
  type Entity,
  entity,
  type Result,
  setUpDevices,
} from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

/** An entity over the version that a result or an item names. */
const over = (seen: { revision?: number } | undefined, one: Entity): Entity => ({
  ...one,
  base_revision: seen?.revision ?? 0,
});

const [A, B, C] = [{ n: "A" }, { n: "B" }, { n: "C" }];
const [sumA, sumB] = [checksumOf(A), checksumOf(B)];

describe("a revision", () => {
  test("is told with every version: of results, conflicts, items and states", async () => {
    const { member, laptop, phone } = await setUpDevices(api);
    const id = crypto.randomUUID();
    const data = cardData();
    const profile = { display_name: "Mira", bio: null, avatar_url: null, profile_url: null };
    const { items: before } = await laptop.pullAll();
    const { body } = await laptop.push([
      over(undefined, entity("settings", "a", A)),
      over(undefined, entity("card", id, data)),
      over(before[0], entity("user_profile", "me", profile, before[0]?.checksum)),
      over(undefined, deletion("session", "never-there", null)),
    ]);
    expect(body.results.map(result => result.sync_status)).toEqual(["synced", "synced", "synced", "synced"]);
    expect(body.results[3]?.revision).toBe(0);
    const { items } = await phone.pullAll();
    for (const result of body.results.slice(0, 3)) {
      const item = items.find(one => one.entity_id === result.entity_id);
      expect(item?.revision).toBe(result.revision as number);
      expect(result.revision).toBeGreaterThan(before[0]?.revision ?? 0);
    }
    expect(items.map(item => item.revision)).toEqual(items.map(item => item.revision).toSorted((a, b) => a - b));
    const told = await phone.pushOne(entity("settings", "a", B));
    expect(told.server).toEqual({
      checksum: sumA,
      revision: body.results[0]?.revision as number,
      data: A,
      deleted: false,
    });
    expect((await phone.states()).body.items[0]).toMatchObject({ remote_revision: body.results[0]?.revision });
    const gone = await laptop.pushOne(over(body.results[1], deletion("card", id, checksumOf(data))));
    expect((await phone.pullAll()).items.at(-1)).toMatchObject({
      entity_id: id,
      revision: gone.revision,
      deleted: true,
    });
    const published = await api.publish(member.key, [newCard()], { client_id: laptop.client_id });
    const item = (await laptop.pullAll()).items.at(-1);
    expect(item?.entity_id).toBe(published.body.cards[0]?.id ?? "");
    expect((await laptop.states()).body.items[0]).toMatchObject({ remote_revision: item?.revision });
  });

  test("is not needed: without it the checksum alone decides", async () => {
    const { laptop, phone } = await setUpDevices(api);
    await laptop.pushOne(entity("settings", "a", A));
    await phone.pushOne(entity("settings", "a", B, sumA));
    await phone.pushOne(entity("settings", "a", A, sumB));
    expect(await laptop.pushOne(entity("settings", "a", C, sumA))).toMatchObject({ sync_status: "synced" });
  });

  test("counts together with the checksum: either one that differs is a conflict", async () => {
    const { laptop, phone } = await setUpDevices(api);
    const first = await laptop.pushOne(entity("settings", "a", A));
    for (const [base, base_revision] of [
      [sumA, 0],
      [sumA, (first.revision ?? 0) + 1],
      [sumB, first.revision],
      [null, first.revision],
      [null, 0],
    ]) {
      const one = { ...entity("settings", "a", C, base as string | null), base_revision };
      expect(await phone.pushOne(one)).toMatchObject({ sync_status: "conflict", server: { revision: first.revision } });
    }
    expect(await phone.pushOne(over(first, entity("settings", "a", C, sumA)))).toMatchObject({ sync_status: "synced" });
  });

  test.each([-1, 1.5, "1", null, 2 ** 53])("is a whole number: %j is not", async base_revision => {
    const { laptop } = await setUpDevices(api);
    const { status, body } = await laptop.push([{ ...entity("settings", "a", A), base_revision }]);
    expect([status, body.errors?.[0]?.pointer]).toEqual([422, "/entities/0/base_revision"]);
  });
});

/** A device pushes, and its answer is lost; then others do as `meanwhile` says, and it pushes the same again. */
async function retryAfter(
  one: Entity,
  base: Result | undefined,
  meanwhile: (done: Result, phone: ReturnType<typeof deviceOf>) => Promise<unknown>,
  setUpBase = true,
) {
  const { member, laptop, phone } = await setUpDevices(api);
  const first = setUpBase ? await laptop.pushOne(entity("settings", "a", A)) : base;
  const sent = over(first, one);
  const lost = await laptop.pushOne(sent);
  expect(lost.sync_status).toBe("synced");
  await meanwhile(lost, phone);
  const again = await laptop.pushOne(sent);
  const current = (await phone.pullAll()).items.find(item => item.entity_type === "settings");
  return { member, laptop, phone, sent, lost, again, current };
}

describe("a push whose answer was lost, sent again", () => {
  test("is done, and brings what others made of it since: A, B, A", async () => {
    const { laptop, sent, again, current } = await retryAfter(
      entity("settings", "a", B, sumA),
      undefined,
      (done, phone) => phone.pushOne(over(done, entity("settings", "a", A, sumB))),
    );
    expect(again).toEqual({
      entity_type: "settings",
      entity_id: "a",
      sync_status: "synced",
      checksum: sumA,
      revision: current?.revision as number,
      server: { checksum: sumA, revision: current?.revision as number, data: A, deleted: false },
    });
    expect(current?.data).toEqual(A);
    // Its answer may get lost once more.
    expect(await laptop.pushOne(sent)).toEqual(again);
    expect((await laptop.states({ status: "conflict" })).body.items).toEqual([]);
  });

  test("does not bring back what was deleted since", async () => {
    const created = await retryAfter(
      entity("settings", "a", B),
      undefined,
      (done, phone) => phone.pushOne(over(done, deletion("settings", "a", sumB))),
      false,
    );
    const gone = { checksum: null, data: null, deleted: true };
    expect(created.again).toMatchObject({ sync_status: "synced", checksum: null, server: gone });
    expect(created.current).toMatchObject({ deleted: true });
    const changed = await retryAfter(entity("settings", "a", B, sumA), undefined, async (done, phone) => {
      const deleted = await phone.pushOne(over(done, deletion("settings", "a", sumB)));
      await phone.pushOne(over(deleted, entity("settings", "a", A)));
    });
    expect(changed.again).toMatchObject({ sync_status: "synced", server: { data: A } });
  });

  test("does not delete again what was made anew since", async () => {
    const { again, current } = await retryAfter(deletion("settings", "a", sumA), undefined, (done, phone) =>
      phone.pushOne(over(done, entity("settings", "a", A))),
    );
    expect(again).toMatchObject({ sync_status: "synced", server: { data: A } });
    expect(current).toMatchObject({ deleted: false, data: A });
  });

  test("does not publish a card again that was withdrawn since", async () => {
    const { member, laptop, phone } = await setUpDevices(api);
    const id = crypto.randomUUID();
    const data = cardData();
    const sent = over(undefined, entity("card", id, data));
    const lost = await laptop.pushOne(sent);
    await phone.pushOne(over(lost, deletion("card", id, checksumOf(data))));
    expect(await laptop.pushOne(sent)).toMatchObject({ sync_status: "synced", server: { deleted: true } });
    expect((await api.call("GET", `/api/cards/${id}`, { key: member.key })).status).toBe(410);
    // Not even one that another call withdrew; but somebody who saw that may bring it back.
    expect(await phone.pushOne(sent)).toMatchObject({ sync_status: "conflict", server: { deleted: true } });
    const item = (await phone.pullAll()).items.at(-1);
    expect(await phone.pushOne(over(item, entity("card", id, data)))).toMatchObject({ sync_status: "synced" });
  });

  test("does not turn the profile back", async () => {
    const { member, laptop, phone } = await setUpDevices(api);
    const profile = (bio: string | null): Data => ({ display_name: null, bio, avatar_url: null, profile_url: null });
    const [item] = (await laptop.pullAll()).items;
    const sent = over(item, entity("user_profile", "me", profile("B"), item?.checksum));
    const lost = await laptop.pushOne(sent);
    await phone.pushOne(over(lost, entity("user_profile", "me", profile(null), checksumOf(profile("B")))));
    expect(await laptop.pushOne(sent)).toMatchObject({ sync_status: "synced", server: { data: profile(null) } });
    expect((await api.call("GET", "/api/me", { key: member.key })).body.bio).toBeNull();
  });

  test("of another device, or with other data, is a conflict like any other", async () => {
    const { phone, laptop, sent, current } = await retryAfter(
      entity("settings", "a", B, sumA),
      undefined,
      (done, other) => other.pushOne(over(done, entity("settings", "a", A, sumB))),
    );
    const conflict = { sync_status: "conflict", server: { data: A, revision: current?.revision as number } };
    expect(await phone.pushOne(sent)).toMatchObject(conflict);
    expect(await laptop.pushOne({ ...sent, ...entity("settings", "a", C, sumA) })).toMatchObject(conflict);
  });

  test("is recognised only as the last thing that the device was in step by", async () => {
    const { laptop } = await setUpDevices(api);
    const first = await laptop.pushOne(over(undefined, entity("settings", "a", A)));
    const early = over(first, entity("settings", "a", B, sumA));
    const second = await laptop.pushOne(early);
    const third = await laptop.pushOne(over(second, entity("settings", "a", C, sumB)));
    // A packet that was delayed for long: it changes nothing, and is told what there is.
    expect(await laptop.pushOne(early)).toMatchObject({
      sync_status: "conflict",
      server: { revision: third.revision },
    });
  });
});

describe("a resolution", () => {
  const NAME = { entity_type: "settings", entity_id: "a" };

  async function setUpConflict() {
    const { laptop, phone } = await setUpDevices(api);
    const first = await laptop.pushOne(entity("settings", "a", A));
    const told = await phone.pushOne(over(undefined, entity("settings", "a", C)));
    expect(told).toMatchObject({ sync_status: "conflict", server: { revision: first.revision } });
    return { laptop, phone, first };
  }

  test.each([true, false])(
    "is over the very version that the device was told of, named by itself: %j",
    async isNamed => {
      const { laptop, phone, first } = await setUpConflict();
      const second = await laptop.pushOne(over(first, entity("settings", "a", B, sumA)));
      const third = await laptop.pushOne(over(second, entity("settings", "a", A, sumB)));
      const named = isNamed ? { base_checksum: sumA, base_revision: first.revision } : {};
      const request = { ...NAME, resolution: "local_wins", data: C, checksum: checksumOf(C) };
      expect((await phone.resolve({ ...request, ...named })).body).toMatchObject({
        sync_status: "conflict",
        server: { data: A, revision: third.revision },
      });
      expect(
        (await phone.resolve({ ...request, base_checksum: sumA, base_revision: third.revision })).body,
      ).toMatchObject({ sync_status: "synced" });
    },
  );

  test("whose answer was lost is done, and brings what others made of it since", async () => {
    const { laptop, phone, first } = await setUpConflict();
    const base = { base_checksum: sumA, base_revision: first.revision };
    const request = { ...NAME, resolution: "manual", data: C, checksum: checksumOf(C), ...base };
    const { body: lost } = await phone.resolve(request);
    const next = await laptop.pushOne(over(lost, entity("settings", "a", A, checksumOf(C))));
    expect((await phone.resolve(request)).body).toMatchObject({
      sync_status: "synced",
      server: { data: A, revision: next.revision },
    });
    expect((await laptop.pullAll()).items.at(-1)?.data).toEqual(A);
  });
});
