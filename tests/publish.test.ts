// Publishing over HTTP: what becomes of each card, what is earned for it, and that a request is all or nothing.

import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type Api, createApi, listen, type Member, newCard, readAnswer, tablesWith, toInit } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { createServerPool } from "./support.ts";

let api: Api;
let member: Member;
beforeAll(async () => {
  api = await createApi();
  member = await api.register();
});
afterEach(() => expectBalancedBooks(api.sql));

type Card = { id: string; title: string | null; content: string; slug: string; public_url: string };

const read = (id: string, key = member.key) => api.call<Card>("GET", `/api/cards/${id}`, { key });
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const uniqueText = () => `text ${crypto.randomUUID()}`;

/** The hash as the contract words it, for texts that need no normalising. */
const hashOf = (title: string, content: string) => sha256(`${title}\n\n${content}`);

describe("an answer", () => {
  test("says of each card what became of it, in the order of the request", async () => {
    const { key } = await api.register();
    const content = uniqueText();
    const cards = [
      newCard({ title: "Öffentliche Karte", content }),
      newCard({ privacy_level: "PRIVATE" }),
      newCard({ title: "Öffentliche Karte", content, category: "GRIT" }),
      newCard({ title: null, content: "Only a first line\nand more", privacy_level: "BUSINESS" }),
    ];
    const { status, body } = await api.publish(key, cards);
    expect(status).toBe(201);
    const [first, , , last] = body.cards;
    expect(body).toEqual({
      cards: [
        {
          index: 0,
          outcome: "published",
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          slug: expect.stringMatching(/^offentliche-karte-[a-z0-9]{8}$/),
          public_url: `http://localhost/cards/${first?.slug}`,
          content_hash: hashOf("Öffentliche Karte", content),
          extropy_awarded: "1.00",
        },
        {
          index: 1,
          outcome: "filtered",
          id: null,
          slug: null,
          public_url: null,
          content_hash: null,
          extropy_awarded: "0.00",
          reason: "private",
        },
        { ...first, index: 2, outcome: "duplicate", extropy_awarded: "0.00" },
        {
          index: 3,
          outcome: "published",
          id: expect.any(String),
          slug: expect.stringMatching(/^only-a-first-line-[a-z0-9]{8}$/),
          public_url: `http://localhost/cards/${last?.slug}`,
          content_hash: hashOf("", "Only a first line\nand more"),
          extropy_awarded: "1.00",
        },
      ],
      published_urls: [first?.public_url, last?.public_url],
      cards_published: 2,
      cards_filtered: 1,
      extropy_earned: "2.00",
      balance: "12.00",
    } as typeof body);
  });

  test("is 200 where nothing new was published", async () => {
    const card = newCard();
    const before = await api.publishCard(member.key, card);
    const again = await api.publish(member.key, [card]);
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({
      cards: [{ outcome: "duplicate", id: before.id, slug: before.slug, extropy_awarded: "0.00" }],
      published_urls: [],
      cards_published: 0,
      cards_filtered: 0,
      extropy_earned: "0.00",
    });
    expect((await api.publish(member.key, [newCard({ privacy_level: "PERSONAL" })])).status).toBe(200);
  });

  test("has addresses that begin with PUBLIC_BASE_URL, or with the server that was asked", async () => {
    const behindProxy = await createApi({ PUBLIC_BASE_URL: "https://cards.example.org/x/" }, api);
    const { slug, public_url } = await behindProxy.publishCard(member.key);
    expect(public_url).toBe(`https://cards.example.org/x/cards/${slug}`);
    const { baseUrl, stop } = listen(api);
    const answer = await fetch(
      `${baseUrl}/api/publish`,
      toInit("POST", { key: member.key, body: { cards: [newCard()] } }),
    );
    const { body } = await readAnswer<{ published_urls: string[] }>(answer);
    await stop();
    expect(body.published_urls[0]).toStartWith(`${baseUrl}/cards/`);
  });

  test("pays what PUBLISH_REWARD says, with an entry for each card, and none for nothing", async () => {
    const rich = await createApi({ PUBLISH_REWARD: "2.5" }, api);
    const { id, key } = await rich.register();
    const { body } = await rich.publish(key, [newCard(), newCard()]);
    expect(body).toMatchObject({ extropy_earned: "5.00", balance: "15.00" });
    const entries = await api.sql`
      SELECT amount, card_id FROM extropy_ledger WHERE user_id = ${id} AND transaction_type = 'publish_reward' ORDER BY id`;
    expect([...entries]).toEqual(body.cards.map(card => ({ amount: "2.50", card_id: card.id })));
    const free = await createApi({ PUBLISH_REWARD: "0" }, api);
    expect((await free.publish(key, [newCard()])).body).toMatchObject({
      cards: [{ outcome: "published", extropy_awarded: "0.00" }],
      cards_published: 1,
      balance: "15.00",
    });
  });
});

