// Adjustments by operators: exact, signed by their type, never below zero, applied once, and recorded with a reason.

import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Api, createApi, type Member } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { adjust, balanceOf, change, lastEntryOf, REASON, recordsAbout } from "./operator-support.ts";

let api: Api;
let admin: Member;
beforeAll(async () => {
  api = await createApi();
  admin = await api.registerOperator("admin");
});
afterEach(() => expectBalancedBooks(api.sql));

describe("an adjustment", () => {
  test("moves what its type says, in one entry, and the log has who, why, before and after", async () => {
    const { id } = await api.register();
    const steps = [
      [{ type: "bonus", amount: "2.5" }, "2.50", "12.50"],
      [{ type: "penalty", amount: "0.01" }, "-0.01", "12.49"],
      [{ type: "admin_adjustment", amount: "-2" }, "-2.00", "10.49"],
      [{ type: "admin_adjustment", amount: "0.51" }, "0.51", "11.00"],
      [{ type: "penalty", amount: "11.00" }, "-11.00", "0.00"],
    ] as const;
    let before = "10.00";
    for (const [body, amount, after] of steps) {
      const answer = await adjust(api, admin, id, body);
      expect([answer.status, answer.text]).toEqual([201, answer.text]);
      expect(answer.body.entries).toHaveLength(1);
      expect(answer.body.entries[0]).toMatchObject({
        user_id: id,
        transaction_type: body.type,
        transaction_id: answer.body.transaction_id,
        amount,
        balance_before: before,
        balance_after: after,
      });
      expect((await recordsAbout(api, admin, id))[0]).toMatchObject({
        actor_id: admin.id,
        actor_username: admin.name,
        action: "balance_adjusted",
        user_id: id,
        counterparty_id: null,
        transaction_id: answer.body.transaction_id,
        before: { balance: before },
        after: { balance: after },
        reason: REASON,
        request_id: answer.headers.get("x-request-id"),
      });
      before = after;
    }
    expect(await balanceOf(api, id)).toBe("0.00");
    expect(await recordsAbout(api, admin, id)).toHaveLength(steps.length);
  });

  test("that would overdraw says what there is and what is needed, and leaves no trace", async () => {
    const { id } = await api.register();
    for (const body of [
      { type: "penalty", amount: "10.01" },
      { type: "admin_adjustment", amount: "-10.01" },
    ]) {
      const { status, body: problem } = await adjust(api, admin, id, body);
      expect([status, problem.balance, problem.required]).toEqual([402, "10.00", "10.01"]);
    }
    expect([await balanceOf(api, id), await recordsAbout(api, admin, id)]).toEqual(["10.00", []]);
  });

  const positive = ["-1.00", "-0.01"];
  const refused = [1, 0.1, null, true, {}, ["1.00"], "1e3", "1E3", "NaN", "Infinity", "+1.00", "1.005", " 1", "1 ", ""];
  const more = [
    "0.00",
    "0",
    "-0",
    "-0.00",
    "--1.00",
    "- 1",
    "-",
    "01.00",
    "1.",
    ".5",
    "1,00",
    "١",
    "0x1",
    "9".repeat(19),
  ];
  for (const type of ["bonus", "penalty", "admin_adjustment"]) {
    const list = [...refused, ...more, "123456789012345678901", ...(type === "admin_adjustment" ? [] : positive)];
    for (const amount of list) {
      test(`${type} of ${JSON.stringify(amount)} is refused and moves nothing`, async () => {
        const { status, body } = await adjust(api, admin, admin.id, { type, amount });
        expect([status, body.errors?.[0]?.pointer]).toEqual([422, "/amount"]);
        expect(await balanceOf(api, admin.id)).toBe("10.00");
      });
    }
  }

  test("that makes a balance larger than one can be is refused, alone and among others", async () => {
    const [rich, other] = await Promise.all([api.register(), api.register()]);
    const most = "999999999999999999.99";
    expect((await adjust(api, admin, rich.id, { amount: most })).status).toBe(422);
    const statuses = await Promise.all(
      [
        () => adjust(api, admin, other.id, {}),
        () => adjust(api, admin, rich.id, { amount: most }),
        () => adjust(api, admin, other.id, {}),
      ].map(async send => (await send()).status),
    );
    expect(statuses).toEqual([201, 422, 201]);
    expect([await balanceOf(api, rich.id), await balanceOf(api, other.id)]).toEqual(["10.00", "12.00"]);
  });

  test("needs a type, a reason of up to 2000 characters, and nothing that is not asked for", async () => {
    const { id } = await api.register();
    for (const [body, pointer] of [
      [{ type: "gift" }, "/type"],
      [{ type: undefined }, "/type"],
      [{ reason: undefined }, "/reason"],
      [{ reason: "" }, "/reason"],
      [{ reason: " \n\t " }, "/reason"],
      [{ reason: "\u200B\u2060\uFEFF" }, "/reason"],
      [{ reason: "\u3164\u115F\uFFA0\u2800" }, "/reason"],
      [{ reason: "\u202E\u{E0061}\uFE0F" }, "/reason"],
      [{ reason: 1 }, "/reason"],
      [{ reason: "r".repeat(2001) }, "/reason"],
      [{ reason: "a\0b" }, "/reason"],
      [{ user_id: id }, "/user_id"],
    ] as const) {
      const { status, body: problem } = await adjust(api, admin, id, body);
      expect([status, problem.errors?.[0]?.pointer]).toEqual([422, pointer]);
    }
    expect((await adjust(api, admin, id, { reason: "🙂".repeat(2000) })).status).toBe(201);
  });

  test("reaches deactivated accounts, and neither nobody, the system nor an erased account", async () => {
    const [kept, gone] = await Promise.all([api.register(), api.register()]);
    await change(api, admin, kept.id, "deactivate");
    expect((await adjust(api, admin, kept.id, {})).status).toBe(201);
    await api.call("DELETE", "/api/me", { key: gone.key });
    const nobody = [crypto.randomUUID(), "00000000-0000-0000-0000-000000000000", gone.id, "x", "%00"];
    for (const id of nobody) expect((await adjust(api, admin, id, {})).status).toBe(404);
  });

  test("shows its owner the entry, and neither the reason nor who made it", async () => {
    const member = await api.register();
    await adjust(api, admin, member.id, { reason: "A secret reason." }, "a-secret-key");
    const path = `/api/ledger/${await lastEntryOf(api, member.id)}`;
    const { status, text } = await api.call("GET", path, { key: member.key });
    expect(status).toBe(200);
    for (const hidden of ["A secret reason", "a-secret-key", admin.id, admin.name]) expect(text).not.toContain(hidden);
  });
});

