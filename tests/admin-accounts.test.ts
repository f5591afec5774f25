// What operators do to accounts: in and out, keys, roles; at once in every process, never without an admin left.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi, type Member } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { change, REASON, recordsAbout } from "./operator-support.ts";

setDefaultTimeout(60_000);

let api: Api;
let admin: Member;
beforeAll(async () => {
  api = await createApi();
  admin = await api.registerOperator("admin");
});
afterAll(() => expectBalancedBooks(api.sql));

const me = (process: Api, key: string) => process.call("GET", "/api/me", { key }).then(({ status }) => status);
const SYSTEM = "00000000-0000-0000-0000-000000000000";

describe("deactivating", () => {
  test("ends every key at once in every process, until the account is activated again", async () => {
    const member = await api.register();
    const named = await api.call<{ api_key: string }>("POST", "/api/keys", {
      key: member.key,
      body: { name: "laptop" },
    });
    const keys = [member.key, named.body.api_key];
    const beside = await createApi({}, api);
    const all = () => Promise.all([api, beside].flatMap(process => keys.map(key => me(process, key))));
    expect(await all()).toEqual([200, 200, 200, 200]);
    const { status, body } = await change(api, admin, member.id, "deactivate");
    expect([status, body.is_active, body.id]).toEqual([200, false, member.id]);
    expect(await all()).toEqual([401, 401, 401, 401]);
    expect((await api.publish(member.key, [])).status).toBe(401);
    expect((await change(api, admin, member.id, "activate")).body.is_active).toBe(true);
    expect(await all()).toEqual([200, 200, 200, 200]);
  });

  test("leaves the cards where they are: they are read and cited, and earn", async () => {
    const [author, reader] = [await api.register(), await api.register()];
    const [source, target] = [await api.publishCard(author.key), await api.publishCard(reader.key)];
    await change(api, admin, author.id, "deactivate");
    expect((await api.call("GET", `/cards/${source.slug}`)).status).toBe(200);
    const body = { source_card_id: source.id, target_card_id: target.id, attribution_type: "citation" };
    expect((await api.call("POST", "/api/attributions", { key: reader.key, body })).status).toBe(201);
    const transfer = { to_user: author.id, amount: "1.00" };
    const headers = { "idempotency-key": crypto.randomUUID() };
    expect((await api.call("POST", "/api/transfers", { key: reader.key, body: transfer, headers })).status).toBe(404);
    const { body: seen } = await api.call("GET", `/api/admin/users/${author.id}`, { key: admin.key });
    expect(seen).toMatchObject({ balance: "11.10", is_active: false });
  });

  test("twice is once, and what changes nothing is not recorded", async () => {
    const member = await api.register();
    await change(api, admin, member.id, "activate");
    for (const what of ["deactivate", "deactivate", "activate"]) {
      expect((await change(api, admin, member.id, what)).status).toBe(200);
    }
    expect(await recordsAbout(api, admin, member.id)).toMatchObject([
      { action: "account_activated", before: { is_active: false }, after: { is_active: true } },
      { action: "account_deactivated", before: { is_active: true }, after: { is_active: false }, reason: REASON },
    ]);
  });
});

test("a new key ends the old account key at once, and one of before a rotation; named keys stay", async () => {
  const member = await api.register();
  const named = await api.call<{ api_key: string }>("POST", "/api/keys", { key: member.key, body: { name: "laptop" } });
  const rotated = await api.call<{ api_key: string }>("POST", "/api/keys/rotate", { key: member.key });
  const first = await change(api, admin, member.id, "rotate-key");
  const second = await change(api, admin, member.id, "rotate-key");
  expect([first.status, first.body.id, second.status]).toEqual([200, member.id, 200]);
  const keys = [member.key, rotated.body.api_key, first.body.api_key, named.body.api_key, second.body.api_key];
  expect(await Promise.all(keys.map(key => me(api, key)))).toEqual([401, 401, 401, 200, 200]);
  const [record] = await recordsAbout(api, admin, member.id);
  const prefixes = [first.body.api_key.slice(0, 12), second.body.api_key.slice(0, 12)];
  expect([record?.before, record?.after]).toEqual(prefixes.map(api_key_prefix => ({ api_key_prefix })));
  expect(second.body.api_key_prefix).toBe(prefixes[1] ?? "");
  for (const { body } of [first, second]) {
    const secret = body.api_key.slice(13);
    expect(api.logs.filter(line => line.includes(secret))).toEqual([]);
    expect(await api.sql`SELECT FROM audit_log a WHERE strpos(a::text, ${secret}) > 0`).toHaveLength(0);
  }
});

