// Reading attributions: backlinks and citations, the graph, and what a user received, against brute force over random
// data; what withdrawn cards and reversed payments look like; who may read.

import { beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { Attribution, AttributionType, Graph, UserReceived } from "../src/attributions/model.ts";
import type { Page } from "../src/cursor.ts";
import { sumAmounts } from "../src/money.ts";
import { type Api, createApi, type Member } from "./api-support.ts";
import { insertUser } from "./books-support.ts";

let api: Api;
let reader: Member;

beforeAll(async () => {
  api = await createApi();
  reader = await api.register();
});

const TYPES = ["citation", "remix", "reply", "inspiration"] as const;

/** A citation as a test wants it: `source` is cited by `target`. */
type Edge = { id: string; source: string; target: string; type: AttributionType; amount: string };
type NewEdge = Omit<Edge, "id"> & { minute?: number };

/** So many published cards of one user; their owner can be looked up in `owners`. */
async function insertCards(userId: string, count: number): Promise<string[]> {
  const rows = await api.sql<{ id: string }[]>`
    INSERT INTO cards (user_id, title, content, content_hash, privacy_level, slug, is_published, published_at)
    SELECT ${userId}, 'card ' || n, 'text', gen_random_uuid()::text, 'IDEAS', gen_random_uuid()::text, true,
      now() - n * interval '1 minute'
    FROM generate_series(1, ${count}::integer) n RETURNING id`;
  return rows.map(row => row.id);
}

/** Attributions without their payments, which no reading here looks at; in the order given, each a `minute` of the past. */
async function attribute(edges: readonly NewEdge[]): Promise<Edge[]> {
  const rows = await api.sql<{ id: string }[]>`
    INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type,
      extropy_amount, created_at)
    SELECT s.id, s.user_id, t.id, t.user_id, e.type, e.amount, '2026-01-01T00:00:00Z'::timestamptz - e.minute * interval '1 minute'
    FROM unnest(${edges.map(edge => edge.source)}::uuid[], ${edges.map(edge => edge.target)}::uuid[],
      ${edges.map(edge => edge.type)}::text[], ${edges.map(edge => edge.amount)}::decimal[],
      ${edges.map(edge => edge.minute ?? 0)}::integer[]) WITH ORDINALITY AS e (source, target, type, amount, minute, no)
    JOIN cards s ON s.id = e.source JOIN cards t ON t.id = e.target ORDER BY e.no
    RETURNING id`;
  return rows.map(({ id }, index) => ({ ...(edges[index] as NewEdge), id }));
}

const cite = (source: string, target: string, more: Partial<NewEdge> = {}): NewEdge => ({
  source,
  target,
  type: "citation",
  amount: "0.10",
  ...more,
});

const reverse = (ids: readonly string[]) =>
  api.sql`UPDATE attributions SET reversed_at = now() WHERE id = ANY (${ids as string[]}::uuid[])`;

async function getGraph(center: string, depth = 3): Promise<Graph> {
  const { status, body, text } = await api.call<Graph>("GET", `/api/cards/${center}/graph?depth=${depth}`, {
    key: reader.key,
  });
  if (status !== 200) throw new Error(text);
  return body;
}

/** All items of a list, read in pages of `limit`. */
async function readAll<T, P extends Page<T> = Page<T>>(path: string, limit: number, each?: (page: P) => void) {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const separator = path.includes("?") ? "&" : "?";
    const next: string = cursor === null ? "" : `&cursor=${cursor}`;
    const { status, body, text } = await api.call<P>("GET", `${path}${separator}limit=${limit}${next}`, {
      key: reader.key,
    });
    if (status !== 200) throw new Error(text);
    each?.(body);
    items.push(...body.items);
    cursor = body.next_cursor;
  } while (cursor !== null);
  return items;
}

const byId = <T extends { id: string }>(items: readonly T[]): T[] => items.toSorted((a, b) => (a.id < b.id ? -1 : 1));

/** A few users with a few cards each, and attributions between them; some don't stand. */
const smallWorld = fc.record({
  cardCounts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 4 }),
  links: fc.array(
    fc.record({
      source: fc.nat(30),
      target: fc.nat(30),
      type: fc.constantFrom(...TYPES),
      cents: fc.integer({ min: 0, max: 50_000_000_000 }),
      minute: fc.nat(3),
      isReversed: fc.boolean(),
    }),
    { maxLength: 40 },
  ),
});

