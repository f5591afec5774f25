// How many settings and sessions an account keeps, and how long they are all together: what is beyond fails alone. And how
// many states of its devices: the oldest are forgotten.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { applyMigrations } from "../src/migrate.ts";
import { DOCUMENT_BYTES_TOTAL_MAX, DOCUMENTS_MAX } from "../src/sync/model.ts";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";
import { emptyDatabase } from "./support.ts";
import { cardData, checksumOf, deletion, deviceOf, entity, type Result } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

async function setUp(heads: { document_count?: number; document_bytes?: number } = {}) {
  const member = await api.register();
  if (Object.keys(heads).length > 0)
    await api.sql`UPDATE sync_heads SET ${api.sql(heads)} WHERE user_id = ${member.id}`;
  return { member, device: deviceOf(api, member) };
}

const outcomesOf = (results: readonly Result[]) => results.map(result => result.error?.code ?? result.sync_status);
const headsOf = async ({ id }: Member) =>
  (await api.sql`SELECT document_count, document_bytes::float8 FROM sync_heads WHERE user_id = ${id}`)[0];

test("100,000 settings and sessions, deleted ones too", async () => {
  const { member, device } = await setUp({ document_count: DOCUMENTS_MAX - 2 });
  expect(DOCUMENTS_MAX).toBe(100_000);
  const { body } = await device.push([
    entity("settings", "a", { n: 1 }),
    entity("session", "b", { n: 1 }),
    entity("session", "c", { n: 1 }),
    entity("card", crypto.randomUUID(), cardData()),
    deletion("session", "never-there", null),
  ]);
  expect(outcomesOf(body.results)).toEqual(["synced", "synced", "quota-exceeded", "synced", "synced"]);
  expect(await headsOf(member)).toMatchObject({ document_count: DOCUMENTS_MAX });
  const base = checksumOf({ n: 1 });
  const changed = await device.push([entity("settings", "a", { n: 2 }, base), deletion("session", "b", base)]);
  expect(outcomesOf(changed.body.results)).toEqual(["synced", "synced"]);
  expect(await device.pushOne(entity("session", "c", { n: 1 }))).toMatchObject({ error: { code: "quota-exceeded" } });
  expect(await device.pushOne(entity("session", "b", { n: 3 }))).toMatchObject({ sync_status: "synced" });
  expect((await device.states({ status: "failed" })).body.items).toMatchObject([
    { entity_id: "c", error_message: "quota-exceeded" },
  ]);
});

test("256 MiB of them, counted as JSON; what fits beside what does not is taken, and what gets shorter always", async () => {
  expect(DOCUMENT_BYTES_TOTAL_MAX).toBe(256 * 1024 * 1024);
  const bytes = (count: number) => ({ a: "x".repeat(count - '{"a":""}'.length) });
  const { member, device } = await setUp({ document_bytes: DOCUMENT_BYTES_TOTAL_MAX - 1_000 });
  const { body } = await device.push([
    entity("settings", "a", bytes(600)),
    entity("settings", "b", bytes(401)),
    entity("settings", "c", bytes(400)),
  ]);
  expect(outcomesOf(body.results)).toEqual(["synced", "quota-exceeded", "synced"]);
  expect(await headsOf(member)).toEqual({ document_count: 2, document_bytes: DOCUMENT_BYTES_TOTAL_MAX });
  const sum = checksumOf(bytes(600));
  expect(await device.pushOne(entity("settings", "a", bytes(601), sum))).toMatchObject({ sync_status: "failed" });
  expect(await device.pushOne(entity("settings", "a", bytes(599), sum))).toMatchObject({ sync_status: "synced" });
  expect(await device.pushOne(deletion("settings", "c", checksumOf(bytes(400))))).toMatchObject({
    sync_status: "synced",
  });
  expect(await headsOf(member)).toEqual({ document_count: 2, document_bytes: DOCUMENT_BYTES_TOTAL_MAX - 401 });
});

test("of several devices that push at once no more are taken than there is room for", async () => {
  const { member } = await setUp({ document_count: DOCUMENTS_MAX - 3 });
  const other = await createApi({}, api);
  const results = await Promise.all(
    Array.from({ length: 8 }, (_, n) => deviceOf(n % 2 ? api : other, member).pushOne(entity("settings", `s${n}`, {}))),
  );
  expect(outcomesOf(results).filter(outcome => outcome === "synced")).toHaveLength(3);
});