test("a role counts from the next request on, and is taken back as fast", async () => {
  const member = await api.register();
  const look = () => api.call("GET", `/api/admin/users/${member.id}`, { key: member.key }).then(({ status }) => status);
  expect(await look()).toBe(403);
  expect((await change(api, admin, member.id, "role", { role: "auditor" })).body.role).toBe("auditor");
  expect(await look()).toBe(200);
  expect((await change(api, member, admin.id, "role", { role: "member" })).status).toBe(403);
  await change(api, admin, member.id, "role", { role: "admin" });
  expect((await change(api, member, member.id, "role", { role: "member" })).status).toBe(200);
  expect(await look()).toBe(403);
  expect((await recordsAbout(api, admin, member.id)).map(({ actor_id, after }) => [actor_id, after.role])).toEqual([
    [member.id, "member"],
    [admin.id, "admin"],
    [admin.id, "auditor"],
  ]);
});

describe("the last admin", () => {
  test("can neither be deactivated nor lose the role, by nobody", async () => {
    const alone = await createApi();
    const last = await alone.createAdmin();
    const inactive = await alone.registerOperator("admin");
    await change(alone, last, inactive.id, "deactivate");
    for (const [what, more] of [
      ["deactivate", {}],
      ["role", { role: "member" }],
      ["role", { role: "auditor" }],
    ] as const) {
      const answer = await change(alone, last, last.id, what, more);
      expect([answer.status, answer.body.type]).toEqual([409, "/problems/last-admin"]);
    }
    expect(await recordsAbout(alone, last, last.id)).toEqual([]);
    expect((await change(alone, last, inactive.id, "role", { role: "member" })).status).toBe(200);
    expect((await change(alone, last, last.id, "rotate-key")).status).toBe(200);
  });

  test("stays when two admins throw each other out, or leave, at the same moment", async () => {
    const alone = await createApi();
    for (let round = 0; round < 6; round++) {
      const [a, b] = [await alone.registerOperator("admin"), await alone.registerOperator("admin")];
      await alone.sql`UPDATE users SET role = 'member' WHERE role = 'admin' AND NOT id = ANY (${[a.id, b.id]})`;
      const leave = (who: Member) => alone.call("DELETE", "/api/me", { key: who.key });
      const answers = await Promise.all(
        [
          [() => change(alone, a, b.id, "deactivate"), () => change(alone, b, a.id, "role", { role: "member" })],
          [() => leave(a), () => change(alone, b, b.id, "deactivate")],
          [() => change(alone, a, b.id, "deactivate"), () => leave(a)],
        ][round % 3]?.map(run => run()) ?? [],
      );
      const done = answers.filter(({ status }) => status < 300);
      expect([round, done.length, answers.filter(({ status }) => status >= 500)]).toEqual([round, 1, []]);
      const admins = await alone.sql`SELECT FROM users WHERE role = 'admin' AND is_active`;
      expect(admins).toHaveLength(1);
    }
  });
});

describe("refused", () => {
  const changes = [
    ["deactivate", {}],
    ["activate", {}],
    ["rotate-key", {}],
    ["role", { role: "auditor" }],
  ] as const;

  test("is a change of nobody, of the system and of an erased account", async () => {
    const gone = await api.register();
    await api.call("DELETE", "/api/me", { key: gone.key });
    for (const [what, body] of changes) {
      for (const id of [crypto.randomUUID(), SYSTEM, gone.id, "x"]) {
        expect([what, (await change(api, admin, id, what, body)).status]).toEqual([what, 404]);
      }
    }
    const [system] = await api.sql`SELECT is_active, role, api_key_prefix FROM users WHERE id = ${SYSTEM}`;
    expect(system).toMatchObject({ is_active: false, role: "member", api_key_prefix: "ext_sys" });
  });

  test("is a change without a reason of 1 to 2000 characters, of another role, or with more fields", async () => {
    const { id } = await api.register();
    for (const [what, body] of changes) {
      for (const wrong of [{ reason: undefined }, { reason: " " }, { reason: "r".repeat(2001) }, { more: 1 }]) {
        expect([what, (await change(api, admin, id, what, { ...body, ...wrong })).status]).toEqual([what, 422]);
      }
    }
    for (const role of [undefined, null, "system", "ADMIN", ""]) {
      expect((await change(api, admin, id, "role", { role })).status).toBe(422);
    }
    expect(await recordsAbout(api, admin, id)).toEqual([]);
  });
});

test("an account that an admin registers is recorded, and one that registers itself is not", async () => {
  const itself = await api.register();
  const body = { username: `by-admin-${crypto.randomUUID().slice(0, 8)}`, email: `${crypto.randomUUID()}@example.org` };
  const made = await api.call<{ user: { id: string } }>("POST", "/api/users", { key: admin.key, body });
  expect(made.status).toBe(201);
  expect(await recordsAbout(api, admin, itself.id)).toEqual([]);
  const [record] = await recordsAbout(api, admin, made.body.user.id);
  expect(record).toMatchObject({
    action: "account_created",
    actor_id: admin.id,
    before: null,
    after: { role: "member", balance: "10.00" },
    reason: null,
    request_id: made.headers.get("x-request-id"),
  });
  const taken = await api.call("POST", "/api/users", { key: admin.key, body });
  expect(taken.body.type).toBe("/problems/username-taken");
});
