// Making attributions: who pays whom, what is refused, and that nothing is paid twice.

import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Api, createApi, type Member } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";

type Made = {
  attribution: { id: string; extropy_amount: string; source_card: { id: string }; target_card: { id: string } };
  payment: { amount: string; balance: string };
  attribution_id: string;
  balance: string;
  required: string;
};

let api: Api;
beforeAll(async () => {
  api = await createApi();
});
afterEach(() => expectBalancedBooks(api.sql));

/** An author with a card, and a reader with a card that may cite it. */
async function pair() {
  const [author, reader] = await Promise.all([api.register(), api.register()]);
  const [cited, citing] = await Promise.all([api.publishCard(author.key), api.publishCard(reader.key)]);
  return { author, reader, cited: cited.id, citing: citing.id };
}

const cite = (who: Member, source: string, target: string, more: Record<string, unknown> = {}, headers = {}) =>
  api.call<Made>("POST", "/api/attributions", {
    key: who.key,
    body: { source_card_id: source, target_card_id: target, attribution_type: "citation", ...more },
    headers,
  });

const balanceOf = async (who: Member) =>
  (await api.call<{ balance: string }>("GET", "/api/balance", { key: who.key })).body.balance;

describe("an attribution", () => {
  const amounts = { citation: "0.10", remix: "0.50", reply: "0.05", inspiration: "0.00" };
  for (const [attribution_type, amount] of Object.entries(amounts)) {
    test(`of type ${attribution_type} moves ${amount} from the citing author to the cited one`, async () => {
      const { author, reader, cited, citing } = await pair();
      const { status, body } = await cite(reader, cited, citing, { attribution_type, attribution_note: "well said" });
      expect(status).toBe(201);
      expect(body.attribution).toMatchObject({
        extropy_amount: amount,
        source_card: { id: cited },
        target_card: { id: citing },
      });
      const left = (11 - Number(amount)).toFixed(2);
      expect(body.payment).toEqual({ amount, balance: left });
      expect(await balanceOf(reader)).toBe(left);
      expect(await balanceOf(author)).toBe((11 + Number(amount)).toFixed(2));
      const card = await api.call("GET", `/api/cards/${cited}`, { key: reader.key });
      expect(card.body).toMatchObject({ attribution_count: 1, extropy_earned: (1 + Number(amount)).toFixed(2) });
    });
  }

  test("is made once for each pair of cards and type", async () => {
    const { reader, cited, citing } = await pair();
    const first = await cite(reader, cited, citing);
    const again = await cite(reader, cited, citing);
    expect([again.status, again.body.type]).toEqual([409, "/problems/already-attributed"]);
    expect(again.body.attribution_id).toBe(first.body.attribution.id);
    expect((await cite(reader, cited, citing, { attribution_type: "reply" })).status).toBe(201);
  });

  test("on behalf of a card that isn't the caller's is refused", async () => {
    const { author, cited, citing } = await pair();
    const stranger = await api.register();
    expect((await cite(stranger, cited, citing)).status).toBe(403);
    // Source and target swapped: the author would pay with the reader's card.
    expect((await cite(author, cited, citing)).status).toBe(403);
  });

  test("of one's own card, of itself, of unknown and of withdrawn cards is refused", async () => {
    const { author, reader, cited, citing } = await pair();
    const second = await api.publishCard(reader.key);
    const slugs = async (source: string, target: string) => (await cite(reader, source, target)).body.type;
    expect(await slugs(second.id, citing)).toBe("/problems/self-attribution");
    expect(await slugs(citing, citing)).toBe("/problems/self-attribution");
    expect(await slugs(crypto.randomUUID(), citing)).toBe("/problems/not-found");
    expect(await slugs(cited, crypto.randomUUID())).toBe("/problems/not-found");
    await api.call("DELETE", `/api/cards/${cited}`, { key: author.key });
    expect(await slugs(cited, citing)).toBe("/problems/gone");
    expect(await balanceOf(reader)).toBe("12.00");
  });

  test("that the balance does not cover moves nothing and says what is needed", async () => {
    const { reader, cited, citing } = await pair();
    await api.sql`UPDATE users SET extropy_balance = 0.09 WHERE id = ${reader.id}`;
    const { status, body } = await cite(reader, cited, citing);
    expect([status, body.balance, body.required]).toEqual([402, "0.09", "0.10"]);
    expect((await cite(reader, cited, citing, { attribution_type: "inspiration" })).status).toBe(201);
  });

  test("with bad values is refused before anything is looked at", async () => {
    const { reader, cited, citing } = await pair();
    const bad: Record<string, unknown>[] = [
      { source_card_id: "x" },
      { attribution_type: "praise" },
      { attribution_note: "a\0b" },
      { attribution_note: "x".repeat(2001) },
      { metadata: [] },
      { amount: "1.00" },
    ];
    for (const more of bad) expect((await cite(reader, cited, citing, more)).status).toBe(422);
  });

  test("asked for 50 times at once is made and paid once", async () => {
    const { author, reader, cited, citing } = await pair();
    const answers = await Promise.all(Array.from({ length: 50 }, () => cite(reader, cited, citing)));
    expect(answers.filter(answer => answer.status === 201).length).toBe(1);
    expect(answers.filter(answer => answer.status === 409).length).toBe(49);
    expect(await balanceOf(author)).toBe("11.10");
  });

  test("asked for 50 times at once with one key gives 50 times the first answer", async () => {
    const { author, reader, cited, citing } = await pair();
    const headers = { "idempotency-key": "one" };
    const answers = await Promise.all(Array.from({ length: 50 }, () => cite(reader, cited, citing, {}, headers)));
    expect(new Set(answers.map(answer => answer.text)).size).toBe(1);
    expect(answers.filter(answer => answer.headers.get("idempotency-replayed") === "true").length).toBe(49);
    expect(await balanceOf(author)).toBe("11.10");
    const other = await cite(reader, cited, citing, { attribution_type: "remix" }, headers);
    expect([other.status, other.body.type]).toEqual([422, "/problems/idempotency-key-reused"]);
  });

  test("is refused at once for a key that was revoked, though it was verified before", async () => {
    const { reader, cited, citing } = await pair();
    await api.sql`UPDATE users SET is_active = false WHERE id = ${reader.id}`;
    expect((await cite(reader, cited, citing)).status).toBe(401);
  });

  test("of a deactivated author's card is still paid", async () => {
    const { author, reader, cited, citing } = await pair();
    await api.sql`UPDATE users SET is_active = false WHERE id = ${author.id}`;
    expect((await cite(reader, cited, citing)).status).toBe(201);
  });

  test("leaves everybody right when a card is withdrawn while many cite it", async () => {
    const author = await api.register();
    const cited = await api.publishCard(author.key);
    const readers = await Promise.all(Array.from({ length: 12 }, () => api.register()));
    const cards = await Promise.all(readers.map(reader => api.publishCard(reader.key)));
    const [withdrawn, ...answers] = await Promise.all([
      api.call("DELETE", `/api/cards/${cited.id}`, { key: author.key }),
      ...readers.map((reader, n) => cite(reader, cited.id, cards[n]?.id as string)),
    ]);
    expect(withdrawn?.status).toBe(204);
    const paid = answers.filter(answer => answer.status === 201).length;
    expect(answers.every(answer => answer.status === 201 || answer.status === 410)).toBe(true);
    const [row] = await api.sql`SELECT attribution_count FROM cards WHERE id = ${cited.id}`;
    expect(row?.attribution_count).toBe(paid);
  });
});