describe("what is published", () => {
  test.each(["BUSINESS", "IDEAS", "business", "Ideas", "iDeAs"])("has a public level, in any case: %s", async level => {
    const { id } = await api.publishCard(member.key, newCard({ privacy_level: level }));
    expect((await read(id)).body).toMatchObject({ privacy_level: level.toUpperCase() });
  });

  test.each([
    "PRIVATE",
    "PERSONAL",
    "private",
    "PUBLIC",
    "",
    " IDEAS",
    "IDEAS\n",
    "IDEAS,BUSINESS",
    "ıdeas",
    "busineſs",
    "__proto__",
  ])("is nothing of any other level: %j", async level => {
    const { body } = await api.publish(member.key, [newCard({ privacy_level: level })]);
    expect(body).toMatchObject({ cards: [{ outcome: "filtered", reason: "private" }], cards_filtered: 1 });
  });

  test.each([undefined, null, 5, true, { 0: "IDEAS" }, {}])("needs a level that is text, not %j", async level => {
    const card = [newCard({ privacy_level: level })];
    for (const cards of [card, [newCard(), ...card]]) {
      const answer = await api.publish(member.key, cards);
      expect(answer).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: `/cards/${cards.length - 1}/privacy_level` }] },
      });
    }
  });

  test("leaves no trace of private cards in the database or the log", async () => {
    const { key } = await api.register();
    const secret = `secret${crypto.randomUUID()}`;
    const privateCard = (level: string) => ({
      title: `${secret} title`,
      content: `${secret} content`,
      privacy_level: level,
      tags: [secret],
      metadata: { [secret]: secret },
    });
    const secretHash = hashOf(`${secret} title`, `${secret} content`);
    const cards = [privateCard("PRIVATE"), newCard(), privateCard("personal"), privateCard("unknown")];
    const headers = { "idempotency-key": crypto.randomUUID() };
    for (let time = 0; time < 2; time++) {
      await api.call("POST", "/api/publish", { key, body: { cards, client_id: "laptop" }, headers });
    }
    await api.publish(key, [...cards, { ...newCard(), nonsense: true }]);
    await api.call("POST", "/api/publish", { key, raw: `{"cards": [{"content": "${secret}"` });
    for (const text of [secret, secretHash]) {
      expect(await tablesWith(api.sql, text)).toEqual([]);
      expect(api.logs.join("")).not.toContain(text);
    }
    expect(await tablesWith(api.sql, "laptop")).toEqual(["cards", "sync_state"]);
  });

  test("is stored and shown as it was sent, to the last character", async () => {
    const card = {
      title: '  "Title" \\ with {braces},NULL and e\u0301 🦊 ',
      content: `\r\n  first\r\nsecond\rthird\u2028 e\u0301 \\ " ' {a,b} NULL $1 \u0001 ${crypto.randomUUID()}\t\n`,
      category: "TOUGH",
      tags: ["NULL", "null", "{}", "a,b", '"', "\\", " ", "ü🦊", "a\nb", "a", "a"],
      metadata: { a: [1, -0.5, 1e21, 5e-324, 1.7976931348623157e308, true, null, '\u0001\\"'], "": {}, ü: { z: [] } },
    };
    const { id } = await api.publishCard(member.key, {
      ...card,
      privacy_level: "IDEAS",
      source_session_id: -2147483648,
    });
    expect((await read(id)).body).toMatchObject(card);
    const [row] = await api.sql`SELECT source_session_id FROM cards WHERE id = ${id}`;
    expect(row).toEqual({ source_session_id: -2147483648 });
  });

  test("takes null for everything that may be left out", async () => {
    const nothing = { title: null, category: null, tags: null, metadata: null, source_session_id: null };
    const answer = await api.publish(member.key, [newCard(nothing)], { client_id: null });
    expect(answer.status).toBe(201);
    expect((await read(answer.body.cards[0]?.id ?? "")).body).toMatchObject({
      title: null,
      category: null,
      tags: [],
      metadata: {},
    });
  });
});

