// What psql or a script writes past the server: devices hear of it as of any other change, and what they could not read is
// refused.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi } from "./api-support.ts";
import { cardData, checksumOf, entity, setUpDevices } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

/** A published card that nothing in the ledger holds, so that its row can be deleted. */
async function insertCard(userId: string): Promise<string> {
  const [row] = await api.sql<{ id: string }[]>`
    INSERT INTO cards (user_id, content, content_hash, privacy_level, is_published, published_at)
    VALUES (${userId}, 'by hand', ${crypto.randomUUID()}, 'IDEAS', true, now()) RETURNING id`;
  return row?.id ?? "";
}

describe("a card", () => {
  test("whose row is deleted is deleted on devices, and can be made anew under its id", async () => {
    const { member, laptop } = await setUpDevices(api);
    const id = await insertCard(member.id);
    let { items, cursor } = await laptop.pullAll();
    expect(items.at(-1)).toMatchObject({ entity_id: id, deleted: false, data: { content: "by hand" } });
    await api.sql`DELETE FROM cards WHERE id = ${id}`;
    ({ items, cursor } = await laptop.pullAll(cursor));
    expect(items).toMatchObject([{ entity_type: "card", entity_id: id, deleted: true, data: null, checksum: null }]);
    const data = cardData();
    expect(await laptop.pushOne({ ...entity("card", id, data), base_revision: 0 })).toMatchObject({
      sync_status: "conflict",
      server: { deleted: true, revision: items[0]?.revision as number },
    });
    const again = await laptop.pushOne({ ...entity("card", id, data), base_revision: items[0]?.revision });
    expect(again.sync_status).toBe("synced");
    ({ items } = await laptop.pullAll());
    expect(items.filter(item => item.entity_id === id)).toMatchObject([
      { deleted: false, revision: again.revision as number },
    ]);
  });

  test("that was unpublished is pushed like one that was deleted", async () => {
    const { member, laptop } = await setUpDevices(api);
    const id = await insertCard(member.id);
    await api.sql`UPDATE cards SET is_published = false WHERE id = ${id}`;
    expect((await laptop.pullAll()).items.at(-1)).toMatchObject({ entity_id: id, deleted: true });
    expect(await laptop.pushOne(entity("card", id, cardData()))).toMatchObject({ sync_status: "synced" });
    expect((await api.call("GET", `/api/cards/${id}`, { key: member.key })).status).toBe(200);
  });

  test("takes no number that devices can't read", async () => {
    const { member, laptop } = await setUpDevices(api);
    const id = await insertCard(member.id);
    for (const metadata of ['{"n": 1e400}', '{"a": [{"b": -1e309}]}', '{"n": 1.7976931348623159e308}']) {
      expect(api.sql`UPDATE cards SET metadata = ${metadata}::text::jsonb WHERE id = ${id}`.execute()).rejects.toThrow(
        "beyond what a double holds",
      );
    }
    await api.sql`UPDATE cards SET metadata = ${'{"n": 1.7976931348623157e308, "s": "1e400"}'}::text::jsonb WHERE id = ${id}`;
    expect((await laptop.pullAll()).items.at(-1)?.data?.metadata).toEqual({ n: Number.MAX_VALUE, s: "1e400" });
  });
});

describe("a document", () => {
  const insert = (userId: string, id: string, data: string) => api.sql`
    INSERT INTO sync_documents (user_id, entity_type, entity_id, data)
    VALUES (${userId}, 'settings', ${id}, ${data}::text::json)`;

  test("that is inserted, changed or deleted by hand is numbered, with the checksum of what it is", async () => {
    const { member, laptop } = await setUpDevices(api);
    let { items, cursor } = await laptop.pullAll();
    const next = async () => {
      ({ items, cursor } = await laptop.pullAll(cursor));
      return items;
    };
    await insert(member.id, "hand", '{"b": 1,  "a": 2.0}');
    const inserted = { a: 2, b: 1 };
    expect(await next()).toMatchObject([{ entity_id: "hand", data: inserted, checksum: checksumOf(inserted) }]);
    await laptop.pushOne(entity("settings", "pushed", { n: 1 }));
    await next();
    await api.sql`UPDATE sync_documents SET data = '{"n": 2}' WHERE user_id = ${member.id} AND entity_id = 'pushed'`;
    expect(await next()).toMatchObject([
      { entity_id: "pushed", data: { n: 2 }, checksum: checksumOf({ n: 2 }), client_id: null },
    ]);
    // A push over either compares with what is there.
    for (const [id, seen] of [
      ["hand", inserted],
      ["pushed", { n: 2 }],
    ] as const) {
      expect(await laptop.pushOne(entity("settings", id, { n: 3 }))).toMatchObject({
        sync_status: "conflict",
        server: { checksum: checksumOf(seen), data: seen },
      });
      expect(await laptop.pushOne(entity("settings", id, { n: 3 }, checksumOf(seen)))).toMatchObject({
        sync_status: "synced",
      });
    }
    await next();
    await api.sql`DELETE FROM sync_documents WHERE user_id = ${member.id} AND entity_id = 'hand'`;
    expect(await next()).toMatchObject([{ entity_id: "hand", deleted: true, data: null, client_id: null }]);
    await api.sql`DELETE FROM sync_documents WHERE user_id = ${member.id}`;
    expect(await next()).toMatchObject([{ entity_id: "pushed", deleted: true }]);
    const [heads] = await api.sql`SELECT document_count, document_bytes FROM sync_heads WHERE user_id = ${member.id}`;
    expect(heads).toEqual({ document_count: 2, document_bytes: "0" });
  });

  test("is an object that devices can read, and keeps its name", async () => {
    const { member } = await setUpDevices(api);
    for (const data of ["[]", "5", '"x"', '{"n": 1e400}']) {
      expect(insert(member.id, "bad", data).execute()).rejects.toThrow("JSON objects");
    }
    expect(insert(member.id, "bad", '{"a": "\\u0000"}').execute()).rejects.toThrow();
    await insert(member.id, "good", "{}");
    const renamed = api.sql`UPDATE sync_documents SET entity_id = 'other' WHERE user_id = ${member.id}`;
    expect(renamed.execute()).rejects.toThrow("keeps its name");
  });

  test("goes with its account, whose row is deleted or erased", async () => {
    const { member, laptop } = await setUpDevices(api);
    await laptop.pushOne(entity("settings", "a", { n: 1 }));
    expect((await api.call("DELETE", "/api/me", { key: member.key })).status).toBe(204);
    expect(await api.sql`SELECT FROM sync_documents WHERE user_id = ${member.id}`).toHaveLength(0);
    const [bare] = await api.sql<{ id: string }[]>`
      INSERT INTO users (username, email, api_key_hash, api_key_prefix)
      VALUES ('bare', 'bare@example.org', 'bare', 'ext_bare') RETURNING id`;
    const id = bare?.id ?? "";
    await insert(id, "a", "{}");
    await insertCard(id);
    await api.sql`DELETE FROM users WHERE id = ${id}`;
    expect(await api.sql`SELECT FROM sync_documents WHERE user_id = ${id}`).toHaveLength(0);
  });
});
