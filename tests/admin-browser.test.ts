// Every admin page in a real browser: sound to axe, no wider than the screen, quiet in the console, reachable by Tab,
// and small.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { Page, Request } from "playwright-core";
import { openWorld } from "./admin-browser-support.ts";
import { adminPaths, isChange } from "./admin-page-support.ts";
import { makeWorld } from "./admin-support.ts";
import { createApi, listen } from "./api-support.ts";
import { openAdmin, violationsInBothSchemes, violationsOn } from "./browser-support.ts";
import { behindTheTriggers } from "./integrity-support.ts";

setDefaultTimeout(120_000);

const { api, admin, auditor, writer, entry, card, browser, baseUrl, open } = await openWorld();
const paths = adminPaths({ user: writer.id, entry, card });

const [NARROW, WIDE] = [390, 1280];
const WIDTHS = [NARROW, 768, WIDE];

/** The widths at which the page that is open is wider than the screen. */
async function overflowsOf(page: Page): Promise<number[]> {
  const overflows: number[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    if ((await page.evaluate("document.documentElement.scrollWidth - innerWidth")) !== 0) overflows.push(width);
  }
  return overflows;
}

// Each page is loaded once, looked at by axe in both schemes, and then made as wide as other screens are.
test(`every page is sound in light at ${WIDE} pixels and in dark at ${NARROW}, and fits into ${WIDTHS.join(", ")}`, async () => {
  const { page, complaints } = await open();
  for (const path of paths) {
    await page.setViewportSize({ width: WIDE, height: 800 });
    const answer = await page.goto(path);
    expect([path, answer?.status()]).toEqual([path, 200]);
    expect(await violationsInBothSchemes(page, { light: WIDE, dark: NARROW })).toEqual([]);
    expect([path, await overflowsOf(page)]).toEqual([path, []]);
  }
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("so are pages that tell what is wrong, and signing in", async () => {
  const { page } = await open();
  const violations = () => violationsInBothSchemes(page, { light: WIDE, dark: WIDE });
  for (const [path, status] of [
    ["/admin/users?sort=x&limit=0", 422],
    ["/admin/ledger/0", 404],
    ["/admin/nothing", 404],
  ] as const) {
    expect([path, (await page.goto(path))?.status()]).toEqual([path, status]);
    expect(await violations()).toEqual([]);
  }
  await page.goto("/admin/users");
  await page.getByRole("button", { name: admin.name }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  expect(await violations()).toEqual([]);
  await page.context().clearCookies();
  await page.goto("/sign-in?next=%2Fadmin&ended=1");
  expect(await violations()).toEqual([]);
  await page.fill("[name=username]", "nobody");
  await page.fill("[name=api_key]", "none");
  await page.keyboard.press("Enter");
  await page.getByText("That did not work").waitFor();
  expect(await violations()).toEqual([]);
  await page.context().close();
});

test("Tab leads to everything that can be used, and each shows that it has the focus", async () => {
  const { page } = await open();
  const missed = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
    .filter(element => element.checkVisibility({ visibilityProperty: true }) && element.type !== "hidden" && !element.disabled)
    .filter(element => !element.dataset.visited).map(element => element.outerHTML.slice(0, 120))`;
  // Whoever gets the focus is marked; told is whether that can be seen. A date has several stops.
  const watch = `const seen = window.seen = new Set();
    document.addEventListener("focusin", ({ target }) => {
      const { outlineStyle, outlineWidth } = getComputedStyle(target);
      if (outlineStyle === "none" || parseFloat(outlineWidth) <= 0) seen.add("unseen: " + target.outerHTML.slice(0, 120));
      else seen.add(target.dataset.visited ? "again" : "seen");
      target.dataset.visited = "yes";
    });`;
  for (const path of paths.filter(path => !/^\/admin\/(cards|users|audit|attributions\/all)$/.test(path))) {
    await page.goto(path);
    await page.waitForSelector(".scripted");
    await page.evaluate(watch);
    let seen: string[] = [];
    for (let presses = 0; presses < 800 && !seen.includes("again"); presses++) {
      await page.keyboard.press("Tab");
      if (presses % 10 === 9) seen = (await page.evaluate("[...seen]")) as string[];
    }
    expect([path, seen.filter(state => !["seen", "again"].includes(state))]).toEqual([path, []]);
    expect([path, await page.evaluate(missed)]).toEqual([path, []]);
  }
  await page.context().close();
});

test("on a phone a graph begins at its card, and the buttons of a list are one line high", async () => {
  const { page } = await open({ viewport: { width: 390, height: 800 } });
  await page.goto(`/admin/cards/${card}/graph?depth=2`);
  await page.waitForSelector(".scripted");
  const center = await page.locator(".graph .center").boundingBox();
  expect(center?.x).toBeGreaterThan(0);
  expect(center?.x).toBeLessThan(390);
  await page.goto("/admin/sessions");
  const button = await page.locator("main td button").first().boundingBox();
  expect(button?.height).toBeLessThan(40);
  await page.context().close();
});

test("a first view is few requests, small also where nothing is compressed, and asks nobody else", async () => {
  const sizes = async (request: Request) => {
    await (await request.response())?.finished();
    return { path: new URL(request.url()).pathname, bytes: (await request.sizes()).responseBodySize };
  };
  for (const path of paths) {
    const { page } = await open();
    const requests: Request[] = [];
    page.on("request", request => requests.push(request));
    await page.goto(path, { waitUntil: "load" });
    const hosts = new Set(requests.map(request => new URL(request.url()).host));
    expect([path, [...hosts]]).toEqual([path, [new URL(baseUrl).host]]);
    expect(requests.length).toBeLessThanOrEqual(6);
    // A stream has no end.
    const loaded = await Promise.all(requests.filter(request => request.resourceType() !== "eventsource").map(sizes));
    const bytesOf = (test: RegExp) => loaded.reduce((sum, { path, bytes }) => sum + (test.test(path) ? bytes : 0), 0);
    expect(bytesOf(/^\/admin/)).toBeLessThanOrEqual(60_000);
    expect(bytesOf(/^\/assets\/.*(css|js)$/)).toBeGreaterThan(5_000);
    expect(bytesOf(/^\/assets\/.*(css|js)$/)).toBeLessThanOrEqual(25_000);
    const plain = loaded.map(({ path }) => path).filter(path => /^\/assets\/.*(css|js)$/.test(path));
    const texts = await Promise.all(plain.map(async path => (await fetch(baseUrl + path)).bytes()));
    expect(texts.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(60_000);
    await page.context().close();
  }
});

test("an auditor sees everything and finds nothing to change", async () => {
  const { page, complaints } = await open({}, auditor);
  for (const path of paths.filter(path => !isChange(path))) {
    expect([path, (await page.goto(path))?.status()]).toEqual([path, 200]);
    const forms = await page.locator('main form[method="post"]').evaluateAll(found => found.length);
    const own = { "/admin/integrity": 1, "/admin/sessions": 2 }[path] ?? 0;
    expect([path, forms]).toEqual([path, own]);
    const links = await page.locator("main a[href]").evaluateAll(found => found.map(link => link.getAttribute("href")));
    expect([path, links.filter(href => isChange(href ?? ""))]).toEqual([path, []]);
  }
  await page.goto("/admin/integrity");
  expect(await page.getByRole("button", { name: "Check everything" }).count()).toBe(0);
  await page.getByRole("button", { name: "Check what is new" }).click();
  await page.getByText("The books are right").waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a server without any data has a word to say on every page", async () => {
  const empty = await createApi();
  const only = await empty.createAdmin();
  const quiet = listen(empty);
  const at = { api: empty, baseUrl: quiet.baseUrl, operator: only };
  const { page, complaints } = await openAdmin(browser, at);
  for (const [path, word] of Object.entries({
    "/admin": "No entry yet",
    [`/admin/users/${only.id}`]: "No entries yet",
    "/admin/users?q=nobody": "No account begins like that",
    "/admin/ledger": "No entry yet",
    "/admin/ledger?type=bonus": "No entry is like that",
    "/admin/cards": "Nobody has published anything yet",
    "/admin/cards?q=x": "No card is like that",
    "/admin/attributions": "No attribution in this time",
    "/admin/attributions/all": "Nobody has cited anybody yet",
    "/admin/attributions/all?type=remix": "No attribution is like that",
    "/admin/sync": "Everything that devices have told of is in step",
    "/admin/sync?status=failed": "Nothing of this is out of step",
    "/admin/integrity": "not checked",
    "/admin/audit": "No operator has changed anything yet",
    "/admin/audit?action=role_changed": "No operator has done anything like that",
    "/admin/search?q=nothing": "Nothing has this id, name or slug",
  })) {
    await page.setViewportSize({ width: 1280, height: 800 });
    expect([path, (await page.goto(path))?.status()]).toEqual([path, 200]);
    expect([path, await page.getByText(word).count()]).not.toEqual([path, 0]);
    expect(await violationsOn(page)).toEqual([]);
    expect([path, await overflowsOf(page)]).toEqual([path, []]);
  }
  expect(complaints).toEqual([]);
  await page.context().close();
  await quiet.stop();
});

test("figures that nobody has added up yet come into the page when they are there", async () => {
  const old = await createApi();
  const { admin } = await makeWorld(old);
  const server = listen(old);
  const { page, complaints } = await openAdmin(browser, { api: old, baseUrl: server.baseUrl, operator: admin });
  // Right before: a server adds up by itself what there is some seconds after it has begun to listen.
  await behindTheTriggers(old.sql, "UPDATE extropy_ledger SET created_at = created_at - interval '300 days'");
  const asked = page.waitForRequest(request => request.headers()["hx-request"] === "true");
  await page.goto("/admin");
  await asked;
  await page.waitForSelector("#figures .figures");
  expect(complaints).toEqual([]);
  await page.context().close();
  await server.stop();
});

test("colours are what the operator chose, whatever the system says", async () => {
  const { page } = await open({ colorScheme: "light" });
  await page.goto("/admin/users");
  const isDark = async () =>
    (await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")) === "rgb(19, 21, 23)";
  expect(await isDark()).toBe(false);
  await page.getByRole("button", { name: admin.name }).click();
  const loaded = page.waitForEvent("load");
  await page.getByRole("button", { name: "dark" }).click();
  await loaded;
  expect(await isDark()).toBe(true);
  expect(new URL(page.url()).pathname).toBe("/admin/users");
  await page.context().close();
});

test("no script of a stored text runs, whatever page shows it", async () => {
  const attack = '"><img src=x onerror="document.title=1"><script>document.title=1</script>';
  await api.sql`UPDATE users SET display_name = ${attack}, bio = ${attack} WHERE id = ${writer.id}`;
  await api.sql`UPDATE cards SET title = ${attack}, content = ${attack} WHERE id = ${card}`;
  const { page, complaints } = await open();
  for (const path of paths) {
    await page.goto(path);
    expect([path, await page.title()]).toEqual([path, expect.stringMatching(/ · Extrophi admin$/)]);
  }
  expect(complaints).toEqual([]);
  await page.context().close();
});
