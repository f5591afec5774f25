// Feeds, site map and robots.txt: well-formed whatever stands in the cards, bounded, and with what is published only.

import { beforeAll, describe, expect, test } from "bun:test";
import { FEED_TEXT_CHARACTERS_MAX } from "../src/cards/feeds.ts";
import { findPlaceAfter, listSitemapCards, ORIGIN } from "../src/cards/sitemap-store.ts";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";
import { ATTACKS } from "./attacks.ts";
import { dangersIn } from "./page-support.ts";

type Text = string | { "#text"?: string; "@type"?: string };
type Link = { "@href": string; "@rel"?: string; "@type"?: string };
type Entry = {
  id: string;
  title: Text;
  updated: string;
  published: string;
  author: { name: string; uri: string };
  link: Link | Link[];
  category?: { "@term": string } | { "@term": string }[];
  summary?: Text;
  content?: Text;
};
type Feed = { id: string; title: Text; updated: string; link: Link[]; entry?: Entry | Entry[] };

let api: Api;
beforeAll(async () => {
  api = await createApi();
  const author = await api.register();
  await api.publish(author.key, [newCard(), newCard(), newCard()]);
});

const get = (path: string, headers: Record<string, string> = {}) => api.call("GET", path, { headers });

/** Parses XML as strictly as the specification asks: a feed that is not well-formed throws. */
const parse = <T>(xml: string) => Bun.XML.parse(xml) as T;
const list = <T>(value: T | T[] | undefined): T[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
const textOf = (value: Text | undefined) => ((typeof value === "string" ? value : value?.["#text"]) ?? "").trim();

async function readFeed(path: string): Promise<Feed & { entries: Entry[] }> {
  const { feed } = parse<{ feed: Feed }>((await get(path)).text);
  return { ...feed, entries: list(feed.entry) };
}

const feedOf = (member: Member) => `/authors/${member.name}/feed.xml`;

describe("a feed", () => {
  test("has the newest cards with author, times, tags, summary and the text as HTML", async () => {
    const member = await api.register();
    await api.call("PATCH", "/api/me", { key: member.key, body: { display_name: "A & B <c>" } });
    const card = newCard({ title: "One & <two>", content: "Some *words*.", tags: ["a&b", '<i> "q"'] });
    const { id, slug } = await api.publishCard(member.key, card);
    const answer = await get(feedOf(member));
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/atom+xml; charset=utf-8");

    const feed = await readFeed(feedOf(member));
    expect(textOf(feed.title)).toBe("A & B <c>");
    expect(feed.link.map(link => [link["@rel"], link["@href"]])).toEqual([
      ["self", `http://localhost${feedOf(member)}`],
      ["alternate", `http://localhost/authors/${member.name}`],
    ]);
    const [row] = await api.sql<{ published_at: string }[]>`SELECT published_at FROM cards WHERE id = ${id}`;
    const published = `${row?.published_at.slice(0, 23)}Z`;
    const [entry, ...others] = feed.entries;
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ id: `urn:uuid:${id}`, published, updated: published });
    expect(feed.updated).toBe(published);
    expect(textOf(entry?.title)).toBe("One & <two>");
    expect(textOf(entry?.author.name)).toBe("A & B <c>");
    expect(textOf(entry?.author.uri)).toBe(`http://localhost/authors/${member.name}`);
    expect(list(entry?.link).map(link => link["@href"])).toEqual([`http://localhost/cards/${slug}`]);
    expect(list(entry?.category).map(category => category["@term"])).toEqual(["a&b", '<i> "q"']);
    expect(textOf(entry?.summary)).toBe("Some words.");
    expect(entry?.content).toMatchObject({ "@type": "html" });
    expect(textOf(entry?.content)).toBe("<p>Some <em>words</em>.</p>");
  });

  test("says when a card was changed, and keeps its id", async () => {
    const member = await api.register();
    const { id } = await api.publishCard(member.key);
    const body = { content: `changed ${crypto.randomUUID()}` };
    await api.call("PATCH", `/api/cards/${id}`, { key: member.key, body, headers: { "if-match": "*" } });
    const [row] = await api.sql<{ edited_at: string }[]>`SELECT edited_at FROM cards WHERE id = ${id}`;
    const { entries, updated } = await readFeed(feedOf(member));
    expect(entries[0]).toMatchObject({ id: `urn:uuid:${id}`, updated: `${row?.edited_at.slice(0, 23)}Z` });
    expect(updated).toBe(entries[0]?.updated ?? "");
  });

  test("has at most thirty entries, and begins only with what is too long for it", async () => {
    const member = await api.register();
    const cards = Array.from({ length: 40 }, () => newCard());
    await api.publish(member.key, cards);
    const long = `${crypto.randomUUID()} ${"é word ".repeat(FEED_TEXT_CHARACTERS_MAX / 7)}`;
    await api.publishCard(member.key, newCard({ content: long }));
    await api.publishCard(member.key, newCard({ content: "x".repeat(FEED_TEXT_CHARACTERS_MAX) }));
    for (const path of [feedOf(member), "/feed.xml"]) {
      const { entries } = await readFeed(path);
      expect(entries).toHaveLength(30);
      expect(textOf(entries[0]?.content)).toBe(`<p>${"x".repeat(FEED_TEXT_CHARACTERS_MAX)}</p>`);
      expect(entries[1]?.content).toBeUndefined();
      expect(textOf(entries[1]?.summary)).toStartWith(long.slice(0, 100));
    }
  });

  test.each([...ATTACKS, "\u0001\u0008\u000B\u001F\u007F\uFFFE\uFFFF", "\u2028 \u2029 \u0085"])(
    "is well-formed and harmless with %j in it",
    async attack => {
      const member = await api.register();
      const tags = [attack, `x${attack}`];
      await api.publishCard(member.key, newCard({ title: attack, content: attack, tags }));
      await api.publishCard(member.key, newCard({ title: null, content: `${attack} ${attack}` }));
      await api.sql`UPDATE users SET display_name = ${attack} WHERE id = ${member.id}`;
      for (const path of [feedOf(member), "/feed.xml"]) {
        const { entries } = await readFeed(path);
        expect(entries.length).toBeGreaterThanOrEqual(2);
        for (const entry of entries) {
          expect(dangersIn(textOf(entry.content))).toEqual([]);
          expect(textOf(entry.title)).not.toBe("");
        }
      }
    },
  );

  test("is there before anything is published, and the same until something is", async () => {
    const empty = await createApi();
    const first = await empty.call("GET", "/feed.xml");
    expect(parse<{ feed: Feed }>(first.text).feed.entry).toBeUndefined();
    const etag = first.headers.get("etag") ?? "";
    const again = await empty.call("GET", "/feed.xml", { headers: { "if-none-match": etag } });
    expect([again.status, again.text]).toEqual([304, ""]);
    const member = await empty.register();
    await empty.publishCard(member.key);
    expect((await empty.call("GET", "/feed.xml", { headers: { "if-none-match": etag } })).status).toBe(200);
  });

  test("of nobody is 404, and withdrawn cards leave", async () => {
    expect((await get("/authors/nobody-at-all/feed.xml")).status).toBe(404);
    const member = await api.register();
    const [first, second] = [await api.publishCard(member.key), await api.publishCard(member.key)];
    await api.call("DELETE", `/api/cards/${first.id}`, { key: member.key });
    expect((await readFeed(feedOf(member))).entries.map(entry => entry.id)).toEqual([`urn:uuid:${second.id}`]);
    await api.call("DELETE", `/api/cards/${second.id}`, { key: member.key });
    expect((await get(feedOf(member))).status).toBe(404);
  });
});

