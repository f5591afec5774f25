// What readers see: a card's page in each of its forms, its author's page, the front page, problems, and files for
// robots. Nothing in them scripts, and nothing withdrawn, erased or private is in them.

import { beforeAll, describe, expect, test } from "bun:test";
import { type Api, createApi, createApiWithoutDatabase, listen, type Member, newCard, newName } from "./api-support.ts";
import { ATTACKS } from "./attacks.ts";
import { dangersIn, metaOf, select } from "./page-support.ts";

const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8" };

let api: Api;
let ada: Member;
let alan: Member;
beforeAll(async () => {
  api = await createApi();
  [ada, alan] = await Promise.all([api.register(`ada-${newName()}`), api.register(`alan.${newName()}`)]);
  await api.call("PATCH", "/api/me", {
    key: ada.key,
    body: { display_name: "Ada <Lovelace> & Co", bio: "Two\nlines <b>" },
  });
});

const get = (path: string, headers: Record<string, string> = BROWSER) => api.call("GET", path, { headers });
const pathOf = ({ public_url }: { public_url: string | null }) => new URL(public_url ?? "").pathname;

async function publish(card: Record<string, unknown> = {}, author = ada) {
  const published = await api.publishCard(author.key, newCard(card));
  return { ...published, path: pathOf(published) };
}

/** The attribution that the other slice would write; `source` is cited by `target`. */
async function cite(source: string, target: string, type = "citation"): Promise<void> {
  await api.sql`
    INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type, extropy_amount)
    SELECT s.id, s.user_id, t.id, t.user_id, ${type}, 0.10 FROM cards s, cards t
    WHERE s.id = ${source}::uuid AND t.id = ${target}::uuid`;
}

const withdraw = (id: string, author = ada) => api.call("DELETE", `/api/cards/${id}`, { key: author.key });