async function build({ cardCounts, links }: typeof smallWorld extends fc.Arbitrary<infer T> ? T : never) {
  const users = await Promise.all(cardCounts.map(() => insertUser(api.sql)));
  const cardLists = await Promise.all(users.map((user, index) => insertCards(user, cardCounts[index] ?? 1)));
  const owned = cardLists.flatMap((cards, index) => cards.map(card => ({ card, user: users[index] as string })));
  const wanted = new Map<string, NewEdge & { isReversed: boolean }>();
  for (const link of links) {
    const source = owned[link.source % owned.length];
    const target = owned[link.target % owned.length];
    if (!source || !target || source.user === target.user) continue;
    const amount = `${Math.floor(link.cents / 100)}.${String(link.cents % 100).padStart(2, "0")}`;
    const { type, minute, isReversed } = link;
    wanted.set(`${source.card} ${target.card} ${type}`, {
      source: source.card,
      target: target.card,
      type,
      amount,
      minute,
      isReversed,
    });
  }
  const list = [...wanted.values()];
  const edges = (await attribute(list)).map((edge, index) => ({
    ...edge,
    isReversed: list[index]?.isReversed ?? false,
  }));
  await reverse(edges.filter(edge => edge.isReversed).map(edge => edge.id));
  return { users, owned, edges };
}

/** The same by hand: the cards within reach with their distance, and all edges among them. */
function reach(center: string, edges: readonly Edge[], depth: number) {
  const distance = new Map([[center, 0]]);
  for (let step = 1; step <= depth; step++) {
    const before = new Set(distance.keys());
    for (const { source, target } of edges) {
      if (before.has(source) && !distance.has(target)) distance.set(target, step);
      if (before.has(target) && !distance.has(source)) distance.set(source, step);
    }
  }
  return { distance, among: edges.filter(edge => distance.has(edge.source) && distance.has(edge.target)) };
}

test("a graph whose border nodes are missing and whose edges appear twice: it is what brute force finds", async () => {
  await fc.assert(
    fc.asyncProperty(smallWorld, fc.constantFrom(1, 2, 3), fc.nat(30), async (world, depth, pick) => {
      const { owned, edges } = await build(world);
      const center = owned[pick % owned.length]?.card ?? "";
      const standing = edges.filter(edge => !edge.isReversed);
      const expected = reach(center, standing, depth);
      const found = await getGraph(center, depth);
      expect(found.center).toBe(center);
      expect(found.truncated).toBe(false);
      expect(new Map(found.nodes.map(node => [node.id, node.depth]))).toEqual(expected.distance);
      expect(found.nodes.length).toBe(expected.distance.size);
      expect(found.nodes.map(node => node.depth)).toEqual(found.nodes.map(node => node.depth).toSorted());
      const plain = expected.among.map(({ id, source, target, type, amount }) => ({
        id,
        source,
        target,
        type,
        amount,
      }));
      expect(byId(found.edges)).toEqual(byId(plain));
      expect(await getGraph(center, depth)).toEqual(found);
    }),
    { numRuns: 40 },
  );
});

test("totals multiplied by a join: what users and cards received is what brute force adds up", async () => {
  await fc.assert(
    fc.asyncProperty(smallWorld, fc.integer({ min: 1, max: 4 }), async (world, limit) => {
      const { users, owned, edges } = await build(world);
      for (const user of users) {
        const cards = owned.filter(entry => entry.user === user).map(entry => entry.card);
        const standing = edges.filter(edge => cards.includes(edge.source) && !edge.isReversed);
        const pages: UserReceived[] = [];
        const items = await readAll<UserReceived["items"][number], UserReceived>(
          `/api/users/${user}/attributions`,
          limit,
          page => pages.push(page),
        );
        for (const page of pages) expect(page.totals).toEqual(addUp(standing));
        const cited = cards.filter(card => standing.some(edge => edge.source === card));
        // insertCards makes the first card the newest.
        expect(items.map(item => item.card.id)).toEqual(cited);
        for (const { card, ...received } of items) {
          expect(received).toEqual(addUp(standing.filter(edge => edge.source === card.id)));
        }
      }
    }),
    { numRuns: 25 },
  );
});

function addUp(edges: readonly Edge[]): UserReceived["totals"] {
  const types = TYPES.filter(type => edges.some(edge => edge.type === type));
  const sum = (list: readonly Edge[]) => ({ count: list.length, amount: sumAmounts(list.map(edge => edge.amount)) });
  return {
    ...sum(edges),
    by_type: Object.fromEntries(types.map(type => [type, sum(edges.filter(edge => edge.type === type))])),
  };
}

