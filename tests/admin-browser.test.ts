// The admin pages in a real browser: how they look to axe, what the keyboard does, what stays in the address, what comes
// in live, and that all of it works without a script as well.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makeWorld } from "./admin-support.ts";
import { createApi, listen, newCard } from "./api-support.ts";
import { cookieOf, launchBrowser, openAdmin, signInByForm } from "./browser-support.ts";
import { adjust, balanceOf, lastEntryOf, recordsAbout } from "./operator-support.ts";

setDefaultTimeout(120_000);

const api = await createApi();
const world = await makeWorld(api);
const { admin, auditor, writers } = world;
const [writer, other] = writers as [(typeof writers)[0], (typeof writers)[0]];
// The world marks an attribution as reversed by hand, which is not how the books do it.
await api.sql`UPDATE attributions SET reversed_at = NULL WHERE reversed_at IS NOT NULL`;
const server = listen(api);
const browser = await launchBrowser();
const at = { api, baseUrl: server.baseUrl, operator: admin };

afterAll(async () => {
  await browser.close();
  await server.stop();
});

await adjust(api, admin, writer.id, { amount: "7.77" });
const entry = await lastEntryOf(api, writer.id);
const card = world.cards[0]?.[0] ?? "";
const pages = [
  "/admin",
  "/admin/users",
  `/admin/users/${writer.id}`,
  `/admin/users/${writer.id}/adjust`,
  `/admin/users/${writer.id}/deactivate`,
  "/admin/ledger",
  `/admin/ledger/${entry}`,
  `/admin/ledger/${entry}/reverse`,
  "/admin/cards",
  `/admin/cards/${card}`,
  `/admin/cards/${card}/graph?depth=2`,
  "/admin/attributions",
  "/admin/attributions/all",
  "/admin/sync",
  "/admin/integrity",
  "/admin/audit",
  "/admin/search?q=user",
];
const axe = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

type AxeResult = { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] };

