// Reading one's account: balances of now and of every past microsecond, pages, filters, CSV and statistics, against
// brute force over random entries; and nobody reads another's.

import { beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { csvResponse } from "../src/csv.ts";
import { cursorsOf, encodeCursor, type Page, timeAlone } from "../src/cursor.ts";
import type { LedgerEntry, LedgerEntryDetail, Stats, TransactionType } from "../src/ledger/model.ts";
import { sumAmounts } from "../src/money.ts";
import { type Api, createApi, listen, type Member, newCard } from "./api-support.ts";

let api: Api;

beforeAll(async () => {
  api = await createApi({ INITIAL_GRANT: "1000000.00" });
});

type Posting = { type: TransactionType; amount: string; description?: string; cardId?: string };

/** Posts entries of one leg each, in order, in one statement. */
async function post(userId: string, postings: readonly Posting[]): Promise<void> {
  await api.sql`
    SELECT post_entries(array_agg(ROW(${userId}::uuid, p.type, p.amount, p.card_id, NULL, uuid_v7(), 1, NULL, NULL,
      p.description)::ledger_posting ORDER BY p.no))
    FROM unnest(${postings.map(posting => posting.type)}::varchar[], ${postings.map(posting => posting.amount)}::decimal[],
      ${postings.map(posting => posting.cardId ?? null)}::uuid[],
      ${postings.map(posting => posting.description ?? null)}::text[]) WITH ORDINALITY
      AS p (type, amount, card_id, description, no)`;
}

/** A movement from one to the other, with what the payer wrote. */
async function transfer(from: string, to: string, amount: string, note: string): Promise<void> {
  const transactionId = Bun.randomUUIDv7();
  await api.sql`
    SELECT post_entries(ARRAY[
      ROW(${from}::uuid, 'transfer_sent', -${amount}::decimal, NULL, NULL, ${transactionId}::uuid, 1, NULL,
        ${`key:${from}:${transactionId}`}, 'Transfer sent')::ledger_posting,
      ROW(${to}::uuid, 'transfer_received', ${amount}::decimal, NULL, NULL, ${transactionId}::uuid, 2, NULL, NULL,
        'Transfer received')::ledger_posting])`;
  await api.sql`
    INSERT INTO transaction_notes (transaction_id, author_id, note) VALUES (${transactionId}, ${from}, ${note})`;
}

/** The user's entries, newest first, as the table has them. */
async function entriesOf(userId: string) {
  return api.sql<Record<string, string | null>[]>`
    SELECT * FROM extropy_ledger WHERE user_id = ${userId} ORDER BY user_seq DESC`;
}

async function get<T>(key: string, path: string): Promise<T> {
  const { status, body, text } = await api.call<T>("GET", path, { key });
  if (status !== 200) throw new Error(text);
  return body;
}

/** All entries that the filters let through, read in pages. */
async function readAll(key: string, filter: Record<string, string>, limit = 200): Promise<LedgerEntry[]> {
  const items: LedgerEntry[] = [];
  let cursor: string | null = null;
  do {
    const query: URLSearchParams = new URLSearchParams({
      ...filter,
      limit: String(limit),
      ...(cursor === null ? {} : { cursor }),
    });
    const page: Page<LedgerEntry> = await get(key, `/api/ledger?${query}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return items;
}

/** A time of the API moved by microseconds. */
function shift(time: string, microseconds: number): string {
  const total = BigInt(Date.parse(`${time.slice(0, 19)}Z`)) * 1000n + BigInt(time.slice(20, 26)) + BigInt(microseconds);
  const fraction = String(total % 1_000_000n).padStart(6, "0");
  return `${new Date(Number(total / 1000n)).toISOString().slice(0, 19)}.${fraction}Z`;
}

const cents = (from: number, to: number) =>
  fc.integer({ min: from, max: to }).map(value => `${Math.floor(value / 100)}.${String(value % 100).padStart(2, "0")}`);

/** Entries that a balance of a million bears. */
const somePostings = fc.array(
  fc.oneof(
    fc.record({ type: fc.constantFrom("bonus" as const, "publish_reward" as const), amount: cents(1, 10_000_000_000) }),
    fc.record({
      type: fc.constantFrom("penalty" as const, "admin_adjustment" as const),
      amount: cents(1, 100_000).map(amount => `-${amount}`),
    }),
    fc.record({ type: fc.constant("admin_adjustment" as const), amount: cents(1, 100_000) }),
  ),
  { minLength: 1, maxLength: 40 },
);

test("statistics are what brute force adds up, to the cent, and agree with the balance", async () => {
  await fc.assert(
    fc.asyncProperty(somePostings, async postings => {
      const member = await api.register();
      await post(member.id, postings);
      const all: Posting[] = [{ type: "initial_grant", amount: "1000000.00" }, ...postings];
      const sum = (wanted: (posting: Posting) => boolean) =>
        sumAmounts(all.filter(wanted).map(posting => posting.amount));
      const types = [...new Set(all.map(posting => posting.type))];
      expect(await get<Stats>(member.key, "/api/stats")).toEqual({
        balance: sum(() => true),
        earned: sum(posting => !posting.amount.startsWith("-")),
        spent: sumAmounts(
          all.filter(posting => posting.amount.startsWith("-")).map(posting => posting.amount.slice(1)),
        ),
        net: sum(() => true),
        by_type: Object.fromEntries(
          types.map(type => [
            type,
            { count: all.filter(posting => posting.type === type).length, sum: sum(posting => posting.type === type) },
          ]),
        ),
      });
    }),
    { numRuns: 25 },
  );
});

test("a balance of zero answers null: an account without entries has zeros everywhere", async () => {
  const poor = await createApi({ INITIAL_GRANT: "0.00" }, api);
  const member = await poor.register();
  expect(await get(member.key, "/api/stats")).toEqual({
    balance: "0.00",
    earned: "0.00",
    spent: "0.00",
    net: "0.00",
    by_type: {},
  });
  expect(await get(member.key, "/api/balance")).toMatchObject({ user_id: member.id, balance: "0.00" });
  expect(await get(member.key, "/api/balance?at=2030-01-01T00:00:00Z".replace("2030", "2020"))).toMatchObject({
    balance: "0.00",
  });
  expect(await get(member.key, "/api/ledger")).toEqual({ items: [], next_cursor: null });
});

test("the largest amounts stay exact", async () => {
  const member = await api.register();
  await post(member.id, [{ type: "bonus", amount: "999999999998999999.99" }]);
  const all = "999999999999999999.99";
  expect(await get(member.key, "/api/balance")).toMatchObject({ balance: all });
  expect(await get(member.key, "/api/stats")).toMatchObject({ balance: all, earned: all, net: all, spent: "0.00" });
  const [entry] = await readAll(member.key, {});
  expect(entry).toMatchObject({ amount: "999999999998999999.99", balance_before: "1000000.00", balance_after: all });
});

test("the balance of every microsecond around an entry", async () => {
  const member = await api.register();
  await post(member.id, [
    { type: "bonus", amount: "0.01" },
    { type: "penalty", amount: "-0.02" },
    { type: "bonus", amount: "0.03" },
  ]);
  const entries = await readAll(member.key, {});
  expect(entries.length).toBe(4);
  for (const { created_at, balance_before, balance_after } of entries) {
    for (const [offset, balance] of [
      [-1, balance_before],
      [0, balance_after],
    ] as const) {
      const at = shift(created_at, offset);
      expect(await get<object>(member.key, `/api/balance?at=${at}`)).toEqual({
        user_id: member.id,
        balance,
        as_of: at,
      });
    }
  }
  // The same moment, written with an offset.
  const first = entries.at(-1)?.created_at ?? "";
  const inIndia = `${new Date(Date.parse(first) + 5.5 * 3_600_000).toISOString().slice(0, 19)}${first.slice(19, 26)}+05:30`;
  expect(await get<object>(member.key, `/api/balance?at=${encodeURIComponent(inIndia)}`)).toEqual({
    user_id: member.id,
    balance: "1000000.00",
    as_of: first,
  });
});

test("a cached balance shown after it changed: each answer is the newest, and its moment is one of the past", async () => {
  const member = await api.register();
  for (let count = 1; count <= 5; count++) {
    await post(member.id, [{ type: "bonus", amount: "1.00" }]);
    const now = await get<{ balance: string; as_of: string }>(member.key, "/api/balance");
    expect(now.balance).toBe(`${1_000_000 + count}.00`);
    expect(await get<object>(member.key, `/api/balance?at=${now.as_of}`)).toEqual({ user_id: member.id, ...now });
  }
});

test("pages and filters give what brute force gives", async () => {
  const member = await api.register();
  const other = await api.register();
  const cards = await Promise.all([newCard(), newCard()].map(card => api.publishCard(member.key, card)));
  await fc.assert(
    fc.asyncProperty(
      somePostings,
      fc.integer({ min: 1, max: 7 }),
      fc.nat(1000),
      fc.nat(1000),
      async (postings, limit, a, b) => {
        await post(
          member.id,
          postings.map((posting, index) => ({
            ...posting,
            ...(index % 3 === 0 ? { cardId: cards[index % 2]?.id ?? "" } : {}),
          })),
        );
        await transfer(other.id, member.id, "0.10", "from the other");
        const all = await entriesOf(member.id);
        const times = all.map(entry => entry.created_at ?? "").toSorted();
        const [from = "", to = ""] = [times[a % times.length], times[b % times.length]].toSorted();
        const period = from === to ? {} : { from, to };
        for (const type of [undefined, "bonus", "transfer_received", "reversal"]) {
          for (const cardId of [undefined, cards[0]?.id, crypto.randomUUID()]) {
            const expected = all
              .filter(entry => type === undefined || entry.transaction_type === type)
              .filter(entry => cardId === undefined || entry.card_id === cardId)
              .filter(
                entry => !("from" in period) || ((entry.created_at ?? "") >= from && (entry.created_at ?? "") < to),
              );
            const filter = { ...(type ? { type } : {}), ...(cardId ? { card_id: cardId } : {}), ...period };
            const found = await readAll(member.key, filter, Math.max(limit, Math.ceil(expected.length / 8)));
            expect(found.map(entry => entry.id)).toEqual(expected.map(entry => entry.id ?? ""));
          }
        }
      },
    ),
    { numRuns: 6 },
  );
  const newest = await entriesOf(member.id);
  const found = await readAll(member.key, {});
  expect(found.map(entry => entry.user_seq)).toEqual(newest.map(entry => Number(entry.user_seq)));
  expect(found[0]).toMatchObject({ transaction_type: "transfer_received", amount: "0.10", note: "from the other" });
});

test("entries of an attribution are found by it, each side's own", async () => {
  const [author, citing] = await Promise.all([api.register(), api.register()]);
  const [source, target] = await Promise.all([api.publishCard(author.key), api.publishCard(citing.key)]);
  const [row] = await api.sql<{ id: string }[]>`
    INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type, extropy_amount)
    VALUES (${source.id}, ${author.id}, ${target.id}, ${citing.id}, 'citation', 0.10) RETURNING id`;
  const id = row?.id ?? "";
  await api.sql`
    WITH movement AS (SELECT uuid_v7() AS id)
    SELECT post_entries(ARRAY[
      ROW(${citing.id}::uuid, 'attribution_payment', -0.10, ${target.id}::uuid, ${id}::uuid, movement.id, 1, NULL, NULL, 'Paid')::ledger_posting,
      ROW(${author.id}::uuid, 'attribution_received', 0.10, ${source.id}::uuid, ${id}::uuid, movement.id, 2, NULL, NULL, 'Got')::ledger_posting])
    FROM movement`;
  const [received] = await readAll(author.key, { attribution_id: id });
  const [paid, ...more] = await readAll(citing.key, { attribution_id: id });
  expect(more).toEqual([]);
  expect(received).toMatchObject({
    attribution_id: id,
    card_id: source.id,
    amount: "0.10",
    transaction_type: "attribution_received",
  });
  expect(paid).toMatchObject({
    attribution_id: id,
    card_id: target.id,
    amount: "-0.10",
    transaction_id: received?.transaction_id ?? "",
  });
});

test("pages stay as they are while entries are added", async () => {
  const member = await api.register();
  await post(
    member.id,
    Array.from({ length: 20 }, () => ({ type: "bonus", amount: "1.00" }) as const),
  );
  const before = await entriesOf(member.id);
  const first = await get<Page<LedgerEntry>>(member.key, "/api/ledger?limit=7");
  await post(member.id, [{ type: "bonus", amount: "2.00" }]);
  const rest = await readAll(member.key, { cursor: first.next_cursor ?? "" });
  expect([...first.items, ...rest].map(entry => entry.id)).toEqual(before.map(entry => entry.id ?? ""));
});

test("one entry has all that its hash covers, and of the other leg only what concerns both", async () => {
  const [payer, payee] = await Promise.all([api.register(), api.register()]);
  await transfer(payer.id, payee.id, "2.50", "for lunch");
  const [sent] = await readAll(payer.key, {});
  const [got] = await readAll(payee.key, {});
  const mine = await get<LedgerEntryDetail>(payer.key, `/api/ledger/${sent?.id}`);
  const theirs = await get<LedgerEntryDetail>(payee.key, `/api/ledger/${got?.id}`);
  for (const entry of [mine, theirs]) {
    expect(new Bun.CryptoHasher("sha256").update(entry.canonical_text).digest("hex")).toBe(entry.entry_hash);
    const lines = entry.canonical_text.split("\n");
    expect(lines.slice(1, 10)).toEqual([
      entry.prev_hash,
      entry.id,
      entry.user_id,
      String(entry.user_seq),
      entry.transaction_id,
      entry.transaction_type,
      entry.amount,
      entry.balance_before,
      entry.balance_after,
    ]);
    const microseconds =
      BigInt(Date.parse(`${entry.created_at.slice(0, 19)}Z`)) * 1000n + BigInt(entry.created_at.slice(20, 26));
    expect(lines[16]).toBe(String(microseconds));
    expect(entry.note).toBe("for lunch");
  }
  expect(mine).toMatchObject({
    ...sent,
    user_id: payer.id,
    leg: 1,
    idempotency_key: `key:${payer.id}:${mine.transaction_id}`,
  });
  expect(theirs.sibling).toEqual({
    user: { id: payer.id, username: payer.name },
    transaction_type: "transfer_sent",
    amount: "-2.50",
    entry_hash: mine.entry_hash,
  });
  expect(theirs.idempotency_key).toBeNull();
  const grant = (await readAll(payer.key, {})).at(-1);
  expect(await get<LedgerEntryDetail>(payer.key, `/api/ledger/${grant?.id}`)).toMatchObject({
    sibling: null,
    prev_hash: "0".repeat(64),
  });
});

test("nobody reads another's entries, by id or by filter", async () => {
  const [one, two] = await Promise.all([api.register(), api.register()]);
  const card = await api.publishCard(one.key);
  const [theirs] = await readAll(one.key, {});
  expect((await api.call("GET", `/api/ledger/${theirs?.id}`, { key: two.key })).status).toBe(404);
  expect(await readAll(two.key, { card_id: card.id })).toEqual([]);
  for (const id of [
    "0",
    "-1",
    "1.0",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999",
    "x",
    crypto.randomUUID(),
  ]) {
    expect([id, (await api.call("GET", `/api/ledger/${id}`, { key: one.key })).status]).toEqual([id, 404]);
  }
});

test("an operator's reason is not shown as a note", async () => {
  const member = await api.register();
  await post(member.id, [{ type: "penalty", amount: "-1.00", description: "Penalty" }]);
  const [entry] = await readAll(member.key, {});
  await api.sql`
    INSERT INTO transaction_notes (transaction_id, author_id, note) VALUES (${entry?.transaction_id ?? ""}, ${member.id}, 'internal')`;
  expect((await get<LedgerEntryDetail>(member.key, `/api/ledger/${entry?.id}`)).note).toBeNull();
});

test("filters that mean nothing are 422", async () => {
  const { key } = await api.register();
  const refused = [
    "balance?at=",
    "balance?at=now",
    "balance?at=2020-01-01",
    "balance?at=2020-01-01T00:00:00",
    "balance?at=2020-02-30T00:00:00Z",
    "balance?at=2020-01-01T00:00:00.1234567Z",
    "balance?at=0000-01-01T00:00:00Z",
    `balance?at=${encodeURIComponent("0001-01-01T00:00:00+10:00")}`,
    `balance?at=${encodeURIComponent("9999-12-31T23:59:59-10:00")}`,
    "balance?at=9999-12-31T23:59:59Z",
    `balance?at=${new Date(Date.now() + 60_000).toISOString()}`,
    "balance?when=2020-01-01T00:00:00Z",
    "ledger?type=gift",
    "ledger?type=bonus&type=penalty",
    "ledger?from=yesterday",
    "ledger?from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z",
    "ledger?from=2020-01-01T00:00:00Z&to=2020-01-01T00:00:00Z",
    "ledger?card_id=7",
    "ledger?attribution_id=",
    "ledger?limit=-1",
    "ledger?limit=0",
    "ledger?limit=201",
    "ledger?limit=many",
    "ledger?cursor=x",
    `ledger?cursor=${btoa('["yesterday"]')}`,
    "ledger?user_id=x",
  ];
  for (const path of refused) {
    for (const accept of ["application/json", "text/csv"]) {
      const { status, body } = await api.call("GET", `/api/${path}`, { key, headers: { accept } });
      expect([path, accept, status]).toEqual([path, accept, 422]);
      expect(body.errors?.length).toBe(1);
    }
  }
});

test("a limit that is no whole number is told which numbers may be", async () => {
  const { key } = await api.register();
  for (const limit of ["-1", "1.5", "many", ""]) {
    const { body } = await api.call("GET", `/api/ledger?limit=${limit}`, { key });
    expect(body.errors).toEqual([
      { pointer: "/limit", detail: expect.stringContaining("a whole number from 1 to 200") },
    ]);
  }
});

test("a revoked key that the process remembers is refused everywhere, with and without rows", async () => {
  for (const path of [
    "balance",
    "balance?at=2020-01-01T00:00:00Z",
    "balance?at=x",
    "ledger",
    "ledger?type=reversal",
    "ledger/1",
    "stats",
  ]) {
    for (const accept of ["application/json", "text/csv"]) {
      const key = await warmKey(await api.register());
      await key.revoke();
      const { status } = await api.call("GET", `/api/${path}`, { key: key.text, headers: { accept } });
      expect([path, accept, status]).toEqual([path, accept, 401]);
    }
  }
});

/** A named key that the process remembers, and a way to revoke it that the process does not hear of. */
async function warmKey(member: Member) {
  const { body } = await api.call<{ id: string; api_key: string }>("POST", "/api/keys", {
    key: member.key,
    body: { name: "k" },
  });
  await get(body.api_key, "/api/balance");
  return {
    text: body.api_key,
    async revoke() {
      await api.sql`DELETE FROM api_keys WHERE id = ${body.id}`;
    },
  };
}

test("it needs a key, and one with the scope read", async () => {
  const member = await api.register();
  const made = await api.call<{ api_key: string }>("POST", "/api/keys", {
    key: member.key,
    body: { name: "k", scopes: ["transfer"] },
  });
  for (const path of ["balance", "ledger", "ledger/1", "stats"]) {
    expect((await api.call("GET", `/api/${path}`)).status).toBe(401);
    expect((await api.call("GET", `/api/${path}`, { key: made.body.api_key })).status).toBe(403);
  }
});

// CSV ------------------------------------------------------------------------------------------------------

/** The records of a CSV text (RFC 4180), read by hand. */
function parseCsv(text: string): Record<string, string>[] {
  const records: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    records.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === "\r\n") records.push([]);
  }
  const [header = [], ...rows] = records.filter(record => record.length > 1);
  return rows.map(row => Object.fromEntries(header.map((name, index) => [name, row[index] ?? ""])));
}

const asCsv = (key: string) => ({ key, headers: { accept: "text/csv" } });

test("texts that a spreadsheet would run get an apostrophe, numbers stay numbers", async () => {
  const [member, other] = await Promise.all([api.register(), api.register()]);
  const notes = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\n=1",
    "\u00a0=1",
    "\ufeff=1",
    "＝1",
    '=HYPERLINK("http://x";"y"),z',
    'plain, with "quotes"\nand\rlines\r\n',
    "a=1",
    "'quoted",
  ];
  for (const note of notes) await transfer(member.id, other.id, "1.00", note);
  const answer = await api.call("GET", "/api/ledger", asCsv(member.key));
  expect(answer.status).toBe(200);
  expect(
    Object.fromEntries(["content-type", "content-disposition", "vary"].map(name => [name, answer.headers.get(name)])),
  ).toEqual({
    "content-type": "text/csv; charset=utf-8",
    "content-disposition": 'attachment; filename="ledger.csv"',
    vary: "Accept",
  });
  expect(answer.headers.get("x-request-id")).toBeTruthy();
  const rows = parseCsv(answer.text);
  const shown = rows
    .slice(0, notes.length)
    .map(row => row.note ?? "")
    .toReversed();
  expect(shown).toEqual(notes.map(note => (/^\s*[=+\-@＝]/.test(note) ? `'${note}` : note)));
  expect(rows[0]).toMatchObject({ amount: "-1.00", transaction_type: "transfer_sent" });
  const entries = await readAll(member.key, {});
  const plain = (value: unknown) => (value === null ? "" : String(value));
  expect(rows.map(row => ({ ...row, note: "" }))).toEqual(
    entries.map(entry => ({
      ...Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, plain(value)])),
      note: "",
    })),
  );
});

