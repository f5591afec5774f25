// How many settings and sessions an account keeps, and how long they are all together: what is beyond fails alone.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { DOCUMENT_BYTES_TOTAL_MAX, DOCUMENTS_MAX } from "../src/sync/model.ts";
import { type Api, createApi, type Member } from "./api-support.ts";
import { cardData, checksumOf, deletion, deviceOf, entity, type Result } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

async function setUp(heads: { document_count?: number; document_bytes?: number }) {
  const member = await api.register();
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
