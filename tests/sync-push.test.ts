// Pushing: what is accepted, what is a conflict, and what fails alone; cards and the profile are those of the rest of
// the API.

import { afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { cardData, checksumOf, type Data, deletion, deviceOf, entity, setUpDevices } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});
afterEach(() => expectBalancedBooks(api.sql));

const readCard = ({ key }: Member, id: unknown) => api.call("GET", `/api/cards/${id}`, { key });
const balanceOf = async ({ key }: Member) => (await api.call("GET", "/api/balance", { key })).body.balance;

describe("settings and sessions", () => {
  test.each(["settings", "session"])(
    "are kept, changed over the version that was seen, and deleted: %s",
    async type => {
      const { laptop } = await setUpDevices(api);
      const first = { theme: "dark", nested: [{ ä: 1.5e300 }, null, true], "": "\u2028" };
      const created = await laptop.pushOne(entity(type, "editor", first));
      expect(created).toEqual({
        entity_type: type,
        entity_id: "editor",
        sync_status: "synced",
        checksum: checksumOf(first),
        revision: expect.any(Number),
      });
      const second = { theme: "light" };
      const changed = await laptop.pushOne(entity(type, "editor", second, checksumOf(first)));
      expect(changed).toMatchObject({ sync_status: "synced", checksum: checksumOf(second) });
      const deleted = await laptop.pushOne(deletion(type, "editor", checksumOf(second)));
      expect(deleted).toMatchObject({ sync_status: "synced", checksum: null });
      expect((await laptop.pullAll()).items.at(-1)).toMatchObject({ entity_type: type, deleted: true, data: null });
    },
  );

  test("of another account are other things", async () => {
    const [ours, theirs] = [await setUpDevices(api), await setUpDevices(api)];
    await ours.laptop.pushOne(entity("settings", "editor", { ours: true }));
    expect(await theirs.laptop.pushOne(entity("settings", "editor", { theirs: true }))).toMatchObject({
      sync_status: "synced",
    });
    expect((await ours.laptop.pullAll()).items.at(-1)?.data).toEqual({ ours: true });
  });
});