async function violationsOn(page: Awaited<ReturnType<typeof openAdmin>>["page"]): Promise<string[]> {
  // Playwright's own world is not under the page's policy.
  const { violations } = (await page.evaluate(`${axe}; axe.run()`)) as AxeResult;
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

/** Waits here and not in the page, whose policy lets no text become a script. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > 10_000) throw new Error("it did not come to hold");
    await Bun.sleep(20);
  }
}

for (const [colorScheme, width] of [
  ["light", 1280],
  ["dark", 390],
  ["dark", 1280],
  ["light", 390],
] as const) {
  test(`every page is sound in ${colorScheme} at ${width} pixels`, async () => {
    const { page, complaints } = await openAdmin(browser, at, { colorScheme, viewport: { width, height: 800 } });
    for (const path of pages) {
      const answer = await page.goto(path);
      expect([path, answer?.status()]).toEqual([path, 200]);
      const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      expect([path, overflow]).toEqual([path, 0]);
      // Colours are half of what axe looks at; the rest is the same on every width.
      if (colorScheme === "light" ? width === 1280 : width === 390) expect(await violationsOn(page)).toEqual([]);
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  });
}

test("signing in is sound, too, and leads to where one wanted to go", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    const context = await browser.newContext({ colorScheme, baseURL: server.baseUrl });
    const page = await context.newPage();
    await page.goto("/admin/users?q=user");
    expect(await violationsOn(page)).toEqual([]);
    await page.keyboard.type(admin.name);
    await page.keyboard.press("Tab");
    await page.keyboard.type(admin.key);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin/users?q=user");
    await context.close();
  }
});

test("a first view is few requests, small, and asks nobody else", async () => {
  for (const path of pages) {
    const { page } = await openAdmin(browser, at);
    const bytes = new Map<string, number>();
    const hosts = new Set<string>();
    page.on("request", request => void hosts.add(new URL(request.url()).host));
    page.on("requestfinished", async request => {
      const sizes = await request.sizes().catch(() => undefined);
      bytes.set(new URL(request.url()).pathname, sizes?.responseBodySize ?? 0);
    });
    let count = 0;
    page.on("request", () => count++);
    await page.goto(path, { waitUntil: "load" });
    await page.waitForTimeout(50);
    const assets = [...bytes].filter(([name]) => name.startsWith("/assets/"));
    const assetBytes = assets.reduce((sum, [, size]) => sum + size, 0);
    const pageBytes = bytes.get(path.split("?")[0] ?? "") ?? Number.POSITIVE_INFINITY;
    expect([path, [...hosts]]).toEqual([path, [new URL(server.baseUrl).host]]);
    expect(count).toBeLessThanOrEqual(6);
    expect(pageBytes).toBeLessThan(60_000);
    expect(assetBytes).toBeGreaterThan(5_000);
    expect(assetBytes).toBeLessThan(60_000);
    await page.context().close();
  }
});

test("an operator adjusts a balance and reverses that with the keyboard alone", async () => {
  const { page, complaints } = await openAdmin(browser, at);
  await page.goto("/admin");
  await page.keyboard.press("/");
  await page.keyboard.type(other.name);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/admin/users/${other.id}`);
  const before = await balanceOf(api, other.id);

  const follow = async (name: string) => {
    await page.getByRole("link", { name, exact: true }).first().focus();
    await page.keyboard.press("Enter");
  };
  await follow("Adjust balance");
  await page.waitForSelector("[name=amount]:focus");
  await page.keyboard.type("1.25");
  await page.keyboard.press("Tab");
  await page.keyboard.type("Ticket 12, with the keyboard.");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForSelector("button[value=post]:focus");
  expect(await page.textContent(".before-after .before")).toBe(before);
  await page.keyboard.press("Enter");
  await page.waitForURL(url => url.searchParams.get("done") === "adjusted");
  expect(Number(await balanceOf(api, other.id))).toBeCloseTo(Number(before) + 1.25, 2);

  await page.locator(".notice.done a").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/admin/ledger/*");
  await follow("Reverse");
  await page.waitForURL("**/reverse");
  await page.locator("textarea").focus();
  await page.keyboard.type("Was the wrong account.");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(url => url.searchParams.get("done") === "reversed");
  expect(await balanceOf(api, other.id)).toBe(before);
  const [reversed, adjusted] = await recordsAbout(api, admin, other.id);
  expect([adjusted?.reason, reversed?.reason]).toEqual(["Ticket 12, with the keyboard.", "Was the wrong account."]);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("keys go to every part, open the list of keys and close it, and stay out of fields", async () => {
  const { page } = await openAdmin(browser, at);
  await page.goto("/admin");
  for (const [key, path] of Object.entries({
    u: "users",
    l: "ledger",
    c: "cards",
    a: "attributions",
    s: "sync",
    i: "integrity",
    d: "audit",
  })) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await page.waitForURL(`**/admin/${path}`);
  }
  await page.keyboard.press("?");
  expect(await page.locator("#keys").isVisible()).toBe(true);
  expect(await violationsOn(page)).toEqual([]);
  await page.keyboard.press("Escape");
  expect(await page.locator("#keys").isVisible()).toBe(false);
  await page.keyboard.press("/");
  await page.keyboard.type("g?u");
  expect(await page.inputValue("#search")).toBe("g?u");
  expect(new URL(page.url()).pathname).toBe("/admin/audit");
  await page.context().close();
});

test("a payment is found by amount and day in three actions", async () => {
  const { page } = await openAdmin(browser, at);
  await page.goto("/admin/ledger");
  const today = new Date().toISOString().slice(0, 10);
  await page.fill("#filter-amount", "7.77");
  await page.fill("#filter-from", today);
  await page.fill("#filter-to", today);
  await page.waitForURL(url => url.searchParams.get("to") === today && url.searchParams.get("amount") === "7.77");
  await until(async () => (await page.locator("#list tbody tr").count()) === 1);
  expect(await page.textContent("#list tbody th")).toContain(`#${entry}`);
  await page.context().close();
});

