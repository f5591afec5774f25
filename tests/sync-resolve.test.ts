// Resolving: over the very version that the device was told of, never over one that it has not seen.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi } from "./api-support.ts";
import { cardData, checksumOf, type Data, deletion, deviceOf, entity } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

const NAME = { entity_type: "settings", entity_id: "a" };
const withData = (data: Data) => ({ data, checksum: checksumOf(data) });

/** Two devices: the phone was told that its `mine` is in conflict with the laptop's `theirs`. */
async function setUpConflict() {
  const member = await api.register();
  const [laptop, phone] = [deviceOf(api, member), deviceOf(api, member)];
  const [base, theirs, mine] = [{ n: 0 }, { n: 1 }, { n: 2 }];
  await laptop.pushOne(entity("settings", "a", base));
  await laptop.pushOne(entity("settings", "a", theirs, checksumOf(base)));
  expect(await phone.pushOne(entity("settings", "a", mine, checksumOf(base)))).toMatchObject({
    sync_status: "conflict",
  });
  const stateOf = async () => (await phone.states()).body.items[0];
  const current = async () => (await laptop.pullAll()).items.find(item => item.entity_type === "settings");
  return { member, laptop, phone, theirs, mine, stateOf, current };
}

describe("a conflict is resolved", () => {
  test.each([
    ["local_wins", "push"],
    ["manual", "bidirectional"],
  ])("by the device's data: %s", async (resolution, sync_direction) => {
    const { phone, mine, stateOf, current } = await setUpConflict();
    const { status, body } = await phone.resolve({ ...NAME, resolution, ...withData(mine) });
    expect(status).toBe(200);
    expect(body).toEqual({ ...NAME, sync_status: "synced", checksum: checksumOf(mine), revision: expect.any(Number) });
    expect(await current()).toMatchObject({ data: mine, client_id: phone.client_id });
    expect(await stateOf()).toMatchObject({
      sync_status: "synced",
      conflict_resolution: resolution,
      sync_direction,
      local_checksum: checksumOf(mine),
      remote_checksum: checksumOf(mine),
    });
  });

  test("by the server's, which the answer brings", async () => {
    const { phone, theirs, stateOf, current } = await setUpConflict();
    const { body } = await phone.resolve({ ...NAME, resolution: "remote_wins" });
    expect(body).toEqual({
      ...NAME,
      sync_status: "synced",
      checksum: checksumOf(theirs),
      revision: expect.any(Number),
      server: { checksum: checksumOf(theirs), revision: expect.any(Number), data: theirs, deleted: false },
    });
    expect(await current()).toMatchObject({ data: theirs });
    expect(await stateOf()).toMatchObject({
      sync_status: "synced",
      conflict_resolution: "remote_wins",
      sync_direction: "pull",
      local_checksum: checksumOf(theirs),
    });
  });

  test("by a deletion, and over one", async () => {
    const { laptop, phone, theirs, current } = await setUpConflict();
    const gone = await phone.resolve({ ...NAME, resolution: "local_wins", data: null, checksum: null });
    expect(gone.body).toMatchObject({ sync_status: "synced", checksum: null });
    expect(await current()).toMatchObject({ deleted: true });
    expect(await laptop.pushOne(entity("settings", "a", { n: 9 }, checksumOf(theirs)))).toMatchObject({
      sync_status: "conflict",
      server: { deleted: true },
    });
    await laptop.resolve({ ...NAME, resolution: "local_wins", ...withData({ n: 9 }) });
    expect(await current()).toMatchObject({ data: { n: 9 } });
  });

  test("of a card and of the profile, too", async () => {
    const member = await api.register();
    const [laptop, phone] = [deviceOf(api, member), deviceOf(api, member)];
    const id = crypto.randomUUID();
    const [theirs, mine] = [cardData(), cardData()];
    await laptop.pushOne(entity("card", id, theirs));
    await phone.pushOne(entity("card", id, mine));
    const card = { entity_type: "card", entity_id: id };
    expect((await phone.resolve({ ...card, resolution: "local_wins", ...withData(mine) })).body).toMatchObject({
      sync_status: "synced",
    });
    expect((await api.call("GET", `/api/cards/${id}`, { key: member.key })).headers.get("etag")).toBe(
      `"${checksumOf(mine)}"`,
    );
    const profile = { display_name: "Mira", bio: null, avatar_url: null, profile_url: null };
    await phone.pushOne(entity("user_profile", "me", profile));
    const me = { entity_type: "user_profile", entity_id: "me" };
    expect((await phone.resolve({ ...me, resolution: "remote_wins" })).body).toMatchObject({
      sync_status: "synced",
      server: { data: { display_name: null } },
    });
  });
});