describe("a conflict", () => {
  test("is a base that the server does not have, and changes nothing", async () => {
    const { laptop, phone } = await setUpDevices(api);
    const [base, mine, theirs] = [{ n: 0 }, { n: 1 }, { n: 2 }];
    await laptop.pushOne(entity("settings", "a", base));
    await laptop.pushOne(entity("settings", "a", mine, checksumOf(base)));
    expect(await phone.pushOne(entity("settings", "a", theirs, checksumOf(base)))).toEqual({
      entity_type: "settings",
      entity_id: "a",
      sync_status: "conflict",
      server: { checksum: checksumOf(mine), revision: expect.any(Number), data: mine, deleted: false },
    });
    expect((await laptop.pullAll()).items.at(-1)?.data).toEqual(mine);
  });

  test.each([
    ["nothing, where there is something", { n: 1 }, null],
    ["something, where there is nothing", undefined, checksumOf({ n: 0 })],
    ["what nobody ever had", { n: 1 }, checksumOf({ never: true })],
    ["no checksum at all", { n: 1 }, "x"],
    ["no checksum at all, with a NUL", undefined, "\0"],
    ["an empty one", undefined, ""],
  ])("where the device saw %s", async (_, there, base) => {
    const { laptop, phone } = await setUpDevices(api);
    if (there) await laptop.pushOne(entity("session", "s", there));
    const result = await phone.pushOne(entity("session", "s", { n: 2 }, base));
    expect(result).toMatchObject({
      sync_status: "conflict",
      server: { checksum: there ? checksumOf(there) : null, data: there ?? null, deleted: !there },
    });
  });

  test("is a change of what was deleted meanwhile, and a deletion of what was changed", async () => {
    const { laptop, phone } = await setUpDevices(api);
    const data = { n: 1 };
    await laptop.pushOne(entity("settings", "a", data));
    await laptop.pushOne(deletion("settings", "a", checksumOf(data)));
    expect(await phone.pushOne(entity("settings", "a", { n: 2 }, checksumOf(data)))).toMatchObject({
      sync_status: "conflict",
      server: { checksum: null, data: null, deleted: true },
    });
    await laptop.pushOne(entity("settings", "b", data));
    await laptop.pushOne(entity("settings", "b", { n: 2 }, checksumOf(data)));
    expect(await phone.pushOne(deletion("settings", "b", checksumOf(data)))).toMatchObject({
      sync_status: "conflict",
      server: { data: { n: 2 } },
    });
  });

  test("is none where nothing changes, whatever the device saw: its answer was lost", async () => {
    const { laptop, phone } = await setUpDevices(api);
    const data = { n: 1 };
    await laptop.pushOne(entity("settings", "a", data));
    for (const device of [laptop, phone]) {
      expect(await device.pushOne(entity("settings", "a", data, null))).toMatchObject({ sync_status: "synced" });
      expect(await device.pushOne(deletion("settings", "never-there", "x"))).toMatchObject({
        sync_status: "synced",
        checksum: null,
      });
    }
    const { items } = await laptop.pullAll();
    expect(items.map(item => item.entity_type)).toEqual(["user_profile", "settings"]);
  });

  test("is one of two devices that push at once, never both and never neither", async () => {
    const { member, laptop } = await setUpDevices(api);
    const base = { n: 0 };
    await laptop.pushOne(entity("settings", "a", base));
    const other = await createApi({}, api);
    const devices = Array.from({ length: 10 }, (_, index) => deviceOf(index % 2 ? api : other, member));
    const results = await Promise.all(
      devices.map((device, n) => device.pushOne(entity("settings", "a", { n: n + 1 }, checksumOf(base)))),
    );
    const winners = results.filter(result => result.sync_status === "synced");
    expect(winners).toHaveLength(1);
    for (const { server } of results.filter(result => result.sync_status === "conflict")) {
      expect(server?.checksum).toBe(winners[0]?.checksum as string);
    }
  });

  test("keeps its data out of an answer that would get too long, and comes with the next push", async () => {
    const { laptop, phone } = await setUpDevices(api);
    const ids = Array.from({ length: 40 }, (_, index) => `s-${index}`);
    const big = (id: string) => ({ id, text: "x".repeat(250_000) });
    for (const part of [ids.slice(0, 20), ids.slice(20)])
      await laptop.push(part.map(id => entity("session", id, big(id))));
    const { body } = await phone.push(ids.map(id => entity("session", id, { id })));
    const byStatus = Map.groupBy(body.results, result => result.sync_status);
    expect(byStatus.get("conflict")?.length).toBe(33);
    const rest = byStatus.get("failed") ?? [];
    expect(rest.map(result => result.error?.code)).toEqual(Array(7).fill("answer-full"));
    const again = await phone.push(rest.map(({ entity_id }) => entity("session", entity_id, { id: entity_id })));
    expect(again.body.results.map(result => result.sync_status)).toEqual(Array(7).fill("conflict"));
  });
});

