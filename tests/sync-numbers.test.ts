// The numbers of changes, which the feed rests on: one for each change of what devices see, taken in the order of
// commits, whoever writes and however much at once.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Sql, Tx } from "../src/db.ts";
import { readMigrations } from "../src/migrate/files.ts";
import { applyMigrations } from "../src/migrate.ts";
import { type Api, createApi, type Member } from "./api-support.ts";
import { makeMigrations, removeMigrations } from "./migrate-support.ts";
import { quickestOf } from "./quickest.ts";
import { emptyDatabase } from "./support.ts";
import { cardData, deletion, deviceOf, entity } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
beforeAll(async () => {
  api = await createApi();
});
afterAll(removeMigrations);

const headOf = async ({ id }: Member) =>
  Number((await api.sql`SELECT change_no FROM sync_heads WHERE user_id = ${id}`)[0]?.change_no);

const insertCards = (sql: Sql | Tx, { id }: Pick<Member, "id">, count: number, text: string) => sql`
  INSERT INTO cards (user_id, content, content_hash, privacy_level, is_published, published_at)
  SELECT ${id}, 'text', ${text} || n, 'IDEAS', true, now() FROM generate_series(1, ${count}) n`;

describe("numbers that the database gives", () => {
  test("are as many as cards in one statement, in no more time for each than a few cards take", async () => {
    const member = await api.register();
    const timed = async (count: number) => {
      const startedAt = performance.now();
      await insertCards(api.sql, member, count, crypto.randomUUID());
      return (performance.now() - startedAt) / count;
    };
    await timed(1_000);
    let rounds = 0;
    const ratio = await quickestOf(4, async () => {
      rounds++;
      const few = await timed(1_000);
      return (await timed(20_000)) / few;
    });
    expect(ratio).toBeLessThan(4);
    const [row] = await api.sql`
      SELECT count(*)::int AS cards, count(DISTINCT change_no)::int AS numbers, max(change_no) AS last
      FROM cards WHERE user_id = ${member.id}`;
    const cards = 1_000 + rounds * 21_000;
    expect(row).toMatchObject({ cards, numbers: cards });
    expect(await headOf(member)).toBeGreaterThanOrEqual(Number(row?.last));
  });

  test("are never given twice: with several users, rollbacks and other calls in one transaction", async () => {
    const [one, two] = [await api.register(), await api.register()];
    await api.sql.begin(async tx => {
      for (let round = 0; round < 5; round++) {
        for (const member of [one, two]) await insertCards(tx, member, 7, crypto.randomUUID());
        const undone = tx.savepoint(async inner => {
          await insertCards(inner, one, 9, crypto.randomUUID());
          throw new Error("undone");
        });
        await undone.catch(() => {});
        await tx`SELECT take_change_nos(ARRAY[${one.id}, ${two.id}, ${one.id}]::uuid[])`;
        await insertCards(tx, one, 3, crypto.randomUUID());
        await tx`UPDATE cards SET title = ${round} WHERE user_id = ${one.id}`;
        await tx`UPDATE users SET bio = ${round} WHERE id = ${one.id}`;
      }
    });
    for (const [member, cards] of [
      [one, 50],
      [two, 35],
    ] as const) {
      const { items } = await deviceOf(api, member).pullAll();
      expect(items.filter(item => item.entity_type === "card")).toHaveLength(cards);
    }
    await deviceOf(api, one).pushOne(entity("settings", "afterwards", {}));
    expect((await deviceOf(api, one).pullAll()).items.at(-1)?.entity_id).toBe("afterwards");
  });

  test("come with the lock of the account's head, which is held until the commit", async () => {
    const member = await api.register();
    const device = deviceOf(api, member);
    const { promise: mayCommit, resolve: commit } = Promise.withResolvers<void>();
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    const slow = api.sql.begin(async tx => {
      await insertCards(tx, member, 1, crypto.randomUUID());
      start();
      await mayCommit;
    });
    await started;
    let isDone = false;
    const quick = device.pushOne(entity("settings", "a", {})).then(() => (isDone = true));
    await Bun.sleep(200);
    expect(isDone).toBe(false);
    const { items, cursor } = await device.pullAll();
    expect(items.map(item => item.entity_type)).toEqual(["user_profile"]);
    commit();
    await Promise.all([slow, quick]);
    expect((await device.pullAll(cursor)).items.map(item => item.entity_type)).toEqual(["card", "settings"]);
  });
});

test("a schema from before sync is numbered as it comes up to date", async () => {
  const { url, sql } = await emptyDatabase();
  const before = (await readMigrations()).filter(({ name }) => name < "0007");
  const files = before.flatMap(({ name, up, down }) => [
    [`${name}.sql`, up],
    [`${name}.down.sql`, down],
  ]);
  await applyMigrations(url, { directory: await makeMigrations(Object.fromEntries(files)) });
  const [user] = await sql<{ id: string }[]>`
    INSERT INTO users (username, email, api_key_hash, api_key_prefix) VALUES ('old', 'old@example.org', 'x', 'ext_old')
    RETURNING id`;
  const id = user?.id ?? "";
  await insertCards(sql, { id }, 3, "old");
  await sql`
    INSERT INTO cards (user_id, content, content_hash, privacy_level) VALUES (${id}, 'private', 'private', 'PRIVATE')`;
  const updatedAt = await sql`SELECT id, updated_at FROM cards ORDER BY id`;
  await applyMigrations(url);
  expect(await sql`SELECT id, updated_at FROM cards ORDER BY id`).toEqual(updatedAt);
  const rows = await sql`SELECT change_no FROM cards WHERE user_id = ${id} ORDER BY change_no NULLS LAST`;
  expect(rows.map(row => row.change_no)).toEqual(["2", "3", "4", null]);
  expect(await sql`SELECT change_no, profile_change_no FROM sync_heads WHERE user_id = ${id}`).toMatchObject([
    { change_no: "4", profile_change_no: "1" },
  ]);
});

test("a push with a key that has died is refused, writes nothing, and delays nobody who shares its commit", async () => {
  const members = await Promise.all([api.register(), api.register(), api.register()]);
  const keys = await Promise.all(
    members.map(({ key }) =>
      api.call<{ id: string; api_key: string }>("POST", "/api/keys", {
        key,
        body: { name: "k", scopes: ["sync", "publish"] },
      }),
    ),
  );
  const devices = keys.map(({ body }) => deviceOf(api, { key: body.api_key }));
  await Promise.all(devices.map(device => device.push([entity("settings", "a", { n: 1 })])));
  await api.call("DELETE", `/api/keys/${keys[1]?.body.id}`, { key: members[1]?.key });
  const card = crypto.randomUUID();
  const answers = await Promise.all(
    devices.map((device, index) =>
      device.push([
        deletion("settings", "a", null),
        entity("session", "b", {}),
        entity("card", index === 1 ? card : crypto.randomUUID(), cardData()),
      ]),
    ),
  );
  expect(answers.map(answer => answer.status)).toEqual([200, 401, 200]);
  for (const index of [0, 2]) {
    expect(answers[index]?.body.results.map(result => result.sync_status)).toEqual(["conflict", "synced", "synced"]);
  }
  expect(await api.sql`SELECT FROM cards WHERE id = ${card}`).toHaveLength(0);
  expect(await api.sql`SELECT FROM sync_documents WHERE user_id = ${members[1]?.id ?? ""}`).toHaveLength(1);
});