describe("a resolution", () => {
  test("whose answer was lost can be sent again", async () => {
    const { phone, mine } = await setUpConflict();
    const request = { ...NAME, resolution: "local_wins", ...withData(mine) };
    const first = await phone.resolve(request);
    expect((await phone.resolve(request)).body).toEqual(first.body);
    const other = await setUpConflict();
    const taken = await other.phone.resolve({ ...NAME, resolution: "remote_wins" });
    expect((await other.phone.resolve({ ...NAME, resolution: "remote_wins" })).body).toEqual(taken.body);
  });

  test("is a conflict again where the server has something newer than the device was told of", async () => {
    const { laptop, phone, theirs, mine, current } = await setUpConflict();
    await laptop.pushOne(entity("settings", "a", { n: 3 }, checksumOf(theirs)));
    const request = { ...NAME, resolution: "local_wins", ...withData(mine) };
    const { body } = await phone.resolve(request);
    expect(body).toMatchObject({ sync_status: "conflict", server: { data: { n: 3 } } });
    expect(await current()).toMatchObject({ data: { n: 3 } });
    // Now that it was told.
    expect((await phone.resolve(request)).body).toMatchObject({ sync_status: "synced" });
  });

  test("that says what it is over never covers what the device has not heard of, though the answer was lost", async () => {
    const { laptop, phone, theirs, mine, current } = await setUpConflict();
    await laptop.pushOne(entity("settings", "a", { n: 3 }, checksumOf(theirs)));
    const request = { ...NAME, resolution: "local_wins", ...withData(mine), base_checksum: checksumOf(theirs) };
    for (let attempt = 0; attempt < 2; attempt++) {
      expect((await phone.resolve(request)).body).toMatchObject({
        sync_status: "conflict",
        server: { data: { n: 3 } },
      });
    }
    expect(await current()).toMatchObject({ data: { n: 3 } });
    expect((await phone.resolve({ ...request, base_checksum: checksumOf({ n: 3 }) })).body).toMatchObject({
      sync_status: "synced",
    });
    await laptop.pushOne(deletion("settings", "a", checksumOf(mine)));
    await phone.pushOne(entity("settings", "a", theirs, checksumOf(mine)));
    expect(
      (await phone.resolve({ ...request, ...withData({ n: 4 }), base_checksum: checksumOf({ n: 3 }) })).body,
    ).toMatchObject({ sync_status: "conflict", server: { deleted: true } });
    expect((await phone.resolve({ ...request, ...withData({ n: 4 }), base_checksum: null })).body).toMatchObject({
      sync_status: "synced",
    });
  });

  test("that fails leaves the conflict as it was", async () => {
    const { phone, mine, stateOf } = await setUpConflict();
    const before = await stateOf();
    const { status, body } = await phone.resolve({ ...NAME, resolution: "manual", data: mine, checksum: "x" });
    expect(status).toBe(200);
    expect(body).toMatchObject({ sync_status: "failed", error: { code: "checksum-mismatch" } });
    expect(await stateOf()).toEqual(before as Data);
  });

  test("of something without a conflict of this device is 404", async () => {
    const { laptop, phone, theirs, mine } = await setUpConflict();
    const missing = { status: 404, body: { type: "/problems/not-found" } };
    for (const resolution of ["local_wins", "manual"]) {
      for (const data of [theirs, mine]) {
        expect(await laptop.resolve({ ...NAME, resolution, ...withData(data) })).toMatchObject(missing);
        expect(await phone.resolve({ ...NAME, entity_id: "b", resolution, ...withData(data) })).toMatchObject(missing);
      }
    }
    expect(await laptop.resolve({ ...NAME, resolution: "remote_wins" })).toMatchObject(missing);
    expect(await phone.resolve({ ...NAME, entity_type: "session", resolution: "remote_wins" })).toMatchObject(missing);
    // Resolved once, and then pushed again: over.
    await phone.resolve({ ...NAME, resolution: "local_wins", ...withData(mine) });
    await phone.pushOne(entity("settings", "a", { n: 5 }, checksumOf(mine)));
    expect(await phone.resolve({ ...NAME, resolution: "local_wins", ...withData({ n: 5 }) })).toMatchObject(missing);
    expect(await phone.resolve({ ...NAME, resolution: "remote_wins" })).toMatchObject(missing);
  });

  test("of another form than it has is 422", async () => {
    const { phone, mine } = await setUpConflict();
    for (const body of [
      { ...NAME, resolution: "local_wins" },
      { ...NAME, resolution: "local_wins", data: mine },
      { ...NAME, resolution: "remote_wins", ...withData(mine) },
      { ...NAME, resolution: "newest_wins", ...withData(mine) },
      { ...NAME, ...withData(mine) },
      { ...NAME, entity_type: "card\0", resolution: "remote_wins" },
      { ...NAME, resolution: "manual", ...withData(mine), colour: "red" },
    ]) {
      expect([body, (await phone.resolve(body)).status]).toEqual([body, 422]);
    }
  });
});