describe("a card", () => {
  test("that is new is published under the id that the device chose, and rewarded", async () => {
    const { member, laptop } = await setUpDevices(api);
    const id = crypto.randomUUID();
    const data = cardData({
      category: "GRIT",
      tags: ["a", 'quo"ted\\'],
      metadata: { "1": [1e21], __proto: { a: -0 } },
    });
    const result = await laptop.pushOne(entity("card", id.toUpperCase(), data));
    expect(result).toEqual({
      entity_type: "card",
      // As pulls name it, so that no device has it twice.
      entity_id: id,
      sync_status: "synced",
      checksum: checksumOf(data),
      revision: expect.any(Number),
    });
    const { body, headers } = await readCard(member, id);
    expect(body).toMatchObject({ id, ...(JSON.parse(JSON.stringify(data)) as Data), extropy_earned: "1.00" });
    expect(headers.get("etag")).toBe(`"${checksumOf(data)}"`);
    expect(await balanceOf(member)).toBe("11.00");
  });

  test("is changed and withdrawn as by its own calls, and comes back under its address", async () => {
    const { member, laptop } = await setUpDevices(api);
    const id = crypto.randomUUID();
    const [first, second, third] = [cardData(), cardData({ title: null }), cardData({ title: "Back again" })];
    await laptop.pushOne(entity("card", id, first));
    const slug = String((await readCard(member, id)).body.slug);
    expect(await laptop.pushOne(entity("card", id, second, checksumOf(first)))).toMatchObject({
      sync_status: "synced",
    });
    expect((await readCard(member, id)).body).toMatchObject({ title: null, content: second.content, slug });
    expect(await laptop.pushOne(deletion("card", id, checksumOf(second)))).toMatchObject({ sync_status: "synced" });
    expect((await readCard(member, id)).status).toBe(410);
    expect((await api.call("GET", `/cards/${slug}`)).status).toBe(410);
    expect(await laptop.pushOne(entity("card", id, third))).toMatchObject({ sync_status: "synced" });
    const { body, headers } = await readCard(member, id);
    expect(body.slug).toBe(`back-again-${slug.slice(-8)}`);
    expect(headers.get("etag")).toBe(`"${checksumOf(third)}"`);
    expect((await api.call("GET", `/cards/${slug}`)).status).toBe(301);
    expect(await balanceOf(member)).toBe("11.00");
  });

  test("that was published, changed or withdrawn by other calls is the same card", async () => {
    const { member, laptop } = await setUpDevices(api);
    const card = newCard({ tags: ["x"] });
    const { id } = await api.publishCard(member.key, card);
    const { headers } = await readCard(member, id);
    const etag = headers.get("etag")?.replaceAll('"', "") ?? "";
    const data = cardData({ content: card.content, tags: ["x"] });
    expect(etag).toBe(checksumOf(data));
    const changed = { ...data, title: "Changed by a device" };
    expect(await laptop.pushOne(entity("card", id, changed, etag))).toMatchObject({ sync_status: "synced" });
    expect((await readCard(member, id)).body.title).toBe("Changed by a device");
    const patch = await api.call("PATCH", `/api/cards/${id}`, {
      key: member.key,
      body: { title: "Changed by a call" },
      headers: { "if-match": `"${checksumOf(changed)}"` },
    });
    expect(patch.status).toBe(200);
    expect(await laptop.pushOne(deletion("card", id, checksumOf(changed)))).toMatchObject({
      sync_status: "conflict",
      server: { data: { title: "Changed by a call" } },
    });
    await api.call("DELETE", `/api/cards/${id}`, { key: member.key });
    expect(await laptop.pushOne(entity("card", id, cardData(), checksumOf(changed)))).toMatchObject({
      sync_status: "conflict",
      server: { deleted: true },
    });
  });

  test("whose text another card has fails with the other one's id, also where that is withdrawn or in the same push", async () => {
    const { member, laptop } = await setUpDevices(api);
    const data = cardData();
    const first = crypto.randomUUID();
    await laptop.pushOne(entity("card", first, data));
    const duplicate = { sync_status: "failed", error: { code: "duplicate-card", card_id: first } };
    // White space around is the same text.
    const alike = { ...data, content: `${data.content}\r\n ` };
    expect(await laptop.pushOne(entity("card", crypto.randomUUID(), alike))).toMatchObject(duplicate);
    const other = cardData();
    const second = crypto.randomUUID();
    await laptop.pushOne(entity("card", second, other));
    expect(await laptop.pushOne(entity("card", second, data, checksumOf(other)))).toMatchObject(duplicate);
    await laptop.pushOne(deletion("card", first, checksumOf(data)));
    expect(await laptop.pushOne(entity("card", crypto.randomUUID(), data))).toMatchObject(duplicate);

    const [third, fourth] = [crypto.randomUUID(), crypto.randomUUID()];
    const twin = cardData();
    const { body } = await laptop.push([entity("card", third, twin), entity("card", fourth, twin)]);
    expect(body.results).toMatchObject([
      { sync_status: "synced" },
      { sync_status: "failed", error: { code: "duplicate-card", card_id: third } },
    ]);
    expect(await balanceOf(member)).toBe("13.00");
  });

  test("with a text that a card of the account had before is published without a reward", async () => {
    const { member, laptop } = await setUpDevices(api);
    const [former, latter] = [cardData(), cardData()];
    const id = crypto.randomUUID();
    await laptop.pushOne(entity("card", id, former));
    await laptop.pushOne(entity("card", id, latter, checksumOf(former)));
    expect(await laptop.pushOne(entity("card", crypto.randomUUID(), former))).toMatchObject({ sync_status: "synced" });
    expect(await balanceOf(member)).toBe("11.00");
  });

  test("of somebody else fails, and nothing of it is told", async () => {
    const [ours, theirs] = [await setUpDevices(api), await setUpDevices(api)];
    const id = crypto.randomUUID();
    const data = cardData();
    await theirs.laptop.pushOne(entity("card", id, data));
    for (const attempt of [
      entity("card", id, cardData()),
      entity("card", id, cardData(), checksumOf(data)),
      entity("card", id, data),
      deletion("card", id, checksumOf(data)),
    ]) {
      const result = await ours.laptop.pushOne(attempt);
      expect(result).toMatchObject({ sync_status: "failed", error: { code: "foreign-id" } });
      expect(result).not.toHaveProperty("server");
    }
    expect((await readCard(theirs.member, id)).body.content).toBe(data.content as string);
  });

  test("is nobody's but the first one's where two accounts push one id at once", async () => {
    const accounts = await Promise.all([setUpDevices(api), setUpDevices(api), setUpDevices(api), setUpDevices(api)]);
    const id = crypto.randomUUID();
    const other = await createApi({}, api);
    const results = await Promise.all(
      accounts.map(({ member }, index) =>
        deviceOf(index % 2 ? api : other, member).pushOne(entity("card", id, cardData())),
      ),
    );
    expect(results.map(result => result.error?.code ?? result.sync_status).sort()).toEqual([
      "foreign-id",
      "foreign-id",
      "foreign-id",
      "synced",
    ]);
  });

  test.each(["PRIVATE", "PERSONAL", "private", "secret", ""])(
    "that is private fails, and neither text nor checksum is kept: %j",
    async privacy_level => {
      const { member, laptop } = await setUpDevices(api);
      const data = cardData({ privacy_level, title: `private ${crypto.randomUUID()}` });
      const id = crypto.randomUUID();
      // Whatever else is wrong with it.
      for (const more of [{}, { checksum: checksumOf("other") }, { base_checksum: checksumOf(data) }]) {
        const result = await laptop.pushOne({ ...entity("card", id, data), ...more });
        expect(result).toMatchObject({ sync_status: "failed", error: { code: "private" } });
      }
      const dump = await api.sql<{ row: string }[]>`
        SELECT s::text AS row FROM sync_state s WHERE s.entity_id = ${id}
        UNION ALL SELECT c::text FROM cards c WHERE c.user_id = ${member.id}`;
      expect(dump).toHaveLength(1);
      for (const secret of [data.title, data.content, checksumOf(data)]) {
        expect(dump[0]?.row).not.toContain(String(secret));
        expect(api.logs.join("\n")).not.toContain(String(secret));
      }
    },
  );

  test("is stored with its level in capitals and what is empty in one form, which the checksum is of", async () => {
    const { member, laptop } = await setUpDevices(api);
    const id = crypto.randomUUID();
    const sent = cardData({ title: "", privacy_level: "ideas", tags: null, metadata: null });
    const stored = { ...sent, title: null, privacy_level: "IDEAS", tags: [], metadata: {} };
    expect(await laptop.pushOne(entity("card", id, sent))).toMatchObject({
      sync_status: "synced",
      checksum: checksumOf(stored),
    });
    expect((await readCard(member, id)).headers.get("etag")).toBe(`"${checksumOf(stored)}"`);
  });

  test("that was written directly is compared all the same", async () => {
    const { member, laptop } = await setUpDevices(api);
    const id = crypto.randomUUID();
    const data = cardData();
    await laptop.pushOne(entity("card", id, data));
    await api.sql`UPDATE cards SET title = 'By hand' WHERE id = ${id}`;
    const now = { ...data, title: "By hand" };
    expect(await laptop.pushOne(entity("card", id, cardData(), checksumOf(data)))).toMatchObject({
      sync_status: "conflict",
      server: { checksum: checksumOf(now), data: now },
    });
    await api.sql`UPDATE cards SET title = 'By hand again' WHERE id = ${id}`;
    const then = { ...data, title: "By hand again" };
    expect(await laptop.pushOne(deletion("card", id, checksumOf(then)))).toMatchObject({ sync_status: "synced" });
    expect((await readCard(member, id)).status).toBe(410);
  });

  test("that was never published is no device's to touch", async () => {
    const { member, laptop } = await setUpDevices(api);
    const id = crypto.randomUUID();
    await api.sql`
      INSERT INTO cards (id, user_id, content, content_hash, privacy_level)
      VALUES (${id}, ${member.id}, 'kept', ${crypto.randomUUID()}, 'PRIVATE')`;
    expect(await laptop.pushOne(entity("card", id, cardData()))).toMatchObject({
      sync_status: "failed",
      error: { code: "not-published" },
    });
    expect((await laptop.pullAll()).items.map(item => item.entity_type)).toEqual(["user_profile"]);
  });
});

