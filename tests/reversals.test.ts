// Reversals: the whole movement or nothing, once, never through somebody's balance, and with all that hangs on it.

import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { adjust, balanceOf, change, lastEntryOf, REASON, recordsAbout, reverse } from "./operator-support.ts";

let api: Api;
let admin: Member;
beforeAll(async () => {
  api = await createApi();
  admin = await api.registerOperator("admin");
});
afterEach(() => expectBalancedBooks(api.sql));

const two = () => Promise.all([api.register(), api.register()]);

async function transfer(from: Member, to: Member, amount: string): Promise<string> {
  await api.call("POST", "/api/transfers", {
    key: from.key,
    body: { to_user: to.id, amount },
    headers: { "idempotency-key": crypto.randomUUID() },
  });
  return lastEntryOf(api, from.id);
}

async function cite(citing: Member, cited: Member) {
  const [source, target] = [await api.publishCard(cited.key), await api.publishCard(citing.key)];
  const body = { source_card_id: source.id, target_card_id: target.id, attribution_type: "remix" };
  const answer = await api.call<{ attribution: { id: string } }>("POST", "/api/attributions", {
    key: citing.key,
    body,
  });
  return { source, target, body, id: answer.body.attribution.id, entry: await lastEntryOf(api, citing.id) };
}

const cardOf = async (id: string) => {
  const [card] = await api.sql`SELECT extropy_earned, attribution_count FROM cards WHERE id = ${id}`;
  return { ...card };
};
const supply = async () => {
  const [row] = await api.sql<Record<string, string>[]>`
    SELECT sum(issued) AS issued, sum(burned) AS burned, sum(issued) - sum(burned) AS circulating,
      (SELECT sum(extropy_balance) FROM users) AS balances FROM extropy_supply`;
  return row ?? {};
};