test("filters stay with reload and Back, and the focus stays where it was", async () => {
  const { page } = await openAdmin(browser, at);
  await page.goto("/admin/users");
  await page.keyboard.press("f");
  // All at once: who pauses while typing has asked for what is there by then, and that is a step of its own for Back.
  await page.keyboard.insertText(writer.name);
  await page.waitForURL(`**/admin/users?q=${writer.name}`);
  await until(async () => (await page.locator("#list tbody tr").count()) === 1);
  expect(await page.evaluate("document.activeElement.id")).toBe("filter-q");
  await page.reload();
  expect(await page.inputValue("#filter-q")).toBe(writer.name);
  expect(await page.locator("#list tbody tr").count()).toBe(1);
  await page.locator("#sort-balance").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**sort=-balance");
  await page.waitForSelector("th[aria-sort=descending] #sort-balance");
  expect(await page.evaluate("document.activeElement.id")).toBe("sort-balance");
  await page.goBack();
  // The address is back before the page is, and no browser goes back twice while a page is on its way.
  await until(async () => (await page.locator("th[aria-sort=descending] #sort-balance").count()) === 0);
  await page.waitForLoadState();
  expect(page.url()).toEndWith(`/admin/users?q=${writer.name}`);
  expect(await page.inputValue("#filter-q")).toBe(writer.name);
  await page.goBack();
  await until(async () => (await page.locator("#list tbody tr").count()) > 1);
  expect(await page.inputValue("#filter-q")).toBe("");
  await page.context().close();
});

test("pages of a list follow each other, and a bad filter is a message with the form still there", async () => {
  const { page } = await openAdmin(browser, at);
  await page.goto("/admin/ledger?limit=5");
  const first = await page.locator("#list tbody th").allTextContents();
  await page.click("#pager-next");
  await page.waitForURL("**cursor=*");
  await until(async () => (await page.locator("#list tbody th").first().textContent()) !== first[0]);
  const second = await page.locator("#list tbody th").allTextContents();
  expect(second.filter(row => first.includes(row))).toEqual([]);
  await page.goto("/admin/ledger");
  await page.fill("#filter-amount", "much");
  await page.waitForSelector("#problem");
  expect(await page.textContent("#problem")).toContain("amount");
  await page.fill("#filter-amount", "");
  await page.waitForSelector("#list table");
  await page.context().close();
});

