// Parameters that a page does not know: told of on every page alike, and none is an error page.

import { expect, test } from "bun:test";
import { adminPaths, problemOf, signedIn } from "./admin-page-support.ts";
import { makeWorld } from "./admin-support.ts";
import { createApi } from "./api-support.ts";
import { lastEntryOf } from "./operator-support.ts";
import { select } from "./page-support.ts";

const api = await createApi();
const { admin, writers, cards } = await makeWorld(api);
const [writer] = writers;
if (!writer) throw new Error("the world has no writers");
const entry = await lastEntryOf(api, writer.id);
const card = cards[0]?.[0] ?? "";
const visitor = await signedIn(api, admin);

const paths = adminPaths({ user: writer.id, entry, card });
const withQuery = (path: string, query: string) => path + (path.includes("?") ? "&" : "?") + query;
const headingOf = (html: string) => select(html, "h1")[0]?.text.trim();

test.each(paths)("%s tells of a parameter that it does not know, and is the page all the same", async path => {
  const plain = await visitor.get(path);
  const { status, html } = await visitor.get(withQuery(path, "nothing=1"));
  expect([status, select(html, "#problem").length]).toEqual([422, 1]);
  expect(problemOf(html)).toContain("nothing: There is no such filter.");
  expect(headingOf(html)).toBe(headingOf(plain.html));
  expect(select(html, "form.filters").length).toBe(select(plain.html, "form.filters").length);
});

test("a parameter may be called as what every object has", async () => {
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
    for (const path of [
      "/admin",
      "/admin/users",
      "/admin/ledger",
      "/admin/cards",
      "/admin/attributions",
      "/admin/sync",
    ]) {
      const { status, html } = await visitor.get(`${path}?${name}=1`);
      expect([path, name, status]).toEqual([path, name, 422]);
      expect(problemOf(html)).toContain(`${name.replaceAll("_", " ").trim()}`);
    }
  }
});

test("a page without filters shows all that it would without the parameter, and a list shows nothing else than what was asked for", async () => {
  for (const path of ["/admin", `/admin/users/${writer.id}`, `/admin/ledger/${entry}`, `/admin/cards/${card}`]) {
    const [plain, odd] = [await visitor.get(path), await visitor.get(`${path}?usr=mira`)];
    const partsOf = (html: string) => select(html, "main h2:not(#problem h2)").map(({ text }) => text.trim());
    expect([path, partsOf(odd.html).filter(title => !title.startsWith("Part of"))]).toEqual([
      path,
      partsOf(plain.html),
    ]);
    expect(select(odd.html, "main tbody tr").length).toBe(select(plain.html, "main tbody tr").length);
  }
  const list = await visitor.get("/admin/ledger?usr=mira");
  expect(select(list.html, "#list tbody tr")).toEqual([]);
  expect(problemOf(list.html)).toBe("This can't be listedusr: There is no such filter.");
});

test("parameters without a value are none, and those that a page has are taken", async () => {
  for (const path of [
    "/admin?nothing=",
    "/admin/users?nothing=",
    `/admin/users/${writer.id}?done=adjusted`,
    `/admin/ledger/${entry}?done=reversed`,
    "/admin/search?q=user",
  ]) {
    const { status, html } = await visitor.get(path);
    expect([path, status, problemOf(html)]).toEqual([path, 200, ""]);
  }
});

test("a parameter that stands there twice is told of, wherever it does", async () => {
  for (const path of [
    "/admin/ledger?user=mira&user=bob",
    "/admin/cards?q=a&q=b",
    `/admin/ledger/${entry}?done=x&done=y`,
  ]) {
    const { status, html } = await visitor.get(path);
    expect([path, status]).toEqual([path, 422]);
    expect(html).toContain("The address has this more than once.");
  }
  expect((await visitor.get("/admin/ledger?user=&user=")).status).toBe(200);
});

test("of a key that is looked for only the public beginning stays in the address", async () => {
  const member = await api.register();
  const beginning = member.key.slice(0, 12);
  for (const text of [member.key, `${beginning}_`, `Bearer ${member.key}`, `"${member.key}",`]) {
    const path = `/admin/search?q=${encodeURIComponent(text)}`;
    const { status, location } = await visitor.get(path);
    expect([status, location]).toEqual([303, `/admin/search?q=${beginning}`]);
    // Whoever has to sign in is sent there with the address.
    const unknown = await api.app.handle(new Request(`http://localhost${path}`));
    expect(unknown.headers.get("location")).toBe(`/admin/search?q=${beginning}`);
  }
  expect((await visitor.get(`/admin/search?q=${beginning}`)).location).toBe(`/admin/users/${member.id}`);
});

test("what an address says was done is told only where something is done like that", async () => {
  for (const done of ["constructor", "toString", "__proto__", "x"]) {
    const { html, status } = await visitor.get(`/admin/users/${writer.id}?done=${done}`);
    expect([done, status, select(html, ".done")]).toEqual([done, 200, []]);
  }
});

test("a depth that is none is a message beside the choice of depths", async () => {
  for (const depth of ["9", "x", "0", "1.5"]) {
    const { status, html } = await visitor.get(`/admin/cards/${card}/graph?depth=${depth}`);
    expect([depth, status, problemOf(html)]).toEqual([depth, 422, expect.stringContaining("depth: one of 1, 2, 3")]);
    expect(select(html, "nav[aria-label='How far'] a").length).toBe(3);
    expect(headingOf(html)).toContain("Around");
  }
});

test("a search that can't be is a message on the page of the search", async () => {
  const { status, html } = await visitor.get(`/admin/search?q=${"x".repeat(3000)}`);
  expect([status, headingOf(html)]).toEqual([422, expect.stringContaining("Search for")]);
  expect(problemOf(html)).toContain("Text: at most 2048 characters");
  expect(select(html, "#search").length).toBe(1);
});

test("a file has no place for a message, so a page tells it", async () => {
  for (const list of ["ledger", "cards", "attributions", "audit"]) {
    const { status, html, headers } = await visitor.get(`/admin/${list}.csv?nothing=1`);
    expect([list, status, headers.get("content-type")]).toEqual([list, 422, "text/html; charset=utf-8"]);
    expect(problemOf(html)).toContain("nothing: There is no such filter.");
  }
});