describe("a card's page", () => {
  test("shows title, author, date, tags, earnings and text, and tells networks about them", async () => {
    const { path, id } = await publish({
      title: "Notes & <queries>",
      content: "The *first* line has `words` and [a link](https://e.example).\n\nThe second.",
      tags: ["a&b", "<i>", '"quoted"'],
    });
    const { status, text: html, headers } = await get(path);
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(html).toStartWith("<!doctype html>\n<html");
    expect(select(html, "h1").map(({ text }) => text)).toEqual(["Notes & <queries>"]);
    expect(select(html, "title")[0]?.text).toContain("Notes & <queries>");
    expect(select(html, ".text em")[0]?.text).toBe("first");
    expect(select(html, ".tags li").map(({ text }) => text)).toEqual(["a&b", "<i>", '"quoted"']);
    const [author] = select(html, "article a[rel=author]");
    expect(author).toMatchObject({
      attributes: { href: `/authors/${ada.name}` },
      text: `Ada <Lovelace> & Co @${ada.name}`,
    });

    const [row] = await api.sql<{ published_at: string }[]>`SELECT published_at FROM cards WHERE id = ${id}`;
    const published_at = row?.published_at ?? "";
    const [time] = select(html, "article time");
    expect(time?.attributes.datetime).toBe(published_at);
    expect(time?.attributes.title).toEndWith("UTC");
    expect(time?.attributes.title).toContain(published_at.slice(11, 19));
    expect(select(html, ".amount")[0]?.text).toBe("1.00 $EXTROPY");

    const description = "The first line has words and a link. The second.";
    const address = `http://localhost${path}`;
    expect(select(html, "link[rel=canonical]")[0]?.attributes.href).toBe(address);
    expect(
      Object.fromEntries(["description", "og:title", "og:url", "og:type"].map(name => [name, metaOf(html, name)])),
    ).toEqual({
      description,
      "og:title": "Notes & <queries>",
      "og:url": address,
      "og:type": "article",
    });
    expect(metaOf(html, "og:description")).toBe(description);
    expect(metaOf(html, "twitter:card")).toBe("summary");
    expect(metaOf(html, "twitter:title")).toBe("Notes & <queries>");
    expect(metaOf(html, "article:published_time")).toBe(published_at);
    expect(select(html, 'link[type="application/atom+xml"]').map(link => link.attributes.href)).toEqual([
      `http://localhost/authors/${ada.name}/feed.xml`,
      "http://localhost/feed.xml",
    ]);
    expect(dangersIn(html)).toEqual([]);
  });

  test("may load styles and pictures only, and its own style is there for ever", async () => {
    const { text: html, headers } = await get((await publish()).path);
    const policy = headers.get("content-security-policy") ?? "";
    for (const rule of [
      "default-src 'none'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ]) {
      expect(policy.split("; ")).toContain(rule);
    }
    expect(policy).not.toContain("unsafe");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBeTruthy();
    expect(headers.get("x-request-id")).toBeTruthy();
    expect(select(html, "script, style, [style]")).toEqual([]);
    for (const { attributes } of select(html, "link[rel=stylesheet], link[rel=icon]")) {
      const asset = await get(attributes.href ?? "");
      expect(asset.status).toBe(200);
      expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(asset.headers.get("content-type")).toMatch(/^(text\/css|image\/svg\+xml)/);
    }
    expect((await get("/assets/style.0000000000000000.css")).status).toBe(404);
  });

  test("of a text without a title goes by its first words", async () => {
    const { path } = await publish({ title: null, content: "# A *heading* of its own\n\nand text" });
    const { text: html } = await get(path);
    expect(select(html, "h1").map(({ text }) => text)).toEqual(["Untitled card"]);
    expect(select(html, "title")[0]?.text).toContain("A heading of its own");
    expect(metaOf(html, "og:title")).toBe("A heading of its own");
  });

  test("of a text with nothing to see has names that can be seen all the same", async () => {
    const { path } = await publish({ title: "\u200B\u2060", content: `\u200B${"\u200D".repeat(5)}` });
    const { text: html, status } = await get(path);
    expect(status).toBe(200);
    expect(select(html, "h1")[0]?.text).toBe("Untitled card");
    expect(metaOf(html, "og:title")).toBe("A card by Ada <Lovelace> & Co");
    const list = await get(`/authors/${ada.name}`);
    for (const { text } of select(list.text, "a.card-link")) expect(text).toMatch(/\w/);
  });

  test("is not turned around by its title", async () => {
    const title = "\u202Eevil\u2066\u2069\u2069 \u202B\u200Ftitle\nsecond line";
    const cited = await publish({ title });
    const citing = await publish({}, alan);
    await cite(cited.id, citing.id);
    for (const path of [cited.path, citing.path, `/authors/${ada.name}`, "/"]) {
      const { text: html } = await get(path);
      expect(html).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/);
      expect(html).toContain("title second line");
    }
    const [link] = select((await get(citing.path)).text, "a.card-link bdi");
    expect(link?.text).toBe("evil \u200Ftitle second line");
  });

  test.each([...ATTACKS])("shows %j as text, wherever it stands", async attack => {
    const card = await publish({ title: attack, content: `${attack}\n\n${crypto.randomUUID()}`, tags: [attack] });
    const untitled = await publish({ title: null, content: `${attack} ${crypto.randomUUID()}` }, alan);
    await cite(card.id, untitled.id);
    for (const path of [card.path, untitled.path, `/authors/${ada.name}`, "/"]) {
      const { status, text: html } = await get(path);
      expect(status).toBe(200);
      expect(dangersIn(html)).toEqual([]);
      expect(select(html, "title")).toHaveLength(1);
      expect(select(html, "base, script, form, iframe, style, svg, meta[http-equiv]")).toEqual([]);
    }
    const inkOf = (text: string) => text.replace(/[\s\p{C}]/gu, "");
    const [heading] = select((await get(card.path)).text, "h1");
    expect(inkOf(heading?.text ?? "")).toBe(inkOf(attack));
  });

  test("of a very long text shows all of it, as it was written", async () => {
    const content = `${crypto.randomUUID()} ${"*word* <b> ".repeat(80_000)}`;
    const { path } = await publish({ content });
    const { status, text: html } = await get(path);
    expect(status).toBe(200);
    expect(select(html, ".text pre.plain")[0]?.text).toBe(content);
    expect(select(html, ".note")).toHaveLength(1);
  });
});

