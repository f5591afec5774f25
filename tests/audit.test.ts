// The audit log: nothing in it changes, whoever tries; reasons are erased with the account that they are about.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi, type Member, tablesWith } from "./api-support.ts";
import { expectBalancedBooks, refusalOf } from "./books-support.ts";
import { adjust, change, lastEntryOf, type Recorded, recordsAbout, reverse } from "./operator-support.ts";

setDefaultTimeout(60_000);

let api: Api;
let admin: Member;
let colleague: Member;
beforeAll(async () => {
  api = await createApi();
  [admin, colleague] = [await api.registerOperator("admin"), await api.registerOperator("admin")];
});

const read = (query: string, headers = {}) =>
  api.call<{ items: Recorded[]; next_cursor: string | null }>("GET", `/api/admin/audit?${query}`, {
    key: admin.key,
    headers,
  });

describe("the database refuses", () => {
  test("to change, delete or empty the log, and to change a reason, also for the owner and for replication", async () => {
    const { id } = await api.register();
    await adjust(api, admin, id, {});
    for (const statement of [
      "UPDATE audit_log SET actor_id = user_id",
      "DELETE FROM audit_log",
      "TRUNCATE audit_log CASCADE",
      "UPDATE audit_reasons SET reason = 'another one'",
      "TRUNCATE audit_reasons",
    ]) {
      expect([statement, await refusalOf(api.sql.unsafe(statement))]).toEqual([statement, "EX002"]);
      const replicated = api.sql.begin(async tx => {
        await tx`SET LOCAL session_replication_role = replica`;
        await tx.unsafe(statement);
      });
      expect([statement, await refusalOf(replicated)]).toEqual([statement, "EX002"]);
    }
  });
});

describe("the list", () => {
  test("goes by actor, action, account on either side, and time, and page by page", async () => {
    const [a, b] = [await api.register(), await api.register()];
    await adjust(api, admin, a.id, { type: "penalty" });
    await adjust(api, colleague, a.id, {});
    await api.call("POST", "/api/transfers", {
      key: a.key,
      body: { to_user: b.id, amount: "1.00" },
      headers: { "idempotency-key": "audited" },
    });
    await reverse(api, colleague, await lastEntryOf(api, b.id));
    await change(api, admin, b.id, "role", { role: "auditor" });
    const kinds = async (query: string) => (await read(query)).body.items.map(({ action }) => action);
    expect(await kinds(`user_id=${a.id}`)).toEqual(["movement_reversed", "balance_adjusted", "balance_adjusted"]);
    expect(await kinds(`user_id=${b.id}`)).toEqual(["role_changed", "movement_reversed"]);
    expect(await kinds(`user_id=${a.id}&actor_id=${admin.id}`)).toEqual(["balance_adjusted"]);
    expect(await kinds(`user_id=${a.id}&action=movement_reversed`)).toEqual(["movement_reversed"]);
    const { items } = (await read(`user_id=${a.id}`)).body;
    const [newest, middle, oldest] = items.map(({ at }) => at);
    expect(await kinds(`user_id=${a.id}&from=${middle}`)).toHaveLength(2);
    expect((await read(`user_id=${a.id}&from=${oldest}&to=${newest}`)).body.items).toEqual(items.slice(1));

    const all: Recorded[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const { body } = await read(`user_id=${a.id}&limit=1${cursor && `&cursor=${cursor}`}`);
      all.push(...body.items);
      cursor = body.next_cursor;
    }
    expect(all).toEqual(items);
  });

  test("refuses bad filters, cursors and limits", async () => {
    for (const query of [
      "action=deleted",
      "actor_id=x",
      "user_id=",
      "request_id=",
      `request_id=${"x".repeat(129)}`,
      "from=yesterday",
      "from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z",
      "limit=0",
      "cursor=x",
      "reason=x",
    ]) {
      expect([query, (await read(query)).status]).toEqual([query, 422]);
    }
    for (const query of [`user_id=${crypto.randomUUID()}`, `request_id=${"x".repeat(128)}`]) {
      expect((await read(query)).body).toMatchObject({ items: [], next_cursor: null });
    }
  });

  test("comes as CSV, all of it, in which a reason is no formula", async () => {
    const { id } = await api.register();
    for (const reason of ["=HYPERLINK(1)", 'said "no",\r\ntwice']) await adjust(api, admin, id, { reason });
    const { status, headers, text } = await read(`user_id=${id}&limit=1`, { accept: "text/csv" });
    expect([status, headers.get("content-type"), headers.get("vary")]).toEqual([
      200,
      "text/csv; charset=utf-8",
      "Accept",
    ]);
    expect(text.split("\r\n")[0]).toBe(
      "id,at,actor_id,actor_username,action,user_id,user_username,counterparty_id,counterparty_username,transaction_id,before,after,reason,request_id",
    );
    expect(text).toContain(",'=HYPERLINK(1),");
    expect(text).toContain('"said ""no"",\r\ntwice"');
    expect(text).toContain('"{""balance"":""11.00""}"');
  });
});