describe("a reversal", () => {
  test("of a transfer, by either leg, posts both opposite legs, and the log names both accounts", async () => {
    for (const leg of [0, 1]) {
      const [a, b] = await two();
      await transfer(a, b, "4.00");
      const answer = await reverse(api, admin, await lastEntryOf(api, [a, b][leg]?.id ?? ""));
      expect(answer.status).toBe(201);
      const common = { transaction_type: "reversal", transaction_id: answer.body.transaction_id };
      expect(answer.body.entries).toMatchObject([
        { ...common, user_id: a.id, amount: "4.00", balance_before: "6.00", balance_after: "10.00" },
        { ...common, user_id: b.id, amount: "-4.00", balance_before: "14.00", balance_after: "10.00" },
      ]);
      const [record] = await recordsAbout(api, admin, b.id);
      expect(record).toMatchObject({
        actor_id: admin.id,
        action: "movement_reversed",
        user_id: a.id,
        counterparty_id: b.id,
        transaction_id: answer.body.transaction_id,
        before: { balances: { [a.id]: "6.00", [b.id]: "14.00" } },
        after: { balances: { [a.id]: "10.00", [b.id]: "10.00" }, transaction_id: answer.body.transaction_id },
        reason: REASON,
      });
      expect(await recordsAbout(api, admin, a.id)).toEqual(await recordsAbout(api, admin, b.id));
    }
  });

  test("of a grant, a bonus, a penalty and an adjustment posts the opposite, and a reversed grant counts as burned", async () => {
    const before = await supply();
    const { id } = await api.register();
    expect((await reverse(api, admin, await lastEntryOf(api, id))).body.entries[0]).toMatchObject({ amount: "-10.00" });
    const after = await supply();
    const grown = (name: string) => Number(after[name]) - Number(before[name]);
    expect([grown("issued"), grown("burned"), grown("circulating")]).toEqual([10, 10, 0]);
    expect(after.circulating).toBe(after.balances ?? "");
    for (const [body, amount] of [
      [{ amount: "3.00" }, "-3.00"],
      [{ type: "admin_adjustment", amount: "2.00" }, "-2.00"],
    ] as const) {
      const made = await adjust(api, admin, id, body);
      const [entry] = (await reverse(api, admin, made.body.entries[0]?.id)).body.entries;
      expect(entry).toMatchObject({ amount, reverses_id: made.body.entries[0]?.id });
    }
    await adjust(api, admin, id, { amount: "5.00" });
    const penalty = await adjust(api, admin, id, { type: "penalty", amount: "5.00" });
    await reverse(api, admin, penalty.body.entries[0]?.id);
    expect(await balanceOf(api, id)).toBe("5.00");
  });

  test("of an attribution's payment takes it off the card and marks it, and it can't be made again", async () => {
    const [citing, cited] = await two();
    const { source, body, id, entry } = await cite(citing, cited);
    expect(await cardOf(source.id)).toMatchObject({ extropy_earned: "1.50", attribution_count: 1 });
    const answer = await reverse(api, admin, entry);
    expect(answer.body.entries.map(leg => [leg.user_id, leg.amount, leg.attribution_id])).toEqual([
      [citing.id, "0.50", id],
      [cited.id, "-0.50", id],
    ]);
    expect(await cardOf(source.id)).toMatchObject({ extropy_earned: "1.00", attribution_count: 0 });
    const shown = await api.call<{ reversed_at: string }>("GET", `/api/attributions/${id}`, { key: cited.key });
    expect(shown.body.reversed_at).toMatch(/^\d{4}-/);
    const again = await api.call("POST", "/api/attributions", { key: citing.key, body });
    expect([again.status, again.body]).toMatchObject([
      409,
      { type: "/problems/already-attributed", attribution_id: id },
    ]);
    expect([await balanceOf(api, citing.id), await balanceOf(api, cited.id)]).toEqual(["11.00", "11.00"]);
  });

  test("of a publish reward takes it off the card, and the text earns nothing again", async () => {
    const author = await api.register();
    const text = newCard();
    const card = await api.publishCard(author.key, text);
    expect((await reverse(api, admin, await lastEntryOf(api, author.id))).status).toBe(201);
    expect(await cardOf(card.id)).toMatchObject({ extropy_earned: "0.00", attribution_count: 0 });
    await api.call("DELETE", `/api/cards/${card.id}`, { key: author.key });
    expect((await api.publish(author.key, [text])).body).toMatchObject({ extropy_earned: "0.00", balance: "10.00" });
  });

  test("where the payee has spent it is refused with what there is, and moves nothing", async () => {
    const [a, b] = await two();
    const entry = await transfer(a, b, "5.00");
    const spent = await transfer(b, a, "12.00");
    const answer = await reverse(api, admin, entry);
    expect([answer.status, answer.body.balance, answer.body.required]).toEqual([402, "3.00", "5.00"]);
    expect([await balanceOf(api, a.id), await balanceOf(api, b.id)]).toEqual(["17.00", "3.00"]);
    expect(await recordsAbout(api, admin, a.id)).toEqual([]);
    expect((await reverse(api, admin, spent)).status).toBe(201);
    expect((await reverse(api, admin, entry)).status).toBe(201);
  });

  test("happens once, and is not reversed itself", async () => {
    const [a, b] = await two();
    const entry = await transfer(a, b, "1.00");
    const { body } = await reverse(api, admin, entry);
    for (const id of [
      entry,
      await api.sql`SELECT id FROM extropy_ledger WHERE reverses_id IS NULL AND user_id = ${b.id}
      ORDER BY user_seq DESC LIMIT 1`.then(([row]) => row?.id as string),
    ]) {
      expect((await reverse(api, admin, id)).body.type).toBe("/problems/already-reversed");
    }
    for (const { id } of body.entries) {
      const answer = await reverse(api, admin, id);
      expect([answer.status, answer.body.type]).toEqual([409, "/problems/not-reversible"]);
    }
  });

  test("reaches deactivated accounts, and no movement of an erased one", async () => {
    const [a, b] = await two();
    const [first, second] = [await transfer(a, b, "1.00"), await transfer(a, b, "1.00")];
    await change(api, admin, b.id, "deactivate");
    expect((await reverse(api, admin, first)).status).toBe(201);
    await api.call("DELETE", "/api/me", { key: a.key });
    for (const id of [second, await lastEntryOf(api, a.id)]) {
      expect((await reverse(api, admin, id)).body.type).toBe("/problems/not-reversible");
    }
    expect(await balanceOf(api, a.id)).toBe("0.00");
  });

  test("of nothing is 404, and needs a reason and a key", async () => {
    const entry = await lastEntryOf(api, admin.id);
    for (const id of [
      "0",
      "-1",
      "01",
      "x",
      "1.0",
      "999999999",
      "9223372036854775807",
      "9223372036854775808",
      "9".repeat(30),
    ]) {
      expect([id, (await reverse(api, admin, id)).status]).toEqual([id, 404]);
    }
    for (const body of [
      {},
      { reason: "" },
      { reason: "  " },
      { reason: "r".repeat(2001) },
      { reason: "x", amount: "1.00" },
    ]) {
      expect((await reverse(api, admin, entry, body)).status).toBe(422);
    }
    expect((await reverse(api, admin, entry, undefined, null)).body.type).toBe("/problems/idempotency-key-missing");
  });
});