describe("a slug", () => {
  test.each([
    ["Ünïcödé  Títle!", "", "unicode-title"],
    ["--Hello, World--", "", "hello-world"],
    ["日本語", "text", "card"],
    ["🦊", "text", "card"],
    ["   ", "From the  content", "from-the-content"],
    [null, "\n\n  First line \r\nsecond", "first-line"],
    ["x".repeat(100), "", "x".repeat(60)],
    [`${"x".repeat(59)} yz`, "", "x".repeat(59)],
    ["../../etc/passwd", "", "etc-passwd"],
    ["ﬁne ½ Straße", "", "fine-1-2-stra-e"],
  ])("of %j and %j begins with %j", async (title, content, stem) => {
    const { key } = await api.register();
    const { slug } = await api.publishCard(key, { title, content: content || "text", privacy_level: "IDEAS" });
    expect(slug).toMatch(new RegExp(`^${stem}-[a-z0-9]{8}$`));
  });

  test("is another for another user's same card", async () => {
    const [one, two] = [await api.register(), await api.register()];
    const card = newCard();
    const [first, second] = [await api.publishCard(one.key, card), await api.publishCard(two.key, card)];
    expect(second).toMatchObject({ outcome: "published", content_hash: first.content_hash });
    expect(second.slug).not.toBe(first.slug);
    expect(second.id).not.toBe(first.id);
  });
});

