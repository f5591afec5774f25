// `/api/admin/integrity`: who may ask, what is answered, and how many checks run at once.

import { beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { IntegrityReport } from "../src/admin/integrity-model.ts";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";
import { behindTheTriggers } from "./integrity-support.ts";

setDefaultTimeout(60_000);

let api: Api;
let admin: Member;

beforeEach(async () => {
  api = await createApi();
  admin = await api.registerOperator("admin");
});

const check = (method: "GET" | "POST", { key } = admin) =>
  api.call<IntegrityReport>(method, "/api/admin/integrity", { key });

test("a GET tells what came since the last clean POST, which tells everything", async () => {
  const { key } = await api.register();
  const before = await check("GET");
  expect(before.status).toBe(200);
  expect(before.body).toMatchObject({ ok: true, full: true, entries_checked: 2 });

  const all = await check("POST");
  expect(all.status).toBe(200);
  expect(Object.keys(all.body)).toEqual("ok root full checked_at entries_checked invariants supply".split(" "));
  expect(all.body).toMatchObject({ ok: true, full: true, entries_checked: 2, root: before.body.root });
  expect(all.body.supply).toEqual({
    issued: "20.00",
    burned: "0.00",
    circulating: "20.00",
    by_type: { initial_grant: { issued: "20.00", burned: "0.00", entries: 2 } },
  });
  expect(all.body.invariants[0]).toEqual({ name: "money", violations: 0, examples: [] });
  expect(all.body.checked_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

  await api.publishCard(key);
  const since = await check("GET");
  expect(since.body).toMatchObject({ ok: true, full: false, entries_checked: 1, supply: { circulating: "21.00" } });
  expect(since.body.root).not.toBe(all.body.root);
  expect(await api.sql`SELECT FROM integrity_checks`).toHaveLength(1);
});

test("what the server itself does leaves nothing to complain about", async () => {
  const [ada, bob] = [await api.register(), await api.register()];
  const [cited, citing] = [await api.publishCard(ada.key), await api.publishCard(bob.key)];
  for (const attribution_type of ["citation", "remix", "reply", "inspiration"]) {
    const body = { source_card_id: cited.id, target_card_id: citing.id, attribution_type };
    expect((await api.call("POST", "/api/attributions", { key: bob.key, body })).status).toBe(201);
  }
  await check("POST");
  await api.publish(ada.key, [newCard(), newCard()]);
  const headers = { "idempotency-key": "one" };
  await api.call("POST", "/api/transfers", { key: ada.key, headers, body: { to_user: bob.name, amount: "2.50" } });
  await api.call("DELETE", `/api/cards/${citing.id}`, { key: bob.key });
  const entries = await api.sql<{ id: string }[]>`
    SELECT id FROM extropy_ledger
    WHERE transaction_type IN ('attribution_payment', 'transfer_received')
      OR (transaction_type = 'publish_reward' AND user_id = ${ada.id})`;
  for (const { id } of entries) {
    const reversal = { key: admin.key, headers: { "idempotency-key": id }, body: { reason: "A mistake." } };
    expect((await api.call("POST", `/api/admin/ledger/${id}/reversal`, reversal)).status).toBe(201);
  }
  expect((await api.call("DELETE", "/api/me", { key: bob.key })).status).toBe(204);
  for (const method of ["GET", "POST"] as const) {
    const { body } = await check(method);
    expect(body.invariants.filter(({ violations }) => violations > 0)).toEqual([]);
    expect(body.ok).toBe(true);
  }
});

test("wrong books are an answer, not an error, and are not recorded", async () => {
  const { id } = await api.register();
  await behindTheTriggers(api.sql, `UPDATE users SET extropy_balance = 500 WHERE id = '${id}'`);
  for (const method of ["GET", "POST"] as const) {
    const { status, body } = await check(method);
    expect({ status, ok: body.ok }).toEqual({ status: 200, ok: false });
    const balances = body.invariants.find(({ name }) => name === "balances");
    expect(balances?.violations).toBe(1);
    expect(balances?.examples[0]?.offender).toBe(`user ${id}`);
  }
  expect(await api.sql`SELECT FROM integrity_checks`).toHaveLength(0);
});

test("auditors may look, only admins may have a check recorded, members neither", async () => {
  const auditor = await api.registerOperator("auditor");
  const member = await api.register();
  expect((await check("GET", auditor)).status).toBe(200);
  for (const [method, who] of [
    ["POST", auditor],
    ["POST", member],
    ["GET", member],
  ] as const) {
    expect(await check(method, who)).toMatchObject({ status: 403, body: { type: "/problems/forbidden" } });
  }
  expect((await api.call("GET", "/api/admin/integrity?full=1", { key: admin.key })).status).toBe(422);
});

test("one check of everything runs at a time, in this process or another; a GET need not wait for it", async () => {
  const other = await createApi({}, api);
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  // As a check does that another process makes.
  const running = api.sql.begin(async tx => {
    await tx`LOCK TABLE integrity_checks IN SHARE ROW EXCLUSIVE MODE`;
    begin();
    await held;
  });
  await began;
  const refused = await check("POST");
  expect(refused).toMatchObject({ status: 409, body: { type: "/problems/idempotency-in-flight" } });
  expect(refused.body.detail).toContain("A check of everything is running");
  expect((await check("GET")).status).toBe(200);
  release();
  await running;

  const answers = await Promise.all(
    [api, other, api, other].map(({ call }) => call("POST", "/api/admin/integrity", { key: admin.key })),
  );
  const statuses = answers.map(({ status }) => status);
  expect(statuses).toContain(200);
  expect(statuses.filter(status => status !== 200 && status !== 409)).toEqual([]);
  expect((await check("POST")).status).toBe(200);
});

test("many GETs at once are few checks, and each sees what was committed before it was asked for", async () => {
  await check("POST");
  const key = admin.key;
  const ask = async () => {
    await api.publishCard(key);
    const [row] = await api.sql<{ count: number }[]>`
      SELECT count(*)::integer - 1 AS count FROM extropy_ledger`;
    const { status, body } = await check("GET");
    expect(status).toBe(200);
    expect(body.entries_checked).toBeGreaterThanOrEqual(row?.count ?? 0);
    return body.checked_at;
  };
  const moments = await Promise.all(Array.from({ length: 40 }, ask));
  expect(new Set(moments).size).toBeLessThan(40);
});

test("a check that takes longer than a connection may be quiet is answered all the same", async () => {
  api.app.listen({ hostname: "127.0.0.1", port: 0, reusePort: false, development: false, idleTimeout: 1 });
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  const blocker = api.sql.begin(async tx => {
    await tx`LOCK TABLE cards IN ACCESS EXCLUSIVE MODE`;
    begin();
    await held;
  });
  await began;
  const address = `http://127.0.0.1:${api.app.server?.port}/api/admin/integrity`;
  const answers = ["GET", "POST"].map(method =>
    fetch(address, { method, headers: { authorization: `Bearer ${admin.key}` } }),
  );
  setTimeout(release, 6_000);
  for (const answer of answers) expect((await answer).status).toBe(200);
  await blocker;
  await api.app.server?.stop(true);
});
