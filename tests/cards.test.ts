// Published cards over HTTP: listing, reading, changing with If-Match, withdrawing.

import { beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { cursorsOf, timeAndId } from "../src/cursor.ts";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";

let api: Api;
let member: Member;
let stranger: Member;
beforeAll(async () => {
  api = await createApi();
  member = await api.register();
  stranger = await api.register();
});

type Card = {
  id: string;
  title: string | null;
  content: string;
  privacy_level: string;
  category: string | null;
  tags: string[];
  metadata: Record<string, unknown>;
  slug: string;
  public_url: string;
  content_hash: string;
};
type Page = { items: Card[]; next_cursor: string | null };

const read = (id: string, key = member.key) => api.call<Card>("GET", `/api/cards/${id}`, { key });
const list = (query = "", key = member.key) => api.call<Page>("GET", `/api/cards${query}`, { key });
const withdraw = (id: string, key = member.key) => api.call("DELETE", `/api/cards/${id}`, { key });
const change = (id: string, ifMatch: string | undefined, body: unknown, key = member.key) =>
  api.call<Card>("PATCH", `/api/cards/${id}`, {
    key,
    body,
    headers: ifMatch === undefined ? {} : { "if-match": ifMatch },
  });

async function etagOf(id: string, key = member.key): Promise<string> {
  return (await read(id, key)).headers.get("etag") ?? "";
}

/** RFC 8785 for the values that these tests use, without the library under test. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, part]) => `${JSON.stringify(name)}:${canonical(part)}`).join(",")}}`;
}

function checksumOf({ title, content, privacy_level, category, tags, metadata }: Card): string {
  const text = canonical({ title, content, privacy_level, category, tags, metadata });
  return `"${createHash("sha256").update(text).digest("hex")}"`;
}

describe("a card", () => {
  test("is shown to everybody with a key, complete and without what is the author's own", async () => {
    const sent = newCard({ category: "GRIT", tags: ["a"], metadata: { a: 1 }, privacy_level: "BUSINESS" });
    const published = await api.publishCard(member.key, { ...sent, source_session_id: 7 });
    const { status, body } = await read(published.id, stranger.key);
    expect(status).toBe(200);
    expect(body).toEqual({
      ...sent,
      id: published.id,
      author: { id: member.id, username: member.name, display_name: null },
      content_hash: published.content_hash as string,
      slug: published.slug as string,
      public_url: published.public_url as string,
      attribution_count: 0,
      extropy_earned: "1.00",
      published_at: expect.stringMatching(/Z$/),
      edited_at: null,
    } as unknown as typeof body);
  });

  test("of somebody unknown, or never published, is not found", async () => {
    const [row] = await api.sql`
      INSERT INTO cards (user_id, content, content_hash, privacy_level) VALUES (${member.id}, 'x', 'x', 'PRIVATE') RETURNING id`;
    for (const id of [row?.id, crypto.randomUUID(), "00000000-0000-0000-0000-000000000000"]) {
      expect((await read(id)).status).toBe(404);
      expect((await change(id, "*", {})).status).toBe(404);
      expect((await withdraw(id)).status).toBe(404);
    }
  });

  test("that psql published without an address is nobody's to see, and spoils no list", async () => {
    const author = await api.register();
    const [row] = await api.sql<{ id: string }[]>`
      INSERT INTO cards (user_id, content, content_hash, privacy_level, is_published)
      VALUES (${author.id}, 'text', 'hash', 'IDEAS', true) RETURNING id`;
    expect((await read(row?.id as string, author.key)).status).toBe(404);
    expect((await list("", author.key)).body).toEqual({ items: [], next_cursor: null });
  });

  test("that psql wrote is shown as well, whatever its id and metadata", async () => {
    const id = "11111111-1111-1111-1111-111111111111";
    await api.sql`
      INSERT INTO cards (id, user_id, content, content_hash, privacy_level, is_published, published_at, slug, public_url)
      VALUES (${id}, ${member.id}, 'x', 'y', 'IDEAS', true, now(), 'psql', '/cards/psql')`;
    const answer = await read(id);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("etag")).toBe(checksumOf(answer.body));
    expect((await list("?limit=200")).body.items.map(item => item.id)).toContain(id);
  });
});

describe("an ETag", () => {
  test("is the SHA-256 of the canonical JSON of what the author can change", async () => {
    for (const more of [
      {},
      { title: null, tags: null, metadata: null },
      { title: "", category: "JUNK", tags: ["b", "a", "a"] },
      {
        metadata: {
          ü: 1,
          Z: [1e21, 1e-7, 0.1, -0, 5e-324, 100],
          a: { "\u0001": '\u007f\u2028"\\', "🦊": null, "\ufb33": 1 },
        },
      },
    ]) {
      const { id } = await api.publishCard(member.key, newCard(more));
      const answer = await read(id);
      expect(answer.headers.get("etag")).toBe(checksumOf(answer.body));
    }
  });

  test("changes with each of the six fields, back again with them, and with nothing else", async () => {
    const card = newCard();
    const { id } = await api.publishCard(member.key, card);
    const first = await etagOf(id);
    const seen = new Set([first]);
    for (const body of [
      { title: "Another" },
      { content: `text ${crypto.randomUUID()}` },
      { category: "GRIT" },
      { tags: ["x"] },
      { metadata: { a: 1 } },
      { privacy_level: "BUSINESS" },
    ]) {
      const answer = await change(id, await etagOf(id), body);
      expect(answer).toMatchObject({ status: 200, body });
      expect(answer.headers.get("etag")).toBe(checksumOf(answer.body));
      expect(answer.headers.get("etag")).toBe(await etagOf(id));
      seen.add(await etagOf(id));
    }
    expect(seen.size).toBe(7);
    await change(id, "*", { ...card, category: null, tags: [], metadata: {} });
    expect(await etagOf(id)).toBe(first);
    await api.sql`UPDATE cards SET view_count = 5, attribution_count = 3, extropy_earned = 2 WHERE id = ${id}`;
    expect(await etagOf(id)).toBe(first);
  });

  test("is right after psql changed the card", async () => {
    const { id } = await api.publishCard(member.key);
    const before = await etagOf(id);
    await api.sql`UPDATE cards SET tags = '{psql}' WHERE id = ${id}`;
    const answer = await read(id);
    expect(answer.headers.get("etag")).toBe(checksumOf(answer.body));
    expect((await change(id, before, { title: "x" })).status).toBe(412);
  });
});

describe("a change", () => {
  test("needs If-Match, and the version that is the current one", async () => {
    const { id } = await api.publishCard(member.key);
    const old = await etagOf(id);
    expect(await change(id, undefined, { title: "One" })).toMatchObject({
      status: 428,
      body: { type: "/problems/precondition-required" },
    });
    expect((await change(id, old, { title: "One" })).status).toBe(200);
    expect(await change(id, old, { title: "Two" })).toMatchObject({
      status: 412,
      body: { type: "/problems/precondition-failed" },
    });
    expect((await read(id)).body.title).toBe("One");
  });

  test.each([
    ["*", 200],
    [" * ", 200],
    ["ETAG", 200],
    ['"x", ETAG', 200],
    ['ETAG,"x"', 200],
    ['W/"x", ETAG ,"y"', 200],
    ["W/ETAG", 412],
    ['"x"', 412],
    ["BARE", 412],
    ["", 412],
    ['"*"', 412],
    [",", 412],
  ])("with If-Match: %s is answered %d", async (header, status) => {
    const { id } = await api.publishCard(member.key);
    const etag = await etagOf(id);
    const ifMatch = header.replace("ETAG", etag).replace("BARE", etag.slice(1, -1));
    expect((await change(id, ifMatch, { title: "Changed" })).status).toBe(status);
  });

  test("of many at the same time is done once for each version", async () => {
    const { id } = await api.publishCard(member.key);
    const etag = await etagOf(id);
    const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => change(id, etag, { title: `Title ${n}` })));
    expect(answers.map(answer => answer.status).toSorted()).toEqual([200, ...Array(9).fill(412)]);
  });

  test("keeps slug and address, and gives the new hash", async () => {
    const before = await api.publishCard(member.key);
    const content = `text ${crypto.randomUUID()}`;
    const { body } = await change(before.id, "*", { title: "Quite another", content });
    expect(body).toMatchObject({ slug: before.slug as string, public_url: before.public_url as string });
    expect(body.content_hash).toBe(createHash("sha256").update(`Quite another\n\n${content}`).digest("hex"));
  });

  test("that changes nothing leaves the card as it is", async () => {
    const card = newCard({ tags: ["a"] });
    const { id } = await api.publishCard(member.key, card);
    const before = await read(id);
    for (const body of [{}, card]) {
      const answer = await change(id, "*", body);
      expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: before.text });
    }
    const [row] = await api.sql`SELECT checksum FROM cards WHERE id = ${id}`;
    expect(`"${row?.checksum}"`).toBe(before.headers.get("etag") as string);
  });

  test("takes a title away", async () => {
    for (const title of [null, ""]) {
      const { id } = await api.publishCard(member.key);
      expect((await change(id, "*", { title })).body.title).toBeNull();
    }
  });

  test("to the text of another of one's cards is refused, withdrawn ones included; to a stranger's it is not", async () => {
    const [one, other, gone] = [newCard(), newCard(), newCard()];
    const { id } = await api.publishCard(member.key, one);
    await api.publishCard(member.key, other);
    await withdraw((await api.publishCard(member.key, gone)).id);
    for (const { title, content } of [other, gone]) {
      const answer = await change(id, "*", { title, content: ` ${content}\r\n` });
      expect(answer).toMatchObject({ status: 409, body: { type: "/problems/duplicate-card" } });
    }
    expect((await read(id)).body.content).toBe(one.content as string);
    const strangers = newCard();
    await api.publishCard(stranger.key, strangers);
    expect((await change(id, "*", strangers)).status).toBe(200);
  });

  test.each([
    { content: "" },
    { content: null },
    { privacy_level: "PRIVATE" },
    { privacy_level: "ideas" },
    { privacy_level: null },
    { category: "OTHER" },
    { tags: null },
    { tags: [""] },
    { metadata: null },
    { metadata: [] },
    { title: "x".repeat(1001) },
    { slug: "mine" },
    { id: "x" },
    { source_session_id: 1 },
    { extropy_earned: "5.00" },
  ])("can't be %j", async body => {
    const { id } = await api.publishCard(member.key);
    const before = await read(id);
    const answer = await change(id, "*", body);
    expect(answer).toMatchObject({ status: 422 });
    expect(answer.body.errors?.[0]?.pointer).toStartWith(`/${Object.keys(body)[0]}`);
    expect((await read(id)).text).toBe(before.text);
  });

  test("of a stranger's card finds nothing", async () => {
    const { id } = await api.publishCard(member.key);
    expect((await change(id, "*", { title: "Mine" }, stranger.key)).status).toBe(404);
    expect((await change(id, await etagOf(id), { title: "Mine" }, stranger.key)).status).toBe(404);
  });
});

describe("a withdrawn card", () => {
  test("is gone for everybody, and its text is erased", async () => {
    const mark = crypto.randomUUID();
    const { id } = await api.publishCard(
      member.key,
      newCard({ title: mark, content: mark, tags: [mark], metadata: { mark } }),
    );
    const etag = await etagOf(id);
    expect(await withdraw(id)).toMatchObject({ status: 204, text: "" });
    for (const key of [member.key, stranger.key]) {
      expect(await read(id, key)).toMatchObject({ status: 410, body: { type: "/problems/gone" } });
    }
    expect((await withdraw(id)).status).toBe(410);
    expect((await change(id, etag, { title: "x" })).status).toBe(410);
    expect((await change(id, "*", { title: "x" })).status).toBe(410);
    for (const { status } of [await withdraw(id, stranger.key), await change(id, "*", {}, stranger.key)]) {
      expect(status).toBe(404);
    }
    expect((await list("?limit=200")).body.items.map(item => item.id)).not.toContain(id);
    const [row] = await api.sql`SELECT t::text AS text FROM cards t WHERE id = ${id}`;
    expect(row?.text).not.toContain(mark);
    expect(row?.text).not.toContain(mark.slice(0, 13));
    await expectBalancedBooks(api.sql);
  });

  test("of a stranger can't be withdrawn", async () => {
    const { id } = await api.publishCard(member.key);
    expect((await withdraw(id, stranger.key)).status).toBe(404);
    expect((await read(id)).status).toBe(200);
  });

  test("that psql named like another gets an address of its own", async () => {
    const { id: userId, key } = await api.register();
    const rows = await api.sql<{ id: string }[]>`
      INSERT INTO cards (user_id, content, content_hash, privacy_level, is_published, published_at, slug, public_url)
      SELECT ${userId}, name, name, 'IDEAS', true, now(), name || '-published', '/cards/' || name || '-published'
      FROM unnest(ARRAY['one', 'two']) name RETURNING id`;
    for (const { id } of rows) expect((await withdraw(id, key)).status).toBe(204);
  });

  test("by many at the same time is withdrawn once", async () => {
    const { id } = await api.publishCard(member.key);
    const statuses = (await Promise.all(Array.from({ length: 6 }, () => withdraw(id)))).map(answer => answer.status);
    expect(statuses.toSorted()).toEqual([204, ...Array(5).fill(410)]);
  });
});

describe("the list", () => {
  test("holds one's own cards, newest first, and is empty where there are none", async () => {
    const { key } = await api.register();
    expect((await list("", key)).body).toEqual({ items: [], next_cursor: null });
    const ids = [];
    for (let n = 0; n < 3; n++) ids.unshift((await api.publishCard(key)).id);
    expect((await list("", key)).body.items.map(item => item.id)).toEqual(ids);
    expect((await list("", key)).body.items[0]).toEqual((await read(ids[0] ?? "", key)).body);
  });

  test("is stable in pages while cards are added and withdrawn", async () => {
    const { key } = await api.register();
    const cards = await api.publish(
      key,
      Array.from({ length: 25 }, () => newCard()),
    );
    const before = (await list("", key)).body.items.map(item => item.id);
    expect(before.toSorted()).toEqual(cards.body.cards.map(card => card.id ?? "").toSorted());
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page = (await list(`?limit=7${cursor ? `&cursor=${cursor}` : ""}`, key)).body;
      seen.push(...page.items.map(item => item.id));
      cursor = page.next_cursor;
      await api.publishCard(key);
      if (seen.length === 7) await withdraw(seen[6] ?? "", key);
    } while (cursor !== null);
    expect(seen).toEqual(before);
  });

  test("ends with a page that is full to the last card", async () => {
    const { key } = await api.register();
    await api.publish(key, [newCard(), newCard(), newCard(), newCard()]);
    const first = await list("?limit=2", key);
    const second = await list(`?limit=2&cursor=${first.body.next_cursor}`, key);
    expect(second.body.items).toHaveLength(2);
    expect(second.body.next_cursor).toBeNull();
  });

  test("filters, alone and together", async () => {
    const { key } = await api.register();
    const cards = {
      a: newCard({ title: "Alpha 100% _x_", category: "GRIT", tags: ["t", "a,b"] }),
      b: newCard({ title: "beta \\ path", category: "GRIT", privacy_level: "BUSINESS", tags: ["t"] }),
      c: newCard({ title: null, content: `ALPHA in the text ${crypto.randomUUID()}`, category: "JUNK" }),
    };
    const names = new Map<string, string>();
    for (const [name, card] of Object.entries(cards)) names.set((await api.publishCard(key, card)).id, name);
    for (const [query, found] of [
      ["category=GRIT", "ba"],
      ["category=TOUGH", ""],
      ["tag=t", "ba"],
      ["tag=a%2Cb", "a"],
      ["tag=T", ""],
      ["privacy_level=IDEAS", "ca"],
      ["q=alpha", "ca"],
      ["q=%25", "a"],
      ["q=_x_", "a"],
      ["q=_", "a"],
      ["q=%5C", "b"],
      ["q=100%25+_", "a"],
      ["q=zzz", ""],
      ["category=GRIT&tag=t&privacy_level=BUSINESS&q=BETA", "b"],
      ["category=GRIT&q=text", "ba"],
      ["q=text,%20or", ""],
      ["q=[1]", ""],
      ["q=%7B%22a%22:1%7D", ""],
    ] as const) {
      const { body } = await list(`?${query}`, key);
      expect({ query, found: body.items.map(item => names.get(item.id)).join("") }).toEqual({ query, found });
    }
  });

  test.each([
    "limit=0",
    "limit=-1",
    "limit=201",
    "limit=1e3",
    "limit=1e2",
    "limit=0x10",
    "limit=%2B5",
    "limit=%205",
    "limit=5.0",
    "limit=1.5",
    "limit=abc",
    "limit=",
    "limit=%20",
    "limit=5&limit=6",
    "limit=NaN",
    "limit=Infinity",
    "limit=99999999999999999999",
    "cursor=",
    "cursor=abc",
    "cursor=%00",
    "cursor=W10",
    "cursor=bnVsbA",
    "category=grit",
    "category=",
    "privacy_level=PRIVATE",
    "tag=",
    "q=",
    `q=${"x".repeat(201)}`,
    `tag=${"x".repeat(101)}`,
    "unknown=1",
    "user_id=0198c0de-0000-7000-8000-000000000000",
  ])("refuses a bad query: %s", async query => {
    const answer = await list(`?${query}`);
    expect(answer).toMatchObject({ status: 422, body: { type: "/problems/validation" } });
    expect(answer.body.errors).not.toHaveLength(0);
  });

  test.each([
    ["0000-01-01T00:00:00.000000Z"],
    ["2026-13-01T00:00:00.000000Z"],
    ["2026-01-01T00:00:00.000000+23:59"],
    [`2026-01-01T00:00:00.${"1".repeat(200)}Z`],
    ["infinity"],
    ["now"],
    [5],
  ])("refuses a cursor that somebody made up: %p", async time => {
    const id = "0198c0de-0000-7000-8000-000000000000";
    const mark = cursorsOf("cards", {}, timeAndId).keyOf();
    for (const values of [[...mark, time, id], [...mark, time], [...mark, time, id, id], { 0: mark, 1: time, 2: id }]) {
      const cursor = Buffer.from(JSON.stringify(values)).toString("base64url");
      expect((await list(`?cursor=${cursor}`)).status).toBe(422);
    }
  });

  test.each(["1", "200", "050"])("takes a limit from 1 to 200: %s", async limit => {
    expect((await list(`?limit=${limit}`)).status).toBe(200);
  });

  test("gives fifty cards where no limit is said", async () => {
    const { key } = await api.register();
    await api.publish(
      key,
      Array.from({ length: 51 }, () => newCard()),
    );
    const { body } = await list("", key);
    expect(body.items).toHaveLength(50);
    expect(body.next_cursor).not.toBeNull();
    expect((await list("?limit=200", key)).body.items).toHaveLength(51);
  });

  test("ends a page at 8 MiB, and goes on behind it", async () => {
    const { id, key } = await api.register();
    await api.sql`
      INSERT INTO cards (user_id, content, content_hash, privacy_level, is_published, published_at, slug, public_url)
      SELECT ${id}, repeat('x', 1000000) || n, n, 'IDEAS', true, now(), 'big-' || n || ${id.slice(-8)}, '/cards/big-' || n || ${id.slice(-8)}
      FROM generate_series(1, 10) n`;
    const first = await list("?limit=200", key);
    expect(first.body.items).toHaveLength(8);
    expect(first.text.length).toBeLessThanOrEqual(8 * 1_048_576);
    const second = await list(`?limit=200&cursor=${first.body.next_cursor}`, key);
    expect(second.body.items).toHaveLength(2);
    expect(second.body.next_cursor).toBeNull();
  });
});