describe("the same card", () => {
  test("is one whose text differs in composition, line ends and white space around only", async () => {
    const mark = crypto.randomUUID();
    const first = await api.publishCard(member.key, {
      title: "Caf\u00e9",
      content: `one\ntwo \u00e9 ${mark}`,
      privacy_level: "IDEAS",
    });
    expect(first.content_hash).toBe(hashOf("Caf\u00e9", `one\ntwo \u00e9 ${mark}`));
    for (const [title, content] of [
      ["Cafe\u0301", `one\ntwo e\u0301 ${mark}`],
      ["Caf\u00e9", `one\r\ntwo \u00e9 ${mark}`],
      ["Caf\u00e9", `one\rtwo \u00e9 ${mark}`],
      [" \t\u00a0\ufeff\u2003Caf\u00e9\u3000", `\u2028\v\f one\ntwo \u00e9 ${mark}\r\n\ufeff`],
    ]) {
      const again = await api.publish(member.key, [{ title, content, privacy_level: "BUSINESS" }]);
      expect(again.body.cards[0]).toMatchObject({
        outcome: "duplicate",
        id: first.id,
        content_hash: first.content_hash,
      });
    }
    for (const [title, content] of [
      ["Cafe", `one\ntwo \u00e9 ${mark}`],
      ["caf\u00e9", `one\ntwo \u00e9 ${mark}`],
      ["Caf\u00e9", `one\n\ntwo \u00e9 ${mark}`],
      ["Caf\u00e9\u200b", `one\ntwo \u00e9 ${mark}`],
      ["Caf\u00e9", `one\ntwo \u00e9 ${mark}\u0085`],
      [null, `Caf\u00e9\n\none\ntwo \u00e9 ${mark}`],
    ]) {
      const other = await api.publish(member.key, [{ title, content, privacy_level: "IDEAS" }]);
      expect(other.body.cards[0]?.outcome).toBe("published");
    }
  });

  test("is one with a missing, null, empty or blank title", async () => {
    const content = uniqueText();
    const card = { content, privacy_level: "IDEAS" };
    const first = await api.publishCard(member.key, card);
    expect(first.content_hash).toBe(sha256(`\n\n${content}`));
    for (const title of [null, "", "  \n"]) {
      expect((await api.publish(member.key, [{ ...card, title }])).body.cards[0]).toMatchObject({
        outcome: "duplicate",
        id: first.id,
      });
    }
  });

  test("within one request is published once", async () => {
    const { key } = await api.register();
    const card = newCard();
    const { body } = await api.publish(key, [card, newCard({ privacy_level: "PRIVATE" }), card, card]);
    expect(body.cards.map(({ outcome }) => outcome)).toEqual(["published", "filtered", "duplicate", "duplicate"]);
    expect(new Set(body.cards.map(({ id }) => id)).size).toBe(2);
    expect(body.balance).toBe("11.00");
  });

  test("sent again with other tags or another level stays as it was", async () => {
    const card = newCard({ tags: ["one"], category: "GRIT" });
    const { id } = await api.publishCard(member.key, card);
    const before = await read(id);
    await api.publish(member.key, [{ ...card, tags: ["two"], category: null, privacy_level: "BUSINESS" }]);
    const after = await read(id);
    expect(after.text).toBe(before.text);
    expect(after.headers.get("etag")).toBe(before.headers.get("etag") as string);
  });

  test("under another title is another card", async () => {
    const content = uniqueText();
    const [one, two] = [
      await api.publishCard(member.key, newCard({ title: "One", content })),
      await api.publishCard(member.key, newCard({ title: "Two", content })),
    ];
    expect(two).toMatchObject({ outcome: "published", extropy_awarded: "1.00" });
    expect(two.id).not.toBe(one.id);
  });

  test("comes back under its id and page when it was withdrawn, as it is sent now, and earns nothing", async () => {
    const { key } = await api.register();
    const card = newCard({ title: "Cafe\u0301", tags: ["old"], metadata: { a: 1 } });
    const first = await api.publishCard(key, card);
    await api.call("DELETE", `/api/cards/${first.id}`, { key });
    const sent = {
      ...card,
      title: " Caf\u00e9",
      tags: ["new"],
      category: "JUNK",
      metadata: {},
      privacy_level: "BUSINESS",
    };
    const back = await api.publish(key, [sent, sent]);
    const line = { outcome: "duplicate", id: first.id, extropy_awarded: "0.00", slug: first.slug } as const;
    expect(back).toMatchObject({
      status: 200,
      body: { cards: [line, line], cards_published: 0, published_urls: [], extropy_earned: "0.00", balance: "11.00" },
    });
    const shown = await read(first.id, key);
    expect(shown).toMatchObject({ status: 200, body: { ...sent, slug: first.slug, public_url: first.public_url } });
    const list = await api.call<{ items: Card[] }>("GET", "/api/cards", { key });
    expect(list.body.items.map(item => item.id)).toEqual([first.id]);
  });

  test("is a new one, not paid again, after its text was changed", async () => {
    const { key } = await api.register();
    const card = newCard();
    const first = await api.publishCard(key, card);
    const change = { body: { content: uniqueText() }, headers: { "if-match": "*" } };
    expect((await api.call("PATCH", `/api/cards/${first.id}`, { key, ...change })).status).toBe(200);
    const again = await api.publish(key, [card]);
    expect(again).toMatchObject({
      status: 201,
      body: {
        cards: [{ outcome: "published", extropy_awarded: "0.00", reason: "already-rewarded" }],
        extropy_earned: "0.00",
        balance: "11.00",
      },
    });
    expect(again.body.cards[0]?.id).not.toBe(first.id);
    expect((await api.publish(key, [{ ...card, ...change.body }])).body.cards[0]).toMatchObject({
      outcome: "duplicate",
      id: first.id,
    });
  });
});