test("a new entry is in the list within a second, unless it is paused, and what was missed comes then", async () => {
  const { page, complaints } = await openAdmin(browser, at);
  for (const path of ["/admin/ledger", "/admin"]) {
    await page.goto(path);
    await page.waitForSelector(".tail[data-state=live]");
    const top = async () => (await page.textContent("#entries-body tr:first-child th"))?.trim();
    await api.publishCard(writer.key, newCard());
    const committedAt = performance.now();
    const newest = `#${await lastEntryOf(api, writer.id)}`;
    while ((await top()) !== newest && performance.now() - committedAt < 5_000) await page.waitForTimeout(20);
    expect(await top()).toBe(newest);
    expect(performance.now() - committedAt).toBeLessThan(1_000);

    await page.keyboard.press("p");
    await page.waitForSelector(".tail[data-state=paused]");
    await api.publishCard(writer.key, newCard());
    const missed = `#${await lastEntryOf(api, writer.id)}`;
    await until(async () => (await page.textContent("[data-tail-state]"))?.includes("1 new") ?? false);
    expect(await top()).toBe(newest);
    await page.click("[data-tail-pause]");
    expect(await top()).toBe(missed);
  }
  await page.goto(`/admin/ledger?user=${other.name}`);
  await page.waitForSelector(".tail[data-state=live]");
  const count = await page.locator("#entries-body tr").count();
  await api.publishCard(writer.key, newCard());
  await page.waitForTimeout(600);
  expect(await page.locator("#entries-body tr").count()).toBe(count);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a session that has ended leads to signing in and back to the same list", async () => {
  const operator = await api.registerOperator("admin");
  const { page } = await openAdmin(browser, { ...at, operator });
  await page.goto(`/admin/users?q=${writer.name}`);
  await api.sql`DELETE FROM operator_sessions WHERE user_id = ${operator.id}`;
  await page.selectOption("#filter-role", "member");
  await page.waitForURL("**/sign-in?**");
  await page.fill("[name=username]", operator.name);
  await page.fill("[name=api_key]", operator.key);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/admin/users?q=${writer.name}`);
  expect(await page.locator("#list tbody tr").count()).toBe(1);
  await page.context().close();
});

test("an auditor sees everything and finds nothing to change", async () => {
  const { page, complaints } = await openAdmin(browser, { ...at, operator: auditor });
  for (const path of pages.filter(path => !/\/(adjust|deactivate|reverse)$/.test(path))) {
    await page.goto(path);
    const forms = await page.locator('main form[method="post"]').count();
    expect([path, forms]).toEqual([path, path === "/admin/integrity" ? 1 : 0]);
  }
  await page.goto("/admin/integrity");
  expect(await page.getByRole("button", { name: "Check everything" }).count()).toBe(0);
  await page.getByRole("button", { name: "Check what is new" }).click();
  await page.getByText("The books are right").waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("an admin has everything checked, and the overview says when that was", async () => {
  const { page } = await openAdmin(browser, at);
  await page.goto("/admin/integrity");
  await page.getByRole("button", { name: "Check everything" }).click();
  await page.getByText("The books are right").waitFor();
  await page.goto("/admin");
  expect(await page.textContent(".integrity")).toContain("found right");
  await page.context().close();
});

test("colours are what the operator chose, whatever the system says", async () => {
  const { page } = await openAdmin(browser, at, { colorScheme: "light" });
  await page.goto("/admin/users");
  const background = () => page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
  const light = await background();
  await page.click("details.account summary");
  await page.getByRole("button", { name: "dark" }).click();
  await page.waitForSelector("html[data-theme=dark]");
  expect(await background()).not.toBe(light);
  expect(new URL(page.url()).pathname).toBe("/admin/users");
  await page.context().close();
});

test("an id is copied by its button", async () => {
  const { page } = await openAdmin(browser, at, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto(`/admin/users/${writer.id}`);
  await page.getByRole("button", { name: "Copy the account's id" }).click();
  await page.waitForSelector(".copied");
  expect(await page.evaluate("navigator.clipboard.readText()")).toBe(writer.id);
  await page.context().close();
});

test("everything works without a script", async () => {
  const { page } = await openAdmin(browser, at, { javaScriptEnabled: false });
  await page.goto("/admin/users");
  await page.fill("#filter-q", writer.name);
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("link", { name: writer.name }).click();
  await page.getByRole("link", { name: "Adjust balance" }).click();
  await page.fill("[name=amount]", "0.50");
  await page.fill("[name=reason]", "No script.");
  await page.getByRole("button", { name: "Review" }).click();
  await page.getByRole("button", { name: "Add 0.50" }).click();
  expect(await page.textContent(".notice.done")).toContain("adjusted");
  expect(await page.locator(".needs-script:visible").count()).toBe(0);
  await page.context().close();
});

test("a server without any data has a word to say on every page", async () => {
  const empty = await createApi();
  const only = await empty.createAdmin();
  const quiet = listen(empty);
  const { page, complaints } = await openAdmin(browser, { api: empty, baseUrl: quiet.baseUrl, operator: only });
  for (const path of [
    "/admin",
    "/admin/ledger",
    "/admin/cards",
    "/admin/attributions",
    "/admin/attributions/all",
    "/admin/sync",
    "/admin/integrity",
    "/admin/audit",
  ]) {
    await page.goto(path);
    expect([path, (await page.locator(".empty").count()) > 0]).toEqual([path, true]);
    expect(await violationsOn(page)).toEqual([]);
  }
  expect(complaints).toEqual([]);
  await page.context().close();
  await quiet.stop();
});

test("two operators don't share a session", async () => {
  const answers = [await signInByForm(api, admin), await signInByForm(api, admin)];
  expect(new Set(answers.map(cookieOf)).size).toBe(2);
});