test("an account without entries is a header row", async () => {
  const poor = await createApi({ INITIAL_GRANT: "0.00" }, api);
  const member = await poor.register();
  const { text } = await api.call("GET", "/api/ledger", asCsv(member.key));
  expect(text).toMatch(/^id,user_seq,created_at,[a-z_,]+\r\n$/);
});

test("the Accept header decides between CSV and JSON", async () => {
  const { key } = await api.register();
  for (const [accept, type] of [
    ["*/*", "application/json"],
    ["application/json, text/csv;q=0.5", "application/json"],
    ["text/csv, application/json;q=0.9", "text/csv"],
    ["text/csv;q=0, */*", "application/json"],
  ] as const) {
    const { headers } = await api.call("GET", "/api/ledger", { key, headers: { accept } });
    expect([accept, headers.get("content-type")?.split(";")[0]]).toEqual([accept, type]);
  }
});

/** A member with so many entries and one, with a text of so many characters each. */
async function rich(count: number, characters: number): Promise<Member> {
  const member = await api.register();
  const description = "x".repeat(characters);
  const pair: Posting[] = [
    { type: "penalty", amount: "-1.00", description },
    { type: "bonus", amount: "1.01", description },
  ];
  // Small batches: one transaction that moves one balance thousands of times gets slower with each.
  const batch = Array.from({ length: 100 }, () => pair).flat();
  for (let done = 0; done < count; done += batch.length) await post(member.id, batch);
  return member;
}