describe("the daily limit of rewards", () => {
  test("publishes on beyond it, unpaid, within one request and after", async () => {
    const limited = await createApi({ PUBLISH_REWARDS_PER_DAY: "3" }, api);
    const { id, key } = await limited.register();
    const twice = newCard();
    const first = await limited.publish(key, [newCard(), newCard()]);
    expect(first.body.extropy_earned).toBe("2.00");
    const cards = [newCard({ privacy_level: "PRIVATE" }), twice, twice, newCard(), newCard()];
    const { status, body } = await limited.publish(key, cards);
    expect(status).toBe(201);
    expect(body.cards.map(card => [card.outcome, card.extropy_awarded, card.reason])).toEqual([
      ["filtered", "0.00", "private"],
      ["published", "1.00", undefined],
      ["duplicate", "0.00", undefined],
      ["published", "0.00", "daily-limit"],
      ["published", "0.00", "daily-limit"],
    ]);
    expect(body).toMatchObject({ extropy_earned: "1.00", balance: "13.00", cards_published: 3 });
    const later = await limited.publish(key, [newCard()]);
    expect(later.body.cards[0]).toMatchObject({ outcome: "published", reason: "daily-limit" });

    await api.sql.begin(async tx => {
      await tx`ALTER TABLE users DISABLE TRIGGER users_guard_head`;
      await tx`UPDATE users SET rewards_on = rewards_on - 1 WHERE id = ${id}`;
      await tx`ALTER TABLE users ENABLE TRIGGER users_guard_head`;
    });
    const tomorrow = await limited.publish(key, [newCard()]);
    expect(tomorrow.body).toMatchObject({ cards: [{ extropy_awarded: "1.00" }], balance: "14.00" });
  });

  test("is one's own", async () => {
    const limited = await createApi({ PUBLISH_REWARDS_PER_DAY: "1" }, api);
    for (const { key } of [await limited.register(), await limited.register()]) {
      expect((await limited.publish(key, [newCard(), newCard()])).body.extropy_earned).toBe("1.00");
    }
  });

  test("of 0 is none", async () => {
    const free = await createApi({ PUBLISH_REWARDS_PER_DAY: "0" }, api);
    const { key } = await free.register();
    const { body } = await free.publish(
      key,
      Array.from({ length: 20 }, () => newCard()),
    );
    expect(body.extropy_earned).toBe("20.00");
  });

  test("holds when many requests come at the same time", async () => {
    const limited = await createApi({ PUBLISH_REWARDS_PER_DAY: "5" }, api);
    const { key } = await limited.register();
    const answers = await Promise.all(Array.from({ length: 10 }, () => limited.publish(key, [newCard(), newCard()])));
    const paid = answers.flatMap(answer => answer.body.cards).filter(card => card.extropy_awarded === "1.00");
    expect(paid).toHaveLength(5);
    expect((await api.call("GET", "/api/me", { key })).body).toMatchObject({ balance: "15.00" });
  });
});

describe("a client_id", () => {
  test("has the state of each published card kept for that device", async () => {
    const { id: userId, key } = await api.register();
    const [card, known] = [newCard(), newCard()];
    const earlier = await api.publishCard(key, known);
    const { body } = await api.publish(
      key,
      [card, newCard({ privacy_level: "PRIVATE" }), card, { ...known, tags: ["other"] }],
      { client_id: "laptop" },
    );
    const etags = [];
    for (const id of [body.cards[0]?.id, earlier.id]) {
      etags.push((await read(id ?? "", key)).headers.get("etag")?.replaceAll('"', ""));
    }
    const rows = await api.sql`
      SELECT entity_type, entity_id, sync_status, sync_direction, local_checksum, remote_checksum
      FROM sync_state WHERE user_id = ${userId} AND client_id = 'laptop' ORDER BY entity_id DESC`;
    const row = { entity_type: "card", sync_status: "synced", sync_direction: "push" };
    expect([...rows]).toEqual([
      { ...row, entity_id: body.cards[0]?.id, local_checksum: etags[0], remote_checksum: etags[0] },
      {
        ...row,
        entity_id: earlier.id,
        local_checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
        remote_checksum: etags[1],
      },
    ]);
    expect(rows[1]?.local_checksum).not.toBe(etags[1]);
    await api.publish(key, [card], { client_id: "laptop" });
    expect((await api.sql`SELECT FROM sync_state WHERE user_id = ${userId}`).length).toBe(2);
  });

  test("that is missing writes none", async () => {
    const { id, key } = await api.register();
    await api.publishCard(key);
    expect((await api.sql`SELECT FROM sync_state WHERE user_id = ${id}`).length).toBe(0);
  });
});