describe("the profile", () => {
  const profile = (more: Data = {}): Data => ({
    display_name: null,
    bio: null,
    avatar_url: null,
    profile_url: null,
    ...more,
  });

  test("is the account's, and can't be deleted", async () => {
    const { member, laptop } = await setUpDevices(api);
    const bio = `${Array.from({ length: 127 }, (_, code) => String.fromCharCode(code + 1)).join("")}"\\/\u2028🦊é`;
    const data = profile({ bio, avatar_url: "https://example.org/a.png?b=1&c=ä" });
    expect(await laptop.pushOne(entity("user_profile", "me", data))).toMatchObject({
      sync_status: "conflict",
      server: { checksum: checksumOf(profile()), data: profile() },
    });
    expect(await laptop.pushOne(entity("user_profile", "me", data, checksumOf(profile())))).toMatchObject({
      sync_status: "synced",
      checksum: checksumOf(data),
    });
    expect((await api.call("GET", "/api/me", { key: member.key })).body).toMatchObject(data);
    // The database computes this checksum, and of every character as the library does.
    const again = profile({ display_name: "Mira" });
    expect(await laptop.pushOne(entity("user_profile", "me", again, checksumOf(data)))).toMatchObject({
      sync_status: "synced",
    });
    await api.call("PATCH", "/api/me", { key: member.key, body: { bio: "by a call" } });
    expect(await laptop.pushOne(entity("user_profile", "me", data, checksumOf(again)))).toMatchObject({
      sync_status: "conflict",
      server: { data: { display_name: "Mira", bio: "by a call" } },
    });
    expect(await laptop.pushOne(deletion("user_profile", "me", checksumOf(again)))).toMatchObject({
      sync_status: "failed",
      error: { code: "invalid" },
    });
  });

  test.each([
    { display_name: "x".repeat(501) },
    { avatar_url: "javascript:alert(1)" },
    { bio: undefined },
    { email: "a@example.org" },
    { display_name: "\u202e" },
  ])("is checked as by its own call: %j", async more => {
    const { laptop } = await setUpDevices(api);
    const data = JSON.parse(JSON.stringify(profile(more)));
    expect(await laptop.pushOne(entity("user_profile", "me", data, checksumOf(profile())))).toMatchObject({
      sync_status: "failed",
      error: { code: "invalid", detail: expect.stringContaining("data") },
    });
  });
});