test("an attribution asked for again under its Idempotency-Key is answered as at first, though it was reversed since", async () => {
  const [citing, cited] = await two();
  const [source, target] = [await api.publishCard(cited.key), await api.publishCard(citing.key)];
  const body = { source_card_id: source.id, target_card_id: target.id, attribution_type: "citation" };
  const headers = { "idempotency-key": "cite-once" };
  const attribute = () => api.call("POST", "/api/attributions", { key: citing.key, body, headers });
  const first = await attribute();
  await reverse(api, admin, await lastEntryOf(api, citing.id));
  expect((await attribute()).text).toBe(first.text);
});

describe("an Idempotency-Key", () => {
  test("gives the first answer again, in every process, and belongs to one request", async () => {
    const [a, b] = await two();
    const [entry, other] = [await transfer(a, b, "1.00"), await transfer(a, b, "2.00")];
    const first = await reverse(api, admin, entry, undefined, "reverse-once");
    const beside = await createApi({}, api);
    for (const process of [api, beside]) {
      const again = await reverse(process, admin, entry, undefined, "reverse-once");
      expect([again.status, again.text, again.headers.get("idempotency-replayed")]).toEqual([201, first.text, "true"]);
    }
    for (const [id, body] of [
      [other, { reason: REASON }],
      [entry, { reason: "Another one." }],
    ] as const) {
      const answer = await reverse(api, admin, id, body, "reverse-once");
      expect(answer.body.type).toBe("/problems/idempotency-key-reused");
    }
  });

  test("sent fifty times at once in two processes reverses once", async () => {
    const [a, b] = await two();
    const entry = await transfer(a, b, "1.00");
    const beside = await createApi({}, api);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, no) => reverse(no % 2 ? api : beside, admin, entry, undefined, "fifty")),
    );
    expect(new Set(answers.map(answer => answer.text)).size).toBe(1);
    expect(await balanceOf(api, a.id)).toBe("10.00");
  });
});

describe("at the same time", () => {
  test("two admins reverse one movement, each by another leg and in another process: one does", async () => {
    const colleague = await api.registerOperator("admin");
    const beside = await createApi({}, api);
    for (let round = 0; round < 10; round++) {
      const [a, b] = await two();
      const legs = [await transfer(a, b, "1.00"), await lastEntryOf(api, b.id)];
      const answers = await Promise.all([
        reverse(api, admin, legs[0]),
        reverse(round % 2 ? beside : api, colleague, legs[1]),
      ]);
      expect(answers.map(answer => answer.status).sort()).toEqual([201, 409]);
      expect([await balanceOf(api, a.id), await balanceOf(api, b.id)]).toEqual(["10.00", "10.00"]);
    }
  });

  test("a card is cited while its citations are reversed: it counts those that stand", async () => {
    const [cited, citing] = await two();
    const source = await api.publishCard(cited.key);
    const targets = await Promise.all(Array.from({ length: 20 }, () => api.publishCard(citing.key)));
    const attribute = async (target_card_id: string) => {
      const body = { source_card_id: source.id, target_card_id, attribution_type: "citation" };
      const made = await api.call<{ attribution: { id: string } }>("POST", "/api/attributions", {
        key: citing.key,
        body,
      });
      return made.body.attribution.id;
    };
    const first = await Promise.all(targets.slice(0, 10).map(({ id }) => attribute(id)));
    const entries = await api.sql<{ id: string }[]>`
      SELECT id FROM extropy_ledger WHERE attribution_id = ANY (${first}) AND leg = 1`;
    const [answers] = await Promise.all([
      Promise.all(entries.map(({ id }) => reverse(api, admin, id))),
      Promise.all(targets.slice(10).map(({ id }) => attribute(id))),
    ]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(await cardOf(source.id)).toMatchObject({ extropy_earned: "2.00", attribution_count: 10 });
  });
});
