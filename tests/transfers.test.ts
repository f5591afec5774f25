// Transfers: exact, refused with a reason, applied once whatever the client does, and never through another's balance.

import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Api, createApi, type Member } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";

type Sent = { transaction_id: string; amount: string; to_user: string; balance: string; required: string };

let api: Api;
beforeAll(async () => {
  api = await createApi();
});
afterEach(() => expectBalancedBooks(api.sql));

let keys = 0;
const send = (who: Member, to_user: unknown, amount: unknown, key: string | null = `key-${++keys}`, more = {}) =>
  api.call<Sent>("POST", "/api/transfers", {
    key: who.key,
    body: { to_user, amount, ...more },
    headers: key === null ? {} : { "idempotency-key": key },
  });

const balanceOf = async (who: Member) =>
  (await api.call<{ balance: string }>("GET", "/api/balance", { key: who.key })).body.balance;
const two = () => Promise.all([api.register(), api.register()]);

describe("a transfer", () => {
  test("moves the amount, by username or by id, with a note that both can read", async () => {
    const [a, b] = await two();
    const first = await send(a, b.name, "2.5", undefined, { note: "for the coffee" });
    expect(first.body).toMatchObject({ amount: "2.50", to_user: b.name, balance: "7.50" });
    expect((await send(a, b.id, "0.01")).status).toBe(201);
    expect([await balanceOf(a), await balanceOf(b)]).toEqual(["7.49", "12.51"]);
    const { body } = await api.call<{ items: { transaction_type: string; amount: string }[] }>("GET", "/api/ledger", {
      key: b.key,
    });
    expect(body.items[1]).toMatchObject({
      transaction_type: "transfer_received",
      amount: "2.50",
      note: "for the coffee",
    });
  });

  const refused: unknown[] = [
    1,
    0.1,
    null,
    "1e3",
    "NaN",
    "Infinity",
    "+1.00",
    "1.005",
    " 1",
    "1 ",
    "",
    "0.00",
    "0",
    "-1.00",
    "01.00",
    "1.",
    ".5",
    "1,00",
    "١",
    "9".repeat(19),
    "123456789012345678901",
    "0.000000001",
  ];
  for (const amount of refused) {
    test(`of ${JSON.stringify(amount)} is refused and moves nothing`, async () => {
      const [a, b] = await two();
      expect((await send(a, b.name, amount)).status).toBe(422);
      expect([await balanceOf(a), await balanceOf(b)]).toEqual(["10.00", "10.00"]);
    });
  }

  test("to nobody, to the system, to oneself, to a deactivated or erased user is refused", async () => {
    const [a, b] = await two();
    const gone = await api.register();
    await api.call("DELETE", "/api/me", { key: gone.key });
    await api.sql`UPDATE users SET is_active = false WHERE id = ${b.id}`;
    const nobody = [
      "nobody-at-all",
      crypto.randomUUID(),
      "system",
      "00000000-0000-0000-0000-000000000000",
      b.name,
      b.id,
      gone.id,
      gone.name,
    ];
    for (const to of nobody) expect((await send(a, to, "1.00")).status).toBe(404);
    for (const to of [a.name, a.id, a.id.toUpperCase()])
      expect((await send(a, to, "1.00")).body.type).toBe("/problems/self-transfer");
    expect(await balanceOf(a)).toBe("10.00");
  });

  test("that the balance does not cover says what there is and what is needed", async () => {
    const [a, b] = await two();
    const { status, body } = await send(a, b.name, "10.01");
    expect([status, body.balance, body.required]).toEqual([402, "10.00", "10.01"]);
    expect((await send(a, b.name, "10.00")).body.balance).toBe("0.00");
    expect(await balanceOf(a)).toBe("0.00");
  });

  test("needs a sane Idempotency-Key of up to 200 characters", async () => {
    const [a, b] = await two();
    expect((await send(a, b.name, "1.00", null)).body.type).toBe("/problems/idempotency-key-missing");
    expect((await send(a, b.name, "1.00", "k".repeat(201))).status).toBe(422);
    expect((await send(a, b.name, "1.00", "k".repeat(200))).status).toBe(201);
  });

  test("retried gives the first answer again, also after more happened and in another process", async () => {
    const [a, b] = await two();
    const first = await send(a, b.name, "1.00", "retry");
    await send(a, b.name, "2.00");
    const again = await send(a, b.name, "1.00", "retry");
    expect(again.text).toBe(first.text);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const other = await createApi({}, api);
    const elsewhere = await other.call("POST", "/api/transfers", {
      key: a.key,
      body: { amount: "1.00", to_user: b.name },
      headers: { "idempotency-key": "retry" },
    });
    expect(elsewhere.text).toBe(first.text);
    expect(await balanceOf(a)).toBe("7.00");
  });

  test("with a key of another request is refused, and a refused request frees its key", async () => {
    const [a, b] = await two();
    await send(a, b.name, "1.00", "mine");
    expect((await send(a, b.name, "1.01", "mine")).body.type).toBe("/problems/idempotency-key-reused");
    expect((await send(a, b.name, "99.00", "later")).status).toBe(402);
    expect((await send(a, b.name, "1.00", "later")).status).toBe(201);
  });

  test("has keys of its own for each user", async () => {
    const [a, b] = await two();
    expect((await send(a, b.name, "1.00", "same")).status).toBe(201);
    expect((await send(b, a.name, "3.00", "same")).body.balance).toBe("8.00");
  });

  test("50 times at once with one key happens once", async () => {
    const [a, b] = await two();
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(a, b.name, "1.00", "burst")));
    expect(new Set(answers.map(answer => answer.text)).size).toBe(1);
    expect([await balanceOf(a), await balanceOf(b)]).toEqual(["9.00", "11.00"]);
  });

  for (const COMMIT_SHARING of ["on", "off"]) {
    test(`50 times at once out of a balance for 10 succeeds 10 times, with sharing ${COMMIT_SHARING}`, async () => {
      const [a, b] = await two();
      const other = await createApi({ COMMIT_SHARING }, api);
      const pay = (n: number) =>
        other.call("POST", "/api/transfers", {
          key: a.key,
          body: { to_user: b.name, amount: "1.00" },
          headers: { "idempotency-key": `n${n}` },
        });
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => pay(n)));
      expect(answers.filter(answer => answer.status === 201).length).toBe(10);
      expect(answers.filter(answer => answer.status === 402).length).toBe(40);
      expect([await balanceOf(a), await balanceOf(b)]).toEqual(["0.00", "20.00"]);
    });
  }

  test("from A to B while B pays A, 200 of them through two processes, leaves no request without an answer", async () => {
    const [a, b] = await two();
    const other = await createApi({}, api);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        (n % 2 ? api : other).call("POST", "/api/transfers", {
          key: n % 4 < 2 ? a.key : b.key,
          body: { to_user: n % 4 < 2 ? b.name : a.name, amount: "0.03" },
          headers: { "idempotency-key": `cross-${n}` },
        }),
      ),
    );
    expect(answers.every(answer => answer.status === 201)).toBe(true);
    expect([await balanceOf(a), await balanceOf(b)]).toEqual(["10.00", "10.00"]);
  });
});