test("backlinks and citations are what brute force finds, page by page, newest first", async () => {
  await fc.assert(
    fc.asyncProperty(smallWorld, fc.integer({ min: 1, max: 5 }), async (world, limit) => {
      const { owned, edges } = await build(world);
      const minutes = new Map(edges.map(edge => [edge.id, (edge as NewEdge).minute ?? 0]));
      for (const { card } of owned.slice(0, 4)) {
        for (const direction of ["received", "made"] as const) {
          for (const type of [undefined, ...TYPES]) {
            const expected = edges
              .filter(edge => (direction === "received" ? edge.source : edge.target) === card)
              .filter(edge => type === undefined || edge.type === type);
            const filter = type === undefined ? "" : `&type=${type}`;
            const found = await readAll<Attribution>(
              `/api/cards/${card}/attributions?direction=${direction}${filter}`,
              limit,
            );
            expect(found.map(item => item.id).toSorted()).toEqual(expected.map(edge => edge.id).toSorted());
            const ages = found.map(item => minutes.get(item.id) ?? -1);
            expect(ages).toEqual(ages.toSorted());
            for (const item of found) {
              const edge = expected.find(candidate => candidate.id === item.id);
              expect(item).toMatchObject({ extropy_amount: edge?.amount, attribution_type: edge?.type });
              expect([item.source_card.id, item.target_card.id]).toEqual([edge?.source ?? "", edge?.target ?? ""]);
              expect(item.reversed_at !== null).toBe(edge?.isReversed ?? false);
            }
          }
        }
      }
    }),
    { numRuns: 8 },
  );
});

/** A card that everybody in it cites, and the cards that do. */
async function star(count: number, types: readonly AttributionType[] = ["citation"]) {
  const [cited, citing] = await Promise.all([insertUser(api.sql), insertUser(api.sql)]);
  const [center = ""] = await insertCards(cited, 1);
  const rim = await insertCards(citing, count);
  const edges = rim.flatMap((card, minute) => types.map(type => cite(center, card, { type, minute })));
  return { center, rim, edges: await attribute(edges) };
}

test("500 cards are a whole graph, 501 a truncated one, the same each time", async () => {
  const { center, rim } = await star(499);
  const whole = await getGraph(center, 1);
  expect([whole.nodes.length, whole.edges.length, whole.truncated]).toEqual([500, 499, false]);
  // Newest attributions lead first: the star's rim was cited in this order.
  expect(whole.nodes.map(node => node.id)).toEqual([center, ...rim]);

  const one = await insertCards(await insertUser(api.sql), 1);
  await attribute([cite(center, one[0] ?? "", { minute: 10_000 })]);
  for (const depth of [1, 2, 3]) {
    const cut = await getGraph(center, depth);
    expect([cut.nodes.length, cut.edges.length, cut.truncated]).toEqual([500, 499, true]);
    expect(cut.nodes.map(node => node.id)).toEqual([center, ...rim]);
    expect(await getGraph(center, depth)).toEqual(cut);
  }
});

test("a card that cites more than 500 times has all its edges, and they once", async () => {
  const [citing, cited] = await Promise.all([insertUser(api.sql), insertUser(api.sql)]);
  const [center = ""] = await insertCards(citing, 1);
  const sources = await insertCards(cited, 200);
  const edges = await attribute(sources.flatMap(source => TYPES.map(type => cite(source, center, { type }))));
  const gone = edges.slice(0, 3);
  await reverse(gone.map(edge => edge.id));
  for (const depth of [1, 2, 3]) {
    const graph = await getGraph(center, depth);
    expect(graph.truncated).toBe(false);
    expect(graph.nodes.length).toBe(201);
    expect(byId(graph.edges).map(edge => edge.id)).toEqual(byId(edges.slice(3)).map(edge => edge.id));
  }
});

test("more than 10,000 edges are truncated too", async () => {
  const [one, two] = await Promise.all([insertUser(api.sql), insertUser(api.sql)]);
  const [left, right] = await Promise.all([insertCards(one, 51), insertCards(two, 50)]);
  await attribute(left.flatMap(source => right.flatMap(target => TYPES.map(type => cite(source, target, { type })))));
  const graph = await getGraph(left[0] ?? "", 2);
  expect([graph.nodes.length, graph.edges.length, graph.truncated]).toEqual([101, 10_000, true]);
  expect(new Set(graph.edges.map(edge => edge.id)).size).toBe(10_000);
});