describe("a request", () => {
  test.each([57, 0, 99])("with a bad card at place %d stores nothing", async place => {
    const { id, key } = await api.register();
    const cards = Array.from({ length: 100 }, () => newCard());
    cards[place] = newCard({ content: "" });
    const answer = await api.publish(key, cards, { client_id: "laptop" });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: `/cards/${place}/content` }] } });
    const [counts] = await api.sql`
      SELECT (SELECT count(*)::integer FROM cards WHERE user_id = ${id}) AS cards,
        (SELECT count(*)::integer FROM sync_state WHERE user_id = ${id}) AS states,
        (SELECT extropy_balance FROM users WHERE id = ${id}) AS balance`;
    expect(counts).toEqual({ cards: 0, states: 0, balance: "10.00" });
  });

  test.each([1, 100])("of %d cards is one statement", async count => {
    // On a pool of its own: an app that listens, as that of all tests here does for a while, goes on sorting in titles.
    const pool = createServerPool(api.url);
    const own = await createApi({}, { ...api, pool });
    const { key } = await own.register();
    const statements: string[] = [];
    // What was begun beside the registration, such as the removal of old counts, is over.
    const underWay = () => api.sql`
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()`;
    while ((await underWay()).length > 0) await Bun.sleep(5);
    pool.options.debug = (_connection, statement) => void statements.push(statement);
    const cards = Array.from({ length: count }, (_, n) => newCard(n % 7 === 3 ? { privacy_level: "PRIVATE" } : {}));
    const { status } = await own.publish(key, cards, { client_id: "laptop" });
    expect(status).toBe(201);
    expect(statements).toEqual([expect.stringMatching(/^\s*SELECT \* FROM publish_cards\(/)]);
  });

  test("sent fifty times at once publishes one card and pays one reward, in one process and in two", async () => {
    const other = await createApi({}, api);
    const { id, key } = await api.register();
    const card = newCard();
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => (n % 2 ? api : other).publish(key, [card])));
    const statuses = answers.map(answer => answer.status).toSorted();
    expect(statuses).toEqual([...Array(49).fill(200), 201]);
    expect(new Set(answers.map(answer => answer.body.cards[0]?.id)).size).toBe(1);
    const [counts] = await api.sql`
      SELECT (SELECT count(*)::integer FROM cards WHERE user_id = ${id}) AS cards,
        (SELECT extropy_balance FROM users WHERE id = ${id}) AS balance`;
    expect(counts).toEqual({ cards: 1, balance: "11.00" });
  });

  test("among many of many users is paid exactly", async () => {
    const members = await Promise.all(Array.from({ length: 8 }, () => api.register()));
    const shared = Array.from({ length: 3 }, () => newCard());
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, n) => {
        const key = members[n % 8]?.key ?? "";
        return api.publish(key, n % 3 === 0 ? shared.toReversed() : [newCard(), ...shared, newCard()]);
      }),
    );
    for (const { status } of answers) expect(status).toBeOneOf([200, 201]);
    for (const [place, { key }] of members.entries()) {
      const own = answers.filter((_, n) => n % 8 === place);
      const earned = own.flatMap(answer => answer.body.cards).filter(card => card.extropy_awarded === "1.00").length;
      expect(earned).toBe(3 + 2 * own.filter(answer => answer.body.cards.length === 5).length);
      expect((await api.call("GET", "/api/me", { key })).body.balance).toBe(`${10 + earned}.00`);
    }
  });

  test("that crosses a withdrawal leaves the card standing or withdrawn, and nothing in between", async () => {
    const { key } = await api.register();
    const card = newCard();
    const { id } = await api.publishCard(key, card);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        n % 2 ? api.publish(key, [card]) : api.call("DELETE", `/api/cards/${id}`, { key }),
      ),
    );
    for (const { status } of answers) expect(status).toBeOneOf([200, 204, 410]);
    await api.publish(key, [card]);
    expect((await read(id, key)).body).toMatchObject({ content: card.content as string });
  });
});

