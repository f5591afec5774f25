// Addresses and methods under /admin that no page has, as a browser meets them: told in the frame of the pages, and to
// strangers nothing.

import { expect, setDefaultTimeout, test } from "bun:test";
import { openWorld } from "./admin-browser-support.ts";
import { untilReady } from "./browser-support.ts";
import { select } from "./page-support.ts";

setDefaultTimeout(120_000);

const { api, admin, writer, entry, card, open } = await openWorld();
const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const nobody = crypto.randomUUID();

const { page: signedInPage } = await open();
const cookie = (await signedInPage.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");

async function ask(method: string, path: string, headers: Record<string, string>) {
  const answer = await api.app.handle(new Request(`http://localhost${path}`, { method, headers }));
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** What the frame of a page has, and what stands in it. */
function readFrame(html: string) {
  return {
    menu: select(html, "nav.menu a").length,
    search: select(html, "#search").length,
    heading: select(html, "h1")[0]?.text,
    told: select(html, "#problem")[0]?.text.trim(),
    section: select(html, "nav.menu a[aria-current]").map(({ text }) => text.trim()),
    ways: select(html, "main a[href]").map(({ attributes }) => attributes.href),
  };
}

test.each([
  ["/admin/nonsense", /No page has the address \/admin\/nonsense\./, "/admin"],
  ["/admin//users", /No page has the address \/admin\/\/users\./, "/admin"],
  ["/admin/users/x/y/z", /No page has the address/, "/admin/users"],
  [`/admin/users/${writer.id}/nonsense`, /No page has the address/, "/admin/users"],
  [`/admin/nonsense/${"x".repeat(3000)}`, /No page has the address .{100,250}…\./, "/admin"],
  ["/admin/%ff", /No page has the address \/admin\/%ff\./, "/admin"],
  ["/admin/%3Cscript%3E", /No page has the address \/admin\/<script>\./, "/admin"],
  ["/admin/a`b`c", /No page has the address \/admin\/a%60b%60c\./, "/admin"],
  ["/admin/users/not-an-id", /No account has the id not-an-id\./, "/admin/users"],
  [`/admin/users/${nobody}`, new RegExp(`No account has the id ${nobody}\\.`), "/admin/users"],
  [`/admin/users/${nobody}/adjust`, /No account has the id/, "/admin/users"],
  ["/admin/ledger/999999999999", /No entry has the id 999999999999\./, "/admin/ledger"],
  ["/admin/ledger/0/reverse", /No entry has the id 0\./, "/admin/ledger"],
  ["/admin/ledger/%00", /No entry has the id %00\./, "/admin/ledger"],
  [`/admin/cards/${nobody}`, /No card has the id/, "/admin/cards"],
  [`/admin/cards/${nobody}/graph`, /No card has the id/, "/admin/cards"],
])("an operator who asks for %s is told what is not there, and where to go", async (path, told, way) => {
  const { status, headers, text } = await ask("GET", path, { cookie, ...BROWSER });
  expect([status, headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
  expect(headers.get("cache-control")).toBe("no-store");
  const frame = readFrame(text);
  expect(frame).toMatchObject({ menu: 8, search: 1, heading: "There is nothing here" });
  expect(frame.told).toMatch(told);
  expect(frame.ways).toContain(way);
  expect(frame.section).toEqual(way === "/admin" ? [] : [expect.stringMatching(/Users|Ledger|Cards/)]);
  const head = await ask("HEAD", path, { cookie, ...BROWSER });
  expect([head.status, head.text]).toEqual([404, ""]);
});

test("a program that has a cookie is told of an address that is none by a problem document", async () => {
  for (const accept of ["application/json", "*/*"]) {
    const { status, headers } = await ask("GET", "/admin/nonsense", { cookie, accept });
    expect([accept, status, headers.get("content-type")]).toEqual([accept, 404, "application/problem+json"]);
  }
});

test("a stranger is sent to sign in from whatever address under /admin, and afterwards is told that it is none", async () => {
  for (const forged of [{}, { cookie: `extrophi_session=${"A".repeat(43)}` }]) {
    for (const [method, path] of [
      ["GET", "/admin/nonsense?a=1"],
      ["GET", "/admin/users/x/y"],
      ["HEAD", "/admin/nonsense"],
      ["POST", "/admin/users"],
      ["DELETE", "/admin/ledger"],
      ["GET", "/sign-out"],
    ] as const) {
      const { status, headers, text } = await ask(method, path, { ...forged, ...BROWSER });
      expect([method, path, status, text]).toEqual([method, path, 303, ""]);
      expect(headers.get("location")).toStartWith("/sign-in?next=");
      expect(headers.get("allow")).toBeNull();
    }
  }
  const { headers } = await ask("GET", "/admin/nonsense?a=1", BROWSER);
  expect(headers.get("location")).toBe("/sign-in?next=%2Fadmin%2Fnonsense%3Fa%3D1");
  expect((await ask("GET", "/admin/nonsense", { accept: "application/json" })).status).toBe(404);
  // Other addresses than those of the pages are nobody's, whoever asks.
  for (const path of ["/adminx", "/administration", "/nowhere"]) {
    const { status, text } = await ask("GET", path, { cookie, ...BROWSER });
    expect([path, status, readFrame(text).menu]).toEqual([path, 404, 0]);
  }
});

test.each([
  ["POST", "/admin", "GET, HEAD", "/admin"],
  ["POST", "/admin/users", "GET, HEAD", "/admin/users"],
  ["PUT", `/admin/users/${writer.id}`, "GET, HEAD", `/admin/users/${writer.id}`],
  ["DELETE", "/admin/ledger", "GET, HEAD", "/admin/ledger"],
  ["PATCH", `/admin/ledger/${entry}/reverse`, "GET, POST, HEAD", `/admin/ledger/${entry}/reverse`],
  ["DELETE", `/admin/cards/${card}`, "GET, HEAD", `/admin/cards/${card}`],
  ["GET", "/admin/theme", "POST", "/admin"],
  ["GET", "/sign-out", "POST", "/admin"],
])("%s %s is 405 in the frame, with what the page takes: %s", async (method, path, allow, way) => {
  const { status, headers, text } = await ask(method, path, { cookie, ...BROWSER });
  expect([status, headers.get("content-type")]).toEqual([405, "text/html; charset=utf-8"]);
  expect(headers.get("allow")).toBe(allow);
  const frame = readFrame(text);
  expect(frame).toMatchObject({ menu: 8, search: 1 });
  expect(frame.told).toContain(method);
  expect(frame.told).toContain("Nothing was changed");
  expect(frame.ways).toContain(way);
  const document = await ask(method, path, { cookie, accept: "application/json" });
  expect([document.status, document.headers.get("content-type"), document.headers.get("allow")]).toEqual([
    405,
    "application/problem+json",
    allow,
  ]);
});

test("so it is outside of the admin pages, without the frame", async () => {
  const { status, headers, text } = await ask("POST", "/problems", { cookie, ...BROWSER });
  expect([status, headers.get("allow"), readFrame(text).menu]).toEqual([405, "GET, HEAD", 0]);
  expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
  const call = await ask("PUT", "/api/me", BROWSER);
  expect([call.status, call.headers.get("content-type")]).toEqual([405, "application/problem+json"]);
});

test("a list whose address is gone, or that is asked for too often, stays as it was, with a word why", async () => {
  const { page } = await open();
  await page.goto("/admin/users");
  await untilReady(page);
  const rows = await page.locator("#list tbody tr").count();
  for (const [role, status, word] of [
    ["member", 404, "Nothing is at this address any more (404). Load the page again."],
    ["auditor", 429, "The server could not answer (429). The list is as it was: try again in a moment."],
    ["admin", 405, "Nothing is at this address any more (405). Load the page again."],
  ] as const) {
    await page.route(`**/admin/users?role=${role}`, async route => {
      const response = await route.fetch({ url: new URL("/admin/nonsense", page.url()).href });
      await route.fulfill({ response, status });
    });
    await page.selectOption("#filter-role", role);
    await page.getByText(word).waitFor();
    expect(await page.locator("#list tbody tr").count()).toBe(rows);
  }
  await page.unrouteAll();
  await page.selectOption("#filter-role", "");
  await page.locator("#trouble:empty").waitFor({ state: "attached" });
  await page.context().close();
});

test("an address of any length fits on a phone", async () => {
  const { page } = await open({ viewport: { width: 390, height: 800 } });
  const long = "y".repeat(1000);
  for (const path of [`/admin/${long}`, `/admin/users/${long}`, `/admin?${long}=1`, `/admin/ledger?${long}=${long}`]) {
    await page.goto(path);
    const tooWide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect([path.slice(0, 20), tooWide]).toEqual([path.slice(0, 20), 0]);
  }
  await page.context().close();
});

test("whoever has lost the way goes on from there: by the menu, the search box and the link", async () => {
  const { page, complaints } = await open({ viewport: { width: 390, height: 800 } });
  await page.goto("/admin/users/not-an-id");
  await page.getByRole("main").getByRole("link", { name: "All accounts" }).click();
  await page.waitForURL("**/admin/users");
  await page.goto("/admin/nonsense");
  await page.keyboard.press("/");
  await page.keyboard.insertText(writer.name);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/admin/users/${writer.id}`);
  await page.goto("/admin/nonsense");
  await page.getByRole("button", { name: admin.name }).click();
  await page.getByRole("button", { name: "dark" }).click();
  await page.waitForSelector("html[data-theme=dark]");
  expect(new URL(page.url()).pathname).toBe("/admin/nonsense");
  expect(complaints.filter(text => !text.includes("404"))).toEqual([]);
  await page.context().close();
});