test("two cards may cite each other: one node each, and an edge for each attribution", async () => {
  const [one, two] = await Promise.all([insertUser(api.sql), insertUser(api.sql)]);
  const [[a = ""], [b = ""]] = await Promise.all([insertCards(one, 1), insertCards(two, 1)]);
  await attribute([cite(a, b), cite(b, a), cite(a, b, { type: "remix", amount: "0.50" })]);
  const { nodes, edges } = await getGraph(a);
  expect(nodes.map(node => [node.id, node.depth])).toEqual([
    [a, 0],
    [b, 1],
  ]);
  expect(edges.length).toBe(3);
  expect(nodes[0]).toMatchObject({ extropy_earned: "0.60", attribution_count: 2 });
});

test("a card that nobody cites has a graph of itself, and empty lists that are lists", async () => {
  const user = await insertUser(api.sql);
  const [card = ""] = await insertCards(user, 1);
  expect(await getGraph(card)).toMatchObject({
    center: card,
    nodes: [{ id: card, depth: 0 }],
    edges: [],
    truncated: false,
  });
  const list = await api.call("GET", `/api/cards/${card}/attributions`, { key: reader.key });
  expect(list.body as object).toEqual({ items: [], next_cursor: null });
  const received = await api.call("GET", `/api/users/${user}/attributions`, { key: reader.key });
  expect(received.body as object).toEqual({
    items: [],
    next_cursor: null,
    totals: { count: 0, amount: "0.00", by_type: {} },
  });
});

test("attributions of withdrawn cards stay as records that show nothing of the cards", async () => {
  const [author, other] = await Promise.all([api.register(), api.register()]);
  const [cited, citing] = await Promise.all([
    api.publishCard(author.key, { title: "Secret later", content: "to go", privacy_level: "IDEAS" }),
    api.publishCard(other.key),
  ]);
  const [edge] = await attribute([cite(cited.id, citing.id)]);
  expect((await api.call("DELETE", `/api/cards/${cited.id}`, { key: author.key })).status).toBe(204);

  const reference = {
    id: cited.id,
    title: null,
    slug: null,
    withdrawn: true,
    author: { id: author.id, username: author.name, display_name: null },
  };
  const one = await api.call<Attribution>("GET", `/api/attributions/${edge?.id}`, { key: reader.key });
  expect(one.body.source_card).toEqual(reference);
  expect(one.body.target_card).toMatchObject({ title: "A title", slug: citing.slug ?? "", withdrawn: false });
  const made = await api.call<Page<Attribution>>("GET", `/api/cards/${citing.id}/attributions?direction=made`, {
    key: reader.key,
  });
  expect(made.body.items).toEqual([one.body]);
  // Its own records are still found under its id.
  const received = await api.call<Page<Attribution>>("GET", `/api/cards/${cited.id}/attributions`, { key: reader.key });
  expect(received.body.items).toEqual([one.body]);
  const graph = await getGraph(citing.id);
  expect(graph.nodes[1]).toMatchObject(reference);
  const totals = await api.call<UserReceived>("GET", `/api/users/${author.id}/attributions`, { key: reader.key });
  expect(totals.body).toMatchObject({
    items: [{ card: reference, amount: "0.10" }],
    totals: { count: 1, amount: "0.10" },
  });
});

test("a card that was never published does not exist for anybody, and shows nothing where it is cited", async () => {
  const [one, two] = await Promise.all([insertUser(api.sql), insertUser(api.sql)]);
  const [[a = ""], [b = ""]] = await Promise.all([insertCards(one, 1), insertCards(two, 1)]);
  await attribute([cite(a, b)]);
  await api.sql`UPDATE cards SET is_published = false, privacy_level = 'PRIVATE' WHERE id = ${b}`;
  expect((await api.call("GET", `/api/cards/${b}/attributions`, { key: reader.key })).status).toBe(404);
  expect((await api.call("GET", `/api/cards/${b}/graph`, { key: reader.key })).status).toBe(404);
  const { nodes } = await getGraph(a);
  expect(nodes[1]).toMatchObject({ id: b, title: null, slug: null });
});

test("everybody's e-mail readable through a side door: attributions name authors and nothing more", async () => {
  const author = await api.register();
  const cited = await api.publishCard(author.key);
  const [card = ""] = await insertCards(await insertUser(api.sql), 1);
  const [edge] = await attribute([cite(cited.id, card)]);
  const paths = [
    `attributions/${edge?.id}`,
    `cards/${cited.id}/attributions`,
    `cards/${card}/graph`,
    `users/${author.id}/attributions`,
  ];
  for (const path of paths) {
    const { status, text } = await api.call("GET", `/api/${path}`, { key: reader.key });
    expect(status).toBe(200);
    expect(text).toContain(cited.id);
    expect(text).not.toContain("@example.org");
    expect(text).not.toContain("balance");
  }
});