describe("citations on a card's page", () => {
  /** Names and types in one of the two lists, and what is said of those left out. */
  const related = (html: string, id: "cites" | "cited-by") => ({
    names: select(html, `section[aria-labelledby=${id}] a.card-link`).map(({ text }) => text),
    links: select(html, `section[aria-labelledby=${id}] a.card-link`).map(({ attributes }) => attributes.href),
    types: select(html, `section[aria-labelledby=${id}] .relation`).map(({ text }) => text),
    authors: select(html, `section[aria-labelledby=${id}] a[rel=author]`).map(({ attributes }) => attributes.href),
    more: select(html, `section[aria-labelledby=${id}] .more`).map(({ text }) => text),
  });

  test("stand on both sides, the newest first, with title, author, type and link", async () => {
    const cited = await publish({ title: "Cited" });
    const citing = await publish({ title: "Citing" }, alan);
    const remix = await publish({ title: "Remixing" }, alan);
    await cite(cited.id, citing.id, "reply");
    await cite(cited.id, remix.id, "remix");

    expect(related((await get(cited.path)).text, "cited-by")).toEqual({
      names: ["Remixing", "Citing"],
      links: [remix.path, citing.path],
      types: ["remix", "reply"],
      authors: [`/authors/${alan.name}`, `/authors/${alan.name}`],
      more: [],
    });
    expect(related((await get(cited.path)).text, "cites").names).toEqual([]);
    const { text: html } = await get(citing.path);
    expect(related(html, "cites")).toMatchObject({ names: ["Cited"], links: [cited.path], types: ["reply"] });
    expect(related(html, "cited-by").names).toEqual([]);
    expect(select((await get(cited.path)).text, ".card-foot .amount")[0]?.text).toBe("1.20 $EXTROPY");
  });

  test("are those that stand, between cards that are published", async () => {
    const cited = await publish();
    const [kept, reversed, withdrawn] = await Promise.all([
      publish({ title: "Kept" }, alan),
      publish({}, alan),
      publish({}, alan),
    ]);
    for (const { id } of [kept, reversed, withdrawn]) await cite(cited.id, id);
    await api.sql`UPDATE attributions SET reversed_at = now() WHERE target_card_id = ${reversed.id}`;
    await withdraw(withdrawn.id, alan);
    expect(related((await get(cited.path)).text, "cited-by").names).toEqual(["Kept"]);
    await withdraw(cited.id);
    expect(related((await get(kept.path)).text, "cites").names).toEqual([]);
  });

  test("beyond fifty are counted", async () => {
    const cited = await publish();
    const cards = Array.from({ length: 63 }, (_, n) => newCard({ title: `Number ${n}` }));
    for (const { id } of (await api.publish(alan.key, cards)).body.cards) await cite(cited.id, id ?? "");
    const { names, more } = related((await get(cited.path)).text, "cited-by");
    expect(names).toHaveLength(50);
    expect(names[0]).toBe("Number 62");
    expect(more).toEqual(["and 13 more"]);
    expect(select((await get(cited.path)).text, "#cited-by .count")[0]?.text).toBe("63");
  });
});

