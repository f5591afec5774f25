// Cursors that must not be gone on from: of a history that a restore has ended, and of another account.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi } from "./api-support.ts";
import { backUp } from "./restore-support.ts";
import { checksumOf, deviceOf, entity } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

const GONE = { status: 422, body: { type: "/problems/cursor-gone", errors: [{ pointer: "/cursor" }] } };
const OTHER = { status: 422, body: { type: "/problems/other-account", errors: [{ pointer: "/cursor" }] } };

describe("a database that was taken back to an earlier state", () => {
  test("refuses the cursors of before, also when as much and more has happened since", async () => {
    const busy = await createApi();
    const member = await busy.register();
    const [laptop, phone] = [deviceOf(busy, member, "laptop"), deviceOf(busy, member, "phone")];
    await laptop.pushOne(entity("settings", "kept", { n: 1 }));
    const { cursor: early } = await laptop.pullAll();
    const restore = await backUp(busy);
    const lost = await laptop.pushOne(entity("settings", "lost", { n: 1 }));
    const { cursor: late } = await laptop.pullAll();

    const restored = await restore();
    const [again, other] = [deviceOf(restored, member, "laptop"), deviceOf(restored, member, "phone")];
    expect(await again.pull({ cursor: late })).toMatchObject(GONE);
    for (let n = 0; n < 5; n++) await other.pushOne(entity("settings", `new ${n}`, { n }));
    for (const cursor of [early, late]) {
      expect(await again.pull({ cursor })).toMatchObject(GONE);
      expect(await again.push([entity("settings", "more", { n: 1 })], { cursor })).toMatchObject(GONE);
    }
    const { items, cursor } = await again.pullAll();
    expect(items.map(item => item.entity_id)).toEqual(["me", "kept", ...[0, 1, 2, 3, 4].map(n => `new ${n}`)]);
    expect((await again.pull({ cursor })).body.items).toEqual([]);
    // What a lost change was numbered with is never a number of another one.
    for (const item of items.slice(2)) expect(item.revision).toBeGreaterThan(lost.revision as number);
    // And the database that was not taken back goes on.
    expect((await phone.pull({ cursor: late })).body.items).toEqual([]);
  });

  test("lets nobody push over what is lost, who says by number what it is over", async () => {
    const busy = await createApi();
    const member = await busy.register();
    const laptop = deviceOf(busy, member, "laptop");
    const first = await laptop.pushOne(entity("settings", "a", { n: 1 }));
    const restore = await backUp(busy);
    const over = { base_revision: first.revision };
    const lost = await laptop.pushOne({ ...entity("settings", "a", { n: 2 }, checksumOf({ n: 1 })), ...over });
    const again = deviceOf(await restore(), member, "laptop");
    const next = { ...entity("settings", "a", { n: 3 }, checksumOf({ n: 2 })), base_revision: lost.revision };
    expect(await again.pushOne(next)).toMatchObject({
      sync_status: "conflict",
      server: { data: { n: 1 }, ...{ revision: first.revision } },
    });
    expect(await again.pushOne({ ...next, base_checksum: checksumOf({ n: 1 }), ...over })).toMatchObject({
      sync_status: "synced",
    });
  });
});

describe("a push", () => {
  test("may say where the device is, and is taken where that is in this history", async () => {
    const member = await api.register();
    const device = deviceOf(api, member);
    const { cursor } = await device.pullAll();
    expect((await device.push([entity("settings", "a", {})], { cursor })).body.results[0]?.sync_status).toBe("synced");
    const [user, epoch, number] = JSON.parse(Buffer.from(cursor, "base64url").toString());
    const at = (...values: unknown[]) => Buffer.from(JSON.stringify(values)).toString("base64url");
    for (const gone of [at(user, "0".repeat(32), number), at(user, epoch, "999999")]) {
      expect(await device.push([entity("settings", "b", {})], { cursor: gone })).toMatchObject(GONE);
      expect(await device.pull({ cursor: gone })).toMatchObject(GONE);
    }
    for (const bad of ["", "x", "x".repeat(501), at(user, number), at(user, "epoch", number)]) {
      expect(await device.push([entity("settings", "b", {})], { cursor: bad })).toMatchObject({
        status: 422,
        body: { type: "/problems/validation", errors: [{ pointer: "/cursor" }] },
      });
    }
    expect((await device.pullAll()).items.map(item => item.entity_id)).toEqual(["me", "a"]);
  });

  test("of a device that was taken back holds nobody up who shares its commit", async () => {
    const members = await Promise.all([api.register(), api.register(), api.register()]);
    const answers = await Promise.all(
      members.map(async (member, index) => {
        const device = deviceOf(api, member);
        const { cursor } = await device.pullAll();
        const [user, epoch, number] = JSON.parse(Buffer.from(cursor, "base64url").toString());
        const values = [user, index === 1 ? "f".repeat(32) : epoch, number];
        const made = Buffer.from(JSON.stringify(values)).toString("base64url");
        return device.push([entity("settings", "a", {})], { cursor: made });
      }),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 422, 200]);
  });
});

test("a device whose key is another account's finds out: neither its pull nor its push is taken", async () => {
  const [one, two] = [await api.register(), await api.register()];
  await deviceOf(api, one).pushOne(entity("settings", "private", { of: "one" }));
  const { cursor } = await deviceOf(api, one).pullAll();
  const confused = deviceOf(api, two);
  expect(await confused.pull({ cursor })).toMatchObject(OTHER);
  expect(await confused.pull({ cursor, wait: 30 })).toMatchObject(OTHER);
  expect(await confused.push([entity("settings", "private", { of: "one" })], { cursor })).toMatchObject(OTHER);
  expect((await confused.pullAll()).items.map(item => item.entity_id)).toEqual(["me"]);
  expect((await confused.states()).body.items).toEqual([]);
});