describe("erasing an account", () => {
  test("erases the reasons about it and keeps what was done", async () => {
    const [gone, other] = [await api.register(), await api.register()];
    await adjust(api, admin, gone.id, { reason: "gone-secret owes rent" });
    await change(api, admin, gone.id, "deactivate", { reason: "gone-secret was rude" });
    await change(api, admin, gone.id, "activate", { reason: "gone-secret is sorry" });
    await api.call("POST", "/api/transfers", {
      key: other.key,
      body: { to_user: gone.id, amount: "1.00" },
      headers: { "idempotency-key": "to-gone" },
    });
    await reverse(api, admin, await lastEntryOf(api, other.id), { reason: "gone-secret did not deliver" });
    await adjust(api, admin, other.id, { reason: "about the other" });
    expect((await recordsAbout(api, admin, gone.id)).map(({ reason }) => reason?.slice(0, 11))).toEqual(
      Array.from({ length: 4 }, () => "gone-secret"),
    );
    expect((await api.call("DELETE", "/api/me", { key: gone.key })).status).toBe(204);
    const left = await recordsAbout(api, admin, gone.id);
    expect(left.map(({ action, reason }) => [action, reason])).toEqual([
      ["movement_reversed", null],
      ["account_activated", null],
      ["account_deactivated", null],
      ["balance_adjusted", null],
    ]);
    for (const text of ["gone-secret", gone.name]) expect(await tablesWith(api.sql, text)).toEqual([]);
    expect((await recordsAbout(api, admin, other.id)).map(({ reason }) => reason)).toEqual(["about the other", null]);
    await expectBalancedBooks(api.sql);
  });

  test("that was an admin's leaves what it did to others, with its reasons", async () => {
    const former = await api.registerOperator("admin");
    const { id } = await api.register();
    await adjust(api, former, id, { reason: "A promise of last year." });
    expect((await api.call("DELETE", "/api/me", { key: former.key })).status).toBe(204);
    const [record] = await recordsAbout(api, admin, id);
    expect(record).toMatchObject({ actor_id: former.id, reason: "A promise of last year." });
    expect(record?.actor_username).toStartWith("erased-");
  });
});

test("what fails leaves no record: deed and record are one transaction", async () => {
  const { id } = await api.register();
  const count = async () => Number((await api.sql<{ n: string }[]>`SELECT count(*) AS n FROM audit_log`)[0]?.n);
  const before = await count();
  await adjust(api, admin, id, { type: "penalty", amount: "99.00" });
  await adjust(api, admin, id, { amount: "999999999999999999.99" });
  await change(api, admin, crypto.randomUUID(), "deactivate");
  expect(await count()).toBe(before);
  await api.sql.unsafe("ALTER TABLE audit_log ADD CONSTRAINT audit_log_full CHECK (false) NOT VALID");
  try {
    expect((await adjust(api, admin, id, {})).status).toBe(500);
    expect((await change(api, admin, id, "deactivate")).status).toBe(500);
    const body = { username: "never-made", email: "never-made@example.org" };
    expect((await api.call("POST", "/api/users", { key: admin.key, body })).status).toBe(500);
  } finally {
    await api.sql.unsafe("ALTER TABLE audit_log DROP CONSTRAINT audit_log_full");
  }
  const [user] = await api.sql`SELECT extropy_balance, is_active FROM users WHERE id = ${id}`;
  expect(user).toMatchObject({ extropy_balance: "10.00", is_active: true });
  expect(await api.sql`SELECT FROM users WHERE username = 'never-made'`).toHaveLength(0);
  await expectBalancedBooks(api.sql);
});