describe("the site map", () => {
  type Index = { sitemapindex: { sitemap: { loc: string } | { loc: string }[] } };
  type Page = { urlset: "" | { url?: { loc: string; lastmod: string } | { loc: string; lastmod: string }[] } };

  const urlsOf = (xml: string) => {
    const { urlset } = parse<Page>(xml);
    return urlset === "" ? [] : list(urlset.url);
  };

  test("leads from robots.txt by its index to every published card, with the time of its last change", async () => {
    const robots = await get("/robots.txt");
    expect(robots.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    for (const line of ["User-agent: *", "Allow: /cards/", "Disallow: /api/", "Disallow: /admin"]) {
      expect(robots.text.split("\n")).toContain(line);
    }
    const address = /^Sitemap: (.*)$/m.exec(robots.text)?.[1] ?? "";
    const index = parse<Index>((await get(new URL(address).pathname)).text);
    const pages = list(index.sitemapindex.sitemap).map(page => new URL(page.loc));
    const urls = (
      await Promise.all(pages.map(async page => urlsOf((await get(page.pathname + page.search)).text)))
    ).flat();
    const cards = await api.sql<{ public_url: string; changed_at: string }[]>`
      SELECT public_url, coalesce(edited_at, published_at) AS changed_at FROM cards WHERE is_published
      ORDER BY published_at, id LIMIT 10000`;
    expect(urls).toEqual(cards.map(card => ({ loc: `http://localhost${card.public_url}`, lastmod: card.changed_at })));
  });

  test("has pages that meet without gap or overlap, also where the cards are many", async () => {
    const many = await createApi();
    const { id } = await many.register();
    await many.sql`
      INSERT INTO cards (user_id, content, content_hash, privacy_level, is_published, published_at, slug, public_url)
      SELECT ${id}::uuid, 'text', 'hash-' || n, 'IDEAS', true, timestamptz '2026-01-01' + (n / 7) * interval '1 second',
        'card-' || n, '/cards/card-' || n
      FROM generate_series(1, 100000) n`;
    await many.sql`ANALYZE cards`;
    const readIndex = async () =>
      list(parse<Index>((await many.call("GET", "/sitemap.xml")).text).sitemapindex.sitemap).map(
        page => new URL(page.loc),
      );
    const pages = await readIndex();
    expect(pages).toHaveLength(3);
    const counts: number[] = [];
    const seen = new Set<string>();
    for (const page of pages) {
      const urls = urlsOf((await many.call("GET", page.pathname + page.search)).text);
      counts.push(urls.length);
      for (const { loc } of urls) seen.add(loc);
    }
    expect(counts).toEqual([45_000, 45_000, 10_000]);
    expect(seen.size).toBe(100000);

    // Full pages keep their address whatever happens to their cards.
    await many.sql`UPDATE cards SET is_published = false WHERE slug IN ('card-5', 'card-60000')`;
    expect(await readIndex()).toEqual(pages);
    const first = urlsOf((await many.call("GET", (pages[0]?.pathname ?? "") + (pages[0]?.search ?? ""))).text);
    expect(first).toHaveLength(44_999);
  }, 60_000);

  test("refuses cursors that are none", async () => {
    for (const query of ["after=nonsense", `up_to=${btoa('["x","y"]')}`]) {
      expect((await get(`/sitemaps/cards.xml?${query}`)).status).toBe(422);
    }
  });

  test("is read in steps that each look at no more than they give", async () => {
    const place = await findPlaceAfter(api.sql, ORIGIN, 2);
    const [, second] = await listSitemapCards(api.sql, { after: ORIGIN, upTo: place, limit: 10 });
    expect(place).toEqual([second?.published_at ?? "", second?.id ?? ""]);
    expect(await findPlaceAfter(api.sql, ORIGIN, 1_000_000)).toBeUndefined();
  });
});