describe("an Idempotency-Key", () => {
  const publish = (key: string, cards: unknown[], idempotencyKey: string, more = {}) =>
    api.call<Record<string, unknown> & { cards: { id: string }[] }>("POST", "/api/publish", {
      key,
      body: { cards, ...more },
      headers: { "idempotency-key": idempotencyKey },
    });

  test("brings the first answer again, as often as it is asked for", async () => {
    const { key } = await api.register();
    const cards = [newCard(), newCard({ privacy_level: "PRIVATE" }), newCard()];
    const first = await publish(key, cards, "a key");
    await api.publish(key, [newCard()]);
    const again = await publish(key, cards, "a key");
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect({ status: again.status, body: again.body }).toEqual({ status: first.status, body: first.body });
  });

  test("is another user's own affair", async () => {
    const [one, two] = [await api.register(), await api.register()];
    const card = newCard();
    expect((await publish(one.key, [card], "shared")).status).toBe(201);
    const other = await publish(two.key, [card], "shared");
    expect(other.status).toBe(201);
    expect(other.headers.get("idempotency-replayed")).toBeNull();
  });

  test("is refused for another request, and not kept where the request was refused", async () => {
    const { key } = await api.register();
    const card = newCard({ title: "One" });
    expect((await publish(key, [{ ...card, content: "" }], "k")).status).toBe(422);
    expect((await publish(key, [card], "k")).status).toBe(201);
    for (const cards of [
      [newCard()],
      [card, card],
      [{ ...card, tags: ["x"] }],
      [{ ...card, privacy_level: "PRIVATE" }],
    ]) {
      expect(await publish(key, cards, "k")).toMatchObject({
        status: 422,
        body: { type: "/problems/idempotency-key-reused" },
      });
    }
    const reordered = Object.fromEntries(Object.entries(card).toReversed());
    expect((await publish(key, [reordered], "k")).headers.get("idempotency-replayed")).toBe("true");
  });

  test("counts filtered cards by place and level, whatever their text", async () => {
    const { key } = await api.register();
    const card = newCard();
    const hidden = () => newCard({ privacy_level: "PRIVATE" });
    await publish(key, [card, hidden()], "k");
    expect((await publish(key, [card, hidden()], "k")).headers.get("idempotency-replayed")).toBe("true");
    expect((await publish(key, [hidden(), card], "k")).status).toBe(422);
    expect((await publish(key, [card, newCard({ privacy_level: "PERSONAL" })], "k")).status).toBe(422);
  });

  test("sent many times at once does the work once and gives everybody the same answer", async () => {
    const other = await createApi({}, api);
    const { key } = await api.register();
    const body = { cards: [newCard(), newCard()] };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? api : other).call("POST", "/api/publish", { key, body, headers: { "idempotency-key": "k" } }),
      ),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers.filter(({ headers }) => !headers.has("idempotency-replayed"))).toHaveLength(1);
  });

  test.each(["", "x".repeat(201), "é", "a\tb"])("of the wrong form is refused: %j", async idempotencyKey => {
    const answer = await publish(
      member.key,
      [newCard()],
      encodeURI(idempotencyKey).replace("%C3%A9", "\u00e9").replace("%09", "\t"),
    );
    expect(answer.status).toBe(422);
  });

  test("of 200 characters and blanks within is taken", async () => {
    const { key } = await api.register();
    expect((await publish(key, [newCard()], `a ${"x".repeat(197)}~`)).status).toBe(201);
  });
});

test("a text that a card had in between, and was never paid for, earns nothing when it is published", async () => {
  const api = await createApi();
  const { key } = await api.register();
  const card = await api.publishCard(key, newCard({ content: "first" }));
  for (const content of ["between", "last"]) {
    await api.call("PATCH", `/api/cards/${card.id}`, { key, body: { content }, headers: { "if-match": "*" } });
  }
  const again = await api.publish(key, [newCard({ content: "between" })]);
  expect(again.body.cards[0]).toMatchObject({
    outcome: "published",
    extropy_awarded: "0.00",
    reason: "already-rewarded",
  });
});