/** More than the buffers between server and client take. */
const richAndWide = () => rich(6000, 5000);

test("ten thousand entries come as one file, newest first, whatever the limit is", async () => {
  const member = await rich(10_000, 5);
  const { text } = await api.call("GET", "/api/ledger?limit=3", asCsv(member.key));
  const rows = parseCsv(text);
  const entries = await entriesOf(member.id);
  expect(rows.map(row => row.id)).toEqual(entries.map(entry => entry.id ?? ""));
  expect(sumAmounts(rows.map(row => row.amount ?? ""))).toBe("1000050.00");
  const filtered = await api.call("GET", "/api/ledger?type=bonus", asCsv(member.key));
  expect(parseCsv(filtered.text).length).toBe(5000);
  const cursor = encodeCursor(cursorsOf("ledger", {}, timeAlone).keyOf(entries[9_990]?.created_at ?? ""));
  const tail = await api.call("GET", `/api/ledger?cursor=${cursor}`, asCsv(member.key));
  expect(parseCsv(tail.text).length).toBe(10);
});

/** The same app on a pool that counts statements about the ledger. */
async function countingApi() {
  const seen = { statements: 0 };
  const pool = new Proxy(api.pool, {
    apply(target, self, args: Parameters<typeof api.pool>) {
      if (String(args[0]).includes("FROM extropy_ledger l")) seen.statements++;
      return Reflect.apply(target, self, args);
    },
  });
  return { api: await createApi({}, { ...api, pool }), seen };
}