test("pages stay as they are while attributions are added", async () => {
  const { center, edges } = await star(20);
  const path = `/api/cards/${center}/attributions`;
  const first = await api.call<Page<Attribution>>("GET", `${path}?limit=8`, { key: reader.key });
  const late = await insertCards(await insertUser(api.sql), 3);
  await attribute(late.map(card => cite(center, card, { minute: -1 })));
  const rest = await readAll<Attribution>(`${path}?cursor=${first.body.next_cursor}`, 200);
  expect([...first.body.items, ...rest].map(item => item.id)).toEqual(edges.map(edge => edge.id));
});

test("pages are whole where many attributions have the same time", async () => {
  const [cited, citing] = await Promise.all([insertUser(api.sql), insertUser(api.sql)]);
  const [center = ""] = await insertCards(cited, 1);
  const edges = await attribute((await insertCards(citing, 23)).map(card => cite(center, card)));
  const found = await readAll<Attribution>(`/api/cards/${center}/attributions`, 5);
  expect(found.map(item => item.id)).toEqual(
    edges
      .map(edge => edge.id)
      .toSorted()
      .toReversed(),
  );
});

test("filters that mean nothing are 422, and unknown ids 404", async () => {
  const { center } = await star(1);
  const refused = [
    `cards/${center}/attributions?direction=both`,
    `cards/${center}/attributions?direction=`,
    `cards/${center}/attributions?type=quote`,
    `cards/${center}/attributions?type=citation&type=remix`,
    `cards/${center}/attributions?limit=0`,
    `cards/${center}/attributions?limit=-1`,
    `cards/${center}/attributions?limit=201`,
    `cards/${center}/attributions?cursor=x`,
    `cards/${center}/attributions?page=2`,
    `cards/${center}/graph?depth=0`,
    `cards/${center}/graph?depth=4`,
    `cards/${center}/graph?depth=1.5`,
    `cards/${center}/graph?depth=`,
    `cards/${center}/graph?limit=5`,
    `users/${reader.id}/attributions?cursor=${btoa('["2026-01-01T00:00:00.000000Z"]')}`,
    `users/${reader.id}/attributions?type=citation`,
  ];
  for (const path of refused) {
    const { status, body } = await api.call("GET", `/api/${path}`, { key: reader.key });
    expect([path, status]).toEqual([path, 422]);
    expect(body.errors?.length).toBe(1);
  }
  const nobody = crypto.randomUUID();
  for (const id of [nobody, "x", `${center}x`]) {
    for (const path of [
      `attributions/${id}`,
      `cards/${id}/attributions`,
      `cards/${id}/graph`,
      `users/${id}/attributions`,
    ]) {
      expect([path, (await api.call("GET", `/api/${path}`, { key: reader.key })).status]).toEqual([path, 404]);
    }
  }
});

test("a revoked key that the process remembers is refused everywhere, with and without rows", async () => {
  const { center, edges } = await star(1);
  const [lonely = ""] = await insertCards(await insertUser(api.sql), 1);
  const paths = [
    `attributions/${edges[0]?.id}`,
    `attributions/${crypto.randomUUID()}`,
    ...[center, lonely, crypto.randomUUID()].flatMap(card => [`cards/${card}/attributions`, `cards/${card}/graph`]),
    `cards/${center}/attributions?direction=both`,
    `users/${reader.id}/attributions`,
    `users/${crypto.randomUUID()}/attributions`,
  ];
  for (const path of paths) {
    const member = await api.register();
    const made = await api.call<{ id: string; api_key: string }>("POST", "/api/keys", {
      key: member.key,
      body: { name: "k" },
    });
    const key = made.body.api_key;
    expect((await api.call("GET", `/api/cards/${center}/graph`, { key })).status).toBe(200);
    await api.sql`DELETE FROM api_keys WHERE id = ${made.body.id}`;
    expect([path, (await api.call("GET", `/api/${path}`, { key })).status]).toEqual([path, 401]);
  }
});

test("it needs a key, and one with the scope read", async () => {
  const { center } = await star(1);
  const made = await api.call<{ api_key: string }>("POST", "/api/keys", {
    key: reader.key,
    body: { name: "k", scopes: ["publish"] },
  });
  for (const path of [`cards/${center}/graph`, `cards/${center}/attributions`, `users/${reader.id}/attributions`]) {
    expect((await api.call("GET", `/api/${path}`)).status).toBe(401);
    expect((await api.call("GET", `/api/${path}`, { key: made.body.api_key })).status).toBe(403);
  }
});