describe("an Idempotency-Key", () => {
  test("is needed, and makes a repetition harmless, in every process and also when more has happened", async () => {
    const { id } = await api.register();
    expect((await adjust(api, admin, id, {}, null)).body.type).toBe("/problems/idempotency-key-missing");
    const first = await adjust(api, admin, id, {}, "again");
    await adjust(api, admin, id, { type: "penalty", amount: "3.00" });
    const beside = await createApi({}, api);
    for (const process of [api, beside]) {
      const again = await adjust(process, admin, id, { amount: "1" }, "again");
      expect([again.status, again.text, again.headers.get("idempotency-replayed")]).toEqual([201, first.text, "true"]);
    }
    expect(await balanceOf(api, id)).toBe("8.00");
    expect(await recordsAbout(api, admin, id)).toHaveLength(2);
  });

  test("belongs to one request: another amount, type, reason or account is refused", async () => {
    const [{ id }, other] = await Promise.all([api.register(), api.register()]);
    await adjust(api, admin, id, {}, "taken");
    for (const body of [{ amount: "1.01" }, { type: "penalty" }, { reason: "Another one." }]) {
      expect((await adjust(api, admin, id, body, "taken")).body.type).toBe("/problems/idempotency-key-reused");
    }
    expect((await adjust(api, admin, other.id, {}, "taken")).body.type).toBe("/problems/idempotency-key-reused");
    expect((await adjust(api, admin, id.toUpperCase(), {}, "taken")).status).toBe(201);
    expect([await balanceOf(api, id), await balanceOf(api, other.id)]).toEqual(["11.00", "10.00"]);
  });

  test("is free again after a refusal, and another admin's is another one", async () => {
    const { id } = await api.register();
    const colleague = await api.registerOperator("admin");
    expect((await adjust(api, admin, id, { type: "penalty", amount: "10.50" }, "later")).status).toBe(402);
    await adjust(api, admin, id, {});
    expect((await adjust(api, admin, id, { type: "penalty", amount: "10.50" }, "later")).status).toBe(201);
    expect((await adjust(api, colleague, id, {}, "later")).status).toBe(201);
    expect(await balanceOf(api, id)).toBe("1.50");
  });

  test("sent fifty times at once in two processes adjusts once", async () => {
    const { id } = await api.register();
    const beside = await createApi({}, api);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, no) => adjust(no % 2 ? api : beside, admin, id, {}, "fifty")),
    );
    expect(new Set(answers.map(answer => answer.text)).size).toBe(1);
    expect(answers.filter(answer => !answer.headers.has("idempotency-replayed"))).toHaveLength(1);
    expect([await balanceOf(api, id), (await recordsAbout(api, admin, id)).length]).toEqual(["11.00", 1]);
  });
});

test("a penalty and transfers that only one balance can pay for: what is paid is what there was", async () => {
  const [payer, payee] = await Promise.all([api.register(), api.register()]);
  const transfer = (no: number) =>
    api.call("POST", "/api/transfers", {
      key: payer.key,
      body: { to_user: payee.id, amount: "1.00" },
      headers: { "idempotency-key": `race-${no}` },
    });
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, no) =>
      no % 3 === 0 ? adjust(api, admin, payer.id, { type: "penalty" }) : transfer(no),
    ),
  );
  const statuses = answers.map(answer => answer.status);
  expect([...new Set(statuses)].sort()).toEqual([201, 402]);
  expect(statuses.filter(status => status === 201)).toHaveLength(10);
  expect(await balanceOf(api, payer.id)).toBe("0.00");
});

test("an admin who is none any more adjusts nothing, though the key was remembered when the request came", async () => {
  const former = await api.registerOperator("admin");
  const { id } = await api.register();
  await adjust(api, former, id, {}, "first");
  await api.sql`UPDATE users SET role = 'auditor' WHERE id = ${former.id}`;
  for (const key of ["first", "second"]) expect((await adjust(api, former, id, {}, key)).status).toBe(403);
  expect(await balanceOf(api, id)).toBe("11.00");
});