describe("the forms of a card", () => {
  test("Markdown is the text as it was sent, under its title", async () => {
    const content = `Line\r\nwith <b>  \u202E and\ttabs ${crypto.randomUUID()}`;
    const { path } = await publish({ title: "A title", content });
    const untitled = await publish({ title: null, content: `${content}.` });
    for (const answer of [await get(`${path}.md`), await get(path, { accept: "text/markdown" })]) {
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
      expect(answer.text).toBe(`# A title\n\n${content}`);
    }
    expect((await get(`${untitled.path}.md`)).text).toBe(`${content}.`);
  });

  test("JSON is the card as the API has it", async () => {
    const { path, id } = await publish({ metadata: { mood: "calm" }, category: "GRIT" });
    const answer = await get(path, { accept: "application/json" });
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.body).toEqual((await api.call("GET", `/api/cards/${id}`, { key: alan.key })).body);
    expect(answer.text).not.toContain("@example.org");
  });

  test.each([
    [undefined, "text/html"],
    ["*/*", "text/html"],
    ["text/*", "text/html"],
    [BROWSER.accept, "text/html"],
    ["application/json, text/plain, */*", "application/json"],
    ["text/markdown, text/html;q=0.9", "text/markdown"],
    ["text/html;q=0.5, text/markdown;q=0.8, */*;q=0.1", "text/markdown"],
    ["text/html;q=0, application/json;q=0.1", "application/json"],
    ["text/markdown, text/html, */*", "text/markdown"],
    ["image/png", "text/html"],
    ["TEXT/MARKDOWN", "text/markdown"],
    [";;,=,q=", "text/html"],
  ])("Accept: %s gives %s", async (accept, type) => {
    const { path } = await publish();
    const { status, headers } = await get(path, accept === undefined ? {} : { accept });
    expect([status, headers.get("content-type")?.split(";")[0], headers.get("vary")]).toEqual([200, type, "Accept"]);
  });

  test("each answers 304 while it is what the client has, and anew when the card or its citations change", async () => {
    const card = await publish();
    const citing = await publish({}, alan);
    for (const [path, accept] of [
      [card.path, "text/html"],
      [`${card.path}.md`, "*/*"],
      [card.path, "application/json"],
    ] as const) {
      const first = await get(path, { accept });
      const etag = first.headers.get("etag") ?? "";
      expect(etag).toMatch(/^"[\w-]+"$/);
      expect(first.headers.get("cache-control")).toBe("no-cache");
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
        const again = await get(path, { accept, "if-none-match": known });
        expect([again.status, again.text, again.headers.get("etag"), again.headers.get("vary")]).toEqual([
          304,
          "",
          etag,
          "Accept",
        ]);
      }
      expect((await get(path, { accept, "if-none-match": '"other"' })).status).toBe(200);
    }
    const etag = (await get(card.path)).headers.get("etag") ?? "";
    await cite(card.id, citing.id);
    expect((await get(card.path, { ...BROWSER, "if-none-match": etag })).status).toBe(200);
  });

  test("HEAD answers as GET without the body", async () => {
    const { path } = await publish();
    for (const address of [path, `${path}.md`, "/", `/authors/${ada.name}`, "/feed.xml", "/robots.txt"]) {
      const [head, full] = [await api.call("HEAD", address, { headers: BROWSER }), await get(address)];
      expect([head.status, head.text]).toEqual([200, ""]);
      for (const name of ["etag", "content-type", "content-security-policy"]) {
        expect(head.headers.get(name)).toBe(full.headers.get(name) ?? "missing");
      }
    }
    expect((await api.call("HEAD", "/cards/nothing-here", { headers: BROWSER })).status).toBe(404);
    const refused = await api.call("POST", path, { body: {} });
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });
});