describe("publishing from a device", () => {
  test("leaves a conflict of the card that it was told of, and counts failures anew where there is none", async () => {
    const member = await api.register();
    const [laptop, phone] = [deviceOf(api, member), deviceOf(api, member)];
    const id = crypto.randomUUID();
    const [theirs, mine] = [cardData(), cardData()];
    await laptop.pushOne(entity("card", id, theirs));
    const told = await phone.pushOne(entity("card", id, mine));
    const card = { title: theirs.title, content: theirs.content, privacy_level: "IDEAS" };
    for (const { client_id } of [phone, laptop]) {
      const { body } = await api.publish(member.key, [card], { client_id });
      expect(body.cards[0]).toMatchObject({ id, outcome: "duplicate" });
    }
    expect((await phone.states()).body.items).toMatchObject([{ entity_id: id, sync_status: "conflict" }]);
    const base = { base_checksum: told.server?.checksum, base_revision: told.server?.revision };
    const decided = { entity_type: "card", entity_id: id, resolution: "local_wins", ...withData(mine), ...base };
    expect((await phone.resolve(decided)).body).toMatchObject({ sync_status: "synced" });

    await laptop.pushOne({ ...entity("card", id, cardData()), checksum: "x" });
    expect((await laptop.states()).body.items[0]).toMatchObject({ sync_status: "failed", retry_count: 1 });
    const same = { title: mine.title, content: mine.content, privacy_level: "IDEAS" };
    await api.publish(member.key, [same], { client_id: laptop.client_id });
    expect((await laptop.states()).body.items[0]).toMatchObject({ sync_status: "synced", retry_count: 0 });
  });

  test("that brings a withdrawn card back says which device did", async () => {
    const member = await api.register();
    const laptop = deviceOf(api, member);
    const card = { title: null, content: `back ${crypto.randomUUID()}`, privacy_level: "IDEAS" };
    const { id } = await api.publishCard(member.key, card);
    await api.call("DELETE", `/api/cards/${id}`, { key: member.key });
    await api.publish(member.key, [card], { client_id: laptop.client_id });
    const item = (await laptop.pullAll()).items.at(-1);
    expect(item).toMatchObject({ entity_id: id, deleted: false, client_id: laptop.client_id });
    expect((await laptop.states()).body.items[0]).toMatchObject({ remote_revision: item?.revision as number });
  });
});