test("a client that goes away ends the reading", async () => {
  const member = await richAndWide();
  const { api: counted, seen } = await countingApi();
  const { baseUrl, stop } = listen(counted);
  try {
    const client = new AbortController();
    const response = await fetch(`${baseUrl}/api/ledger`, {
      headers: { authorization: `Bearer ${member.key}`, accept: "text/csv" },
      signal: client.signal,
    });
    await response.body?.getReader().read();
    client.abort();
    await Bun.sleep(300);
    const read = seen.statements;
    expect(read).toBeLessThan(6);
    await Bun.sleep(300);
    expect(seen.statements).toBe(read);
  } finally {
    await stop();
  }
});

test("a slow client is waited for: rows are fetched when it has taken those before", async () => {
  let pages = 0;
  const list = async () => {
    pages++;
    return { items: [{ id: "1" }], next_cursor: "more" };
  };
  const response = await csvResponse({
    name: "x",
    columns: { id: "number" },
    list,
    confirm: async () => {},
    onError: () => {},
  });
  await Bun.sleep(50);
  expect(pages).toBeLessThanOrEqual(2);
  const reader = response.body?.getReader();
  for (let taken = 0; taken < 5; taken++) await reader?.read();
  expect(pages).toBeLessThanOrEqual(7);
  await reader?.cancel();
  const read = pages;
  await Bun.sleep(50);
  expect(pages).toBe(read);
});

test("a key that is revoked on the way breaks the file off: no part of it passes for the whole", async () => {
  const member = await richAndWide();
  const { baseUrl, stop } = listen(await createApi({}, api));
  try {
    const key = await warmKey(member);
    const response = await fetch(`${baseUrl}/api/ledger`, {
      headers: { authorization: `Bearer ${key.text}`, accept: "text/csv" },
    });
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    await reader?.read();
    await key.revoke();
    const readOn = async () => {
      while (!(await reader?.read())?.done);
    };
    await expect(readOn()).rejects.toThrow();
  } finally {
    await stop();
  }
});

test("a query that a call does not know is refused, also where it knows none", async () => {
  const { key } = await api.register();
  for (const path of ["/api/stats?from=2026-01-01T00:00:00Z", "/api/me?a=1", "/api/balance?a=1", "/api/ledger?a=1"]) {
    expect([path, (await api.call("GET", path, { key })).status]).toEqual([path, 422]);
  }
});