describe("a card that is not there", () => {
  test("was never: 404, as a page for people and as a problem for programs", async () => {
    for (const path of [
      "/cards/nothing-here",
      "/cards/nothing-here.md",
      "/cards/.md",
      "/cards/%00",
      "/cards/%E2%80%AE",
      `/cards/${"x".repeat(400)}`,
      "/nowhere",
    ]) {
      const page = await get(path);
      expect([path, page.status]).toEqual([path, 404]);
      expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(page.headers.get("vary")).toBe("Accept");
      expect(select(page.text, "h1")).toHaveLength(1);
      expect(metaOf(page.text, "robots")).toBe("noindex");
      expect(page.text).toContain(page.headers.get("x-request-id") ?? "missing");
      for (const accept of ["*/*", "application/json"]) {
        const document = await get(path, { accept });
        expect([document.status, document.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
        expect(document.body.type).toBe("/problems/not-found");
      }
    }
    expect((await get("/api/nowhere")).headers.get("content-type")).toBe("application/problem+json");
  });

  test("was withdrawn: 410 under every address and in every form, with nothing of its text", async () => {
    const secret = `secret-${crypto.randomUUID()}`;
    const { path, id } = await publish({ title: secret, content: secret });
    await withdraw(id);
    const page = await get(path);
    expect([page.status, page.headers.get("content-type")]).toEqual([410, "text/html; charset=utf-8"]);
    expect(select(page.text, "h1")[0]?.text).toBe("This card was withdrawn");
    for (const [address, accept] of [
      [path, "application/json"],
      [`${path}.md`, "*/*"],
      [path, "text/markdown"],
    ] as const) {
      const answer = await get(address, { accept });
      expect([answer.status, answer.body.type]).toEqual([410, "/problems/gone"]);
    }
    for (const address of [
      path,
      "/",
      "/feed.xml",
      `/authors/${ada.name}`,
      `/authors/${ada.name}/feed.xml`,
      "/sitemaps/cards.xml",
    ]) {
      expect((await get(address)).text).not.toContain(secret);
    }
  });

  test("stands elsewhere: 301 to where it is now", async () => {
    const card = newCard({ title: "Before", content: crypto.randomUUID() });
    const { id, public_url } = await api.publishCard(ada.key, card);
    await withdraw(id);
    const { slug } = await api.publishCard(ada.key, card);
    await api.sql`UPDATE cards SET slug = 'after-' || right(slug, 8), public_url = '/cards/after-' || right(slug, 8) WHERE id = ${id}`;
    const end = slug?.slice(-8);
    for (const [from, to] of [
      [pathOf({ public_url }), `/cards/after-${end}`],
      [`/cards/card-${end}.md`, `/cards/after-${end}.md`],
    ] as const) {
      const answer = await get(from);
      expect([answer.status, answer.headers.get("location")]).toEqual([301, to]);
    }
    expect((await get(`/cards/after-${end}`)).status).toBe(200);
  });

  test("can't be looked for: 503 in both forms", async () => {
    const away = createApiWithoutDatabase();
    const page = await away.call("GET", "/cards/any-thing", { headers: BROWSER });
    expect([page.status, page.headers.get("content-type")]).toEqual([503, "text/html; charset=utf-8"]);
    expect(page.headers.get("retry-after")).toBeTruthy();
    expect((await away.call("GET", "/cards/any-thing")).headers.get("content-type")).toBe("application/problem+json");
  });
});

describe("views", () => {
  test("are counted in memory and written together; HEAD is none", async () => {
    const own = await createApi();
    const author = await own.register();
    const [first, second] = [await own.publishCard(author.key), await own.publishCard(author.key)];
    const server = listen(own);
    for (let n = 0; n < 3; n++) await fetch(server.baseUrl + pathOf(first));
    await fetch(server.baseUrl + pathOf(second));
    await fetch(server.baseUrl + pathOf(second), { method: "HEAD" });
    const views = () =>
      own.sql`SELECT view_count::integer FROM cards WHERE id IN ${own.sql([first.id, second.id])} ORDER BY id`;
    expect((await views()).map(row => row.view_count)).toEqual([0, 0]);
    await own.app.stop();
    while ((await views())[0]?.view_count === 0) await Bun.sleep(20);
    expect((await views()).map(row => row.view_count)).toEqual([3, 1]);
  });
});

describe("an author's page", () => {
  test("has name, bio, earnings and all cards, newest first, page by page", async () => {
    const author = await api.register();
    await api.call("PATCH", "/api/me", { key: author.key, body: { display_name: "Grace", bio: "First\nsecond <b>" } });
    const cards = Array.from({ length: 65 }, (_, n) => newCard({ title: `Card ${n}` }));
    const { cards: published } = (await api.publish(author.key, cards)).body;
    await cite(published[0]?.id ?? "", (await publish()).id);

    const titles: string[] = [];
    let pages = 0;
    for (let path: string | undefined = `/authors/${author.name}`; path; pages++) {
      const { status, text: html } = await get(path);
      expect(status).toBe(200);
      expect(select(html, "h1")[0]?.text).toBe("Grace");
      expect(html).toContain("65 cards");
      expect(select(html, ".author-head .amount")[0]?.text).toBe("65.10 $EXTROPY");
      titles.push(...select(html, ".cards a.card-link").map(({ text }) => text));
      if (pages === 0) expect(select(html, ".bio")[0]?.text).toBe("First\nsecond <b>");
      path = select(html, "a[rel=next]")[0]?.attributes.href;
    }
    expect(pages).toBe(3);
    expect(new Set(titles)).toEqual(new Set(cards.map(card => card.title as string)));
    expect(titles).toHaveLength(65);
    expect((await get(`/authors/${author.name}?cursor=nonsense`)).status).toBe(422);
    expect((await get(`/authors/${author.name}?utm_source=elsewhere`)).status).toBe(200);
  });

  test("exists for those who have published something, under one spelling", async () => {
    const silent = await api.register();
    for (const name of [silent.name, "system", "nobody-at-all", "%00"])
      expect((await get(`/authors/${name}`)).status).toBe(404);
    await publish();
    const answer = await get(`/authors/${ada.name.toUpperCase()}`);
    expect([answer.status, answer.headers.get("location")]).toEqual([301, `/authors/${ada.name}`]);
  });

  test("is gone with the account, and so are its name and cards everywhere", async () => {
    const author = await api.register(`leaving-${newName()}`);
    const card = await publish({ title: "Left behind" }, author);
    const other = await publish();
    await cite(other.id, card.id);
    expect((await api.call("DELETE", "/api/me", { key: author.key })).status).toBe(204);
    expect((await get(`/authors/${author.name}`)).status).toBe(404);
    expect((await get(card.path)).status).toBe(410);
    for (const path of [other.path, "/", "/feed.xml", "/sitemaps/cards.xml"]) {
      const { text } = await get(path);
      expect(text).not.toContain(author.name);
      expect(text).not.toContain("Left behind");
    }
  });

  test("tells no e-mail address, nor does any other page", async () => {
    const { path } = await publish();
    for (const address of [
      path,
      `${path}.md`,
      "/",
      "/feed.xml",
      `/authors/${ada.name}`,
      `/authors/${ada.name}/feed.xml`,
      "/sitemap.xml",
    ]) {
      for (const accept of ["text/html", "application/json", "*/*"]) {
        expect((await get(address, { accept })).text).not.toContain("@example.org");
      }
    }
  });
});

describe("the front page and the problems", () => {
  test("the front page links to documentation, admin pages, feed and the newest cards", async () => {
    const newest = await publish({ title: "The newest of all" });
    const { text: html, headers } = await get("/");
    const links = select(html, "a").map(({ attributes }) => attributes.href);
    for (const path of ["/openapi", "/admin", "/feed.xml", newest.path]) expect(links).toContain(path);
    expect(select(html, ".cards a.card-link")[0]?.text).toBe("The newest of all");
    expect(headers.get("vary")).toBe("Accept");
    const { body } = await get("/", { accept: "application/json" });
    expect(body).toMatchObject({
      name: "Extrophi",
      links: { documentation: "http://localhost/openapi", feed: "http://localhost/feed.xml" },
    });
  });

  test("every problem explains itself, to people and to programs", async () => {
    const list = await get("/problems", { accept: "application/json" });
    const items = list.body.items as { type: string; title: string; status: number; explanation: string }[];
    expect(items.length).toBeGreaterThan(20);
    const { text: all } = await get("/problems");
    for (const item of items) {
      const { text: html, status } = await get(item.type);
      expect(status).toBe(200);
      expect(select(html, "h1")[0]?.text).toBe(item.title);
      expect(html).toContain(String(item.status));
      expect(dangersIn(html)).toEqual([]);
      expect((await get(item.type, {})).body).toEqual(item as never);
      expect(select(all, `a[href="${item.type}"]`)).toHaveLength(1);
    }
    for (const slug of ["nothing", "toString", "__proto__"]) expect((await get(`/problems/${slug}`)).status).toBe(404);
  });

  test("addresses begin with the configured base", async () => {
    const configured = await createApi({ PUBLIC_BASE_URL: "https://cards.example/base" }, api);
    const { path } = await publish();
    const { text: html } = await configured.call("GET", path, { headers: BROWSER });
    expect(select(html, "link[rel=canonical]")[0]?.attributes.href).toBe(`https://cards.example/base${path}`);
    expect((await configured.call("GET", "/robots.txt")).text).toContain(
      "Sitemap: https://cards.example/base/sitemap.xml",
    );
  });
});