describe("100,000 states of devices", () => {
  const STATES_MAX = 100_000;
  const KEPT = 99_000;
  /** Each of them of another made-up device. */
  const fill = ({ id }: Member, count: number) => api.sql`
    INSERT INTO sync_state (user_id, client_id, entity_type, entity_id, sync_status, sync_direction)
    SELECT ${id}, 'made-up-' || gen_random_uuid(), 'settings', 'a', 'failed', 'push' FROM generate_series(1, ${count}::integer)`;
  const statesOf = async ({ id }: Member) => {
    const [row] = await api.sql<{ states: number; counted: number; devices: string[] }[]>`
      SELECT count(*)::integer AS states, h.state_count AS counted,
        array_agg(s.client_id ORDER BY s.id) FILTER (WHERE s.client_id NOT LIKE 'made-up-%') AS devices
      FROM sync_heads h JOIN sync_state s ON s.user_id = h.user_id WHERE h.user_id = ${id} GROUP BY h.user_id`;
    return row;
  };
  const idsOf = async ({ id }: Member) =>
    (await api.sql<{ id: string }[]>`SELECT id FROM sync_state WHERE user_id = ${id} ORDER BY id`).map(row => row.id);
  const count = ({ id }: Member, state_count: number) =>
    api.sql`UPDATE sync_heads SET state_count = ${state_count} WHERE user_id = ${id}`;

  test("are kept, and one more makes the oldest thousand be forgotten", async () => {
    const { member, device } = await setUp();
    const neighbour = await setUp();
    await neighbour.device.pushOne(entity("settings", "a", {}));
    await fill(member, STATES_MAX - 1);
    expect(await device.pushOne(entity("settings", "a", {}))).toMatchObject({ sync_status: "synced" });
    expect(await statesOf(member)).toEqual({ states: STATES_MAX, counted: STATES_MAX, devices: [device.client_id] });
    const ids = await idsOf(member);
    // Changing what there is makes nothing more.
    expect(await device.pushOne(entity("settings", "a", { n: 1 }, checksumOf({})))).toMatchObject({
      sync_status: "synced",
    });
    expect(await idsOf(member)).toEqual(ids);

    expect(await device.pushOne(deletion("settings", "never-there", null))).toMatchObject({ sync_status: "synced" });
    const devices = [device.client_id, device.client_id];
    expect(await statesOf(member)).toEqual({ states: KEPT, counted: KEPT, devices });
    expect((await idsOf(member)).slice(0, -1)).toEqual(ids.slice(STATES_MAX + 1 - KEPT));
    expect(await statesOf(neighbour.member)).toMatchObject({ states: 1, counted: 1 });

    // No reason to refuse a card.
    await fill(member, STATES_MAX - KEPT);
    expect((await api.publish(member.key, [newCard()])).status).toBe(201);
    expect(await statesOf(member)).toMatchObject({ states: STATES_MAX, counted: STATES_MAX });
    expect((await api.publish(member.key, [newCard()], { client_id: "desk" })).status).toBe(201);
    expect(await statesOf(member)).toEqual({ states: KEPT, counted: KEPT, devices: [...devices, "desk"] });
  });

  test("of devices that push at once are counted once each, and gone with the account", async () => {
    const { member } = await setUp();
    const other = await createApi({}, api);
    await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        deviceOf(n % 2 ? api : other, member).push([
          entity("settings", `a${n}`, {}),
          entity("settings", "invalid", "no object"),
        ]),
      ),
    );
    expect(await statesOf(member)).toMatchObject({ states: 24, counted: 24 });
    await api.call("DELETE", "/api/me", { key: member.key });
    expect(await api.sql`SELECT state_count FROM sync_heads WHERE user_id = ${member.id}`).toEqual([
      { state_count: 0 },
    ] as never);
  });

  test("go by ten thousand at a time, where there were more before they were counted", async () => {
    const { member, device } = await setUp();
    await fill(member, 12_000);
    await count(member, STATES_MAX + 12_000);
    await device.pushOne(entity("settings", "a", {}));
    expect(await statesOf(member)).toMatchObject({ states: 2_001, counted: STATES_MAX + 2_001 });
  });

  test("are counted when the schema comes to count them", async () => {
    const { url, sql } = await emptyDatabase();
    await applyMigrations(url, { through: 15 });
    await sql`
      INSERT INTO users (username, email, api_key_hash, api_key_prefix)
      SELECT n, n || '@example.org', n, 'ext_none' FROM unnest('{none,some}'::text[]) n`;
    await sql`
      INSERT INTO sync_state (user_id, client_id, entity_type, entity_id, sync_direction)
      SELECT u.id, 'laptop', 'settings', n::text, 'push' FROM users u, generate_series(1, 3) n WHERE u.username = 'some'`;
    await applyMigrations(url);
    const rows = await sql`
      SELECT u.username, h.state_count FROM sync_heads h JOIN users u ON u.id = h.user_id
      WHERE u.username <> 'system' ORDER BY u.username`;
    expect([...rows]).toEqual([
      { username: "none", state_count: 0 },
      { username: "some", state_count: 3 },
    ]);
    await sql`DELETE FROM users WHERE username = 'some'`;
    expect(await sql`SELECT FROM sync_state`).toHaveLength(0);
  });

  test("may forget a conflict, which is then no more to be resolved, and told anew with the next push", async () => {
    const { member, device } = await setUp();
    await deviceOf(api, member).pushOne(entity("settings", "theme", { n: 1 }));
    const mine = entity("settings", "theme", { n: 2 });
    expect(await device.pushOne(mine)).toMatchObject({ sync_status: "conflict" });
    await count(member, STATES_MAX);
    await fill(member, 1);
    const name = { entity_type: "settings", entity_id: "theme" };
    expect((await device.resolve({ ...name, resolution: "remote_wins" })).status).toBe(404);
    expect(await device.pushOne(mine)).toMatchObject({ sync_status: "conflict", server: { data: { n: 1 } } });
    expect((await device.resolve({ ...name, resolution: "remote_wins" })).body).toMatchObject({
      sync_status: "synced",
      server: { data: { n: 1 } },
    });
  });
});