describe("the states of a device", () => {
  test("tell what was pushed, what failed and why, and how often", async () => {
    const { laptop, phone } = await setUpDevices(api);
    const id = crypto.randomUUID();
    await laptop.push([entity("settings", "a", { n: 1 })], { device_name: "Laptop" });
    for (let attempt = 0; attempt < 3; attempt++)
      await laptop.pushOne({ ...entity("card", id, cardData()), checksum: "x" });
    await phone.pushOne(entity("settings", "a", { n: 2 }));
    expect((await laptop.states()).body.items).toMatchObject([
      { entity_type: "card", entity_id: id, sync_status: "failed", error_message: "checksum-mismatch", retry_count: 3 },
      {
        entity_type: "settings",
        device_name: "Laptop",
        sync_status: "synced",
        local_checksum: checksumOf({ n: 1 }),
        remote_checksum: checksumOf({ n: 1 }),
        sync_direction: "push",
        retry_count: 0,
        error_message: null,
        last_synced_at: expect.any(String),
      },
    ]);
    expect((await phone.states({ status: "conflict" })).body.items).toMatchObject([
      { sync_status: "conflict", local_checksum: checksumOf({ n: 2 }), remote_checksum: checksumOf({ n: 1 }) },
    ]);
    expect((await phone.states({ status: "synced" })).body.items).toEqual([]);
    const good = cardData();
    await laptop.pushOne(entity("card", id, good));
    expect((await laptop.states({ status: "failed" })).body.items).toEqual([]);
    expect((await laptop.states()).body.items[0]).toMatchObject({
      sync_status: "synced",
      retry_count: 0,
      error_message: null,
    });
  });

  test("are listed in pages, of all devices or of one, and of nobody else", async () => {
    const { member, laptop, phone } = await setUpDevices(api);
    const stranger = await setUpDevices(api);
    await laptop.push(Array.from({ length: 5 }, (_, index) => entity("settings", `s${index}`, { index })));
    await phone.push([entity("session", "x", {})]);
    await stranger.laptop.push([entity("session", "x", {})]);
    const seen: unknown[] = [];
    for (let cursor = ""; ; ) {
      const path = `/api/sync/state?limit=2${cursor}`;
      const { body } = await api.call<{ items: Data[]; next_cursor: string | null }>("GET", path, { key: member.key });
      seen.push(...body.items.map(item => `${item.client_id} ${item.entity_id}`));
      if (body.next_cursor === null) break;
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(seen).toHaveLength(6);
    expect(new Set(seen).size).toBe(6);
    expect((await phone.states()).body.items).toHaveLength(1);
    // A cursor goes on in the list that gave it, of this account under this filter.
    const { body } = await api.call<{ next_cursor: string }>("GET", "/api/sync/state?limit=2", { key: member.key });
    for (const [key, query] of [
      [stranger.member.key, ""],
      [member.key, "&status=synced"],
      [member.key, `&client_id=${phone.client_id}`],
    ]) {
      const path = `/api/sync/state?limit=2${query}&cursor=${body.next_cursor}`;
      expect((await api.call("GET", path, { key })).status).toBe(422);
    }
  });

  test("that publishing wrote are among them", async () => {
    const { member, laptop } = await setUpDevices(api);
    await api.publish(member.key, [newCard()], { client_id: laptop.client_id });
    expect((await laptop.states()).body.items).toMatchObject([{ entity_type: "card", sync_status: "synced" }]);
  });
});

describe("an erased account", () => {
  test("leaves nothing of its devices", async () => {
    const { member, laptop } = await setUpDevices(api);
    const [kept, gone] = [cardData(), cardData()];
    const id = crypto.randomUUID();
    await laptop.push([
      entity("settings", "a", { n: 1 }),
      entity("card", crypto.randomUUID(), kept),
      entity("card", id, gone),
    ]);
    await laptop.pushOne(deletion("card", id, checksumOf(gone)));
    const profile = { display_name: null, bio: null, avatar_url: null, profile_url: null };
    await laptop.pushOne(entity("user_profile", "me", { ...profile, bio: "x" }, checksumOf(profile)));
    expect((await api.call("DELETE", "/api/me", { key: member.key })).status).toBe(204);
    for (const table of ["cards", "sync_state", "sync_documents", "sync_heads"]) {
      const rows = await api.sql`
        SELECT FROM ${api.sql(table)} t WHERE strpos(t::text, ${laptop.client_id}) > 0`;
      expect([table, rows.length]).toEqual([table, 0]);
    }
  });
});

test("addresses of a profile are stored as by its own call: without the white space around them", async () => {
  const { member, laptop } = await setUpDevices(api);
  const [item] = (await laptop.pullAll()).items;
  const sent = { ...item?.data, avatar_url: "  https://example.org/a \n", profile_url: null };
  const stored = { ...sent, avatar_url: "https://example.org/a" };
  expect(await laptop.pushOne(entity("user_profile", "me", sent, item?.checksum))).toMatchObject({
    sync_status: "synced",
    checksum: checksumOf(stored),
  });
  expect((await api.call("GET", "/api/me", { key: member.key })).body.avatar_url).toBe("https://example.org/a");
});
