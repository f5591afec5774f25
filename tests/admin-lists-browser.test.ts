// The lists of the admin pages in a real browser: filters, order and pages stand in the address and change in place, new
// entries come in live, and what goes wrong on the way is told.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { openWorld, RARE_AMOUNT } from "./admin-browser-support.ts";
import { newCard } from "./api-support.ts";
import { tabTo, until, untilReady } from "./browser-support.ts";
import { lastEntryOf } from "./operator-support.ts";

setDefaultTimeout(120_000);

const { api, writer, other, entry, open } = await openWorld();
const rowsOf = (page: Page) => page.locator("#list tbody tr").count();

/** Opens a list that changes in place from then on. */
async function goTo(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await untilReady(page);
}

test("keys go to every part, open the list of keys and close it, and stay out of fields", async () => {
  const { page } = await open();
  await goTo(page, "/admin/users");
  for (const [key, path] of Object.entries({
    o: "",
    u: "/users",
    l: "/ledger",
    c: "/cards",
    a: "/attributions",
    s: "/sync",
    i: "/integrity",
    d: "/audit",
  })) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await page.waitForURL(`**/admin${path}`);
  }
  await page.keyboard.press("?");
  expect(await page.locator("#keys").isVisible()).toBe(true);
  await page.keyboard.press("Escape");
  expect(await page.locator("#keys").isVisible()).toBe(false);
  await page.keyboard.press("/");
  await page.keyboard.type("g?u");
  expect(await page.inputValue("#search")).toBe("g?u");
  expect(new URL(page.url()).pathname).toBe("/admin/audit");
  await page.context().close();
});

test("one search box leads to accounts, cards and entries, by whatever one knows of them", async () => {
  const { page } = await open();
  const [card] = await api.sql<
    { id: string; slug: string }[]
  >`SELECT id, slug FROM cards WHERE slug IS NOT NULL LIMIT 1`;
  for (const [text, path] of [
    [writer.name, `/admin/users/${writer.id}`],
    [writer.id, `/admin/users/${writer.id}`],
    [card?.slug ?? "", `/admin/cards/${card?.id}`],
    [card?.id ?? "", `/admin/cards/${card?.id}`],
    [`#${entry}`, `/admin/ledger/${entry}`],
  ] as const) {
    await goTo(page, "/admin");
    await page.keyboard.press("/");
    await page.keyboard.insertText(text);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**${path}`);
  }
  await page.context().close();
});

for (const width of [1280, 390]) {
  test(`a payment is found by amount and day in three actions, at ${width} pixels`, async () => {
    const { page } = await open({ viewport: { width, height: 800 } });
    await goTo(page, "/admin/ledger");
    const today = new Date().toISOString().slice(0, 10);
    await page.fill("#filter-amount", RARE_AMOUNT);
    await page.fill("#filter-from", today);
    await page.fill("#filter-to", today);
    await page.waitForURL(
      url => url.searchParams.get("to") === today && url.searchParams.get("amount") === RARE_AMOUNT,
    );
    await until(async () => (await rowsOf(page)) === 1);
    expect(await page.textContent("#list tbody th")).toContain(`#${entry}`);
    const box = await page.locator("#list tbody td.number").first().boundingBox();
    expect(box && box.x + box.width).toBeLessThanOrEqual(width);
    await page.context().close();
  });
}

test("filters stay with reload and Back, and the focus stays where it was", async () => {
  const { page } = await open();
  await goTo(page, "/admin/users");
  await page.keyboard.press("f");
  // All at once: who pauses while typing has asked for what is there by then, and that is a step of its own for Back.
  await page.keyboard.insertText(writer.name);
  await page.waitForURL(`**/admin/users?q=${writer.name}`);
  await until(async () => (await rowsOf(page)) === 1);
  expect(await page.evaluate("document.activeElement.id")).toBe("filter-q");
  await page.reload();
  await untilReady(page);
  expect(await page.inputValue("#filter-q")).toBe(writer.name);
  expect(await rowsOf(page)).toBe(1);
  await tabTo(page, "Balance");
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
  await until(async () => (await rowsOf(page)) > 1);
  expect(await page.inputValue("#filter-q")).toBe("");
  await page.context().close();
});

test("an order that was chosen in place stays when a filter is added, and Clear is there to take it away", async () => {
  const { page } = await open();
  await goTo(page, "/admin/users");
  expect(await page.getByRole("link", { name: "Clear" }).count()).toBe(0);
  await page.click("#sort-username");
  await page.waitForSelector("th[aria-sort=ascending] #sort-username");
  await page.selectOption("#filter-role", "member");
  await page.waitForURL(url => url.searchParams.get("role") === "member");
  expect(new URL(page.url()).searchParams.get("sort")).toBe("username");
  await page.getByRole("link", { name: "Clear" }).click();
  await page.waitForURL("**/admin/users");
  await goTo(page, `/admin/ledger?transaction_id=${crypto.randomUUID()}`);
  expect(await page.textContent("#kept")).toMatch(/transaction id/);
  await page.context().close();
});

test("pages of a list follow each other, and a bad filter is a message with the form still there", async () => {
  const { page } = await open();
  await goTo(page, "/admin/ledger?limit=5");
  const numbers = () => page.locator("#list tbody th").allTextContents();
  const first = await numbers();
  await tabTo(page, "Next page →");
  await page.keyboard.press("Enter");
  await page.waitForURL("**cursor=*");
  await until(async () => (await numbers())[0] !== first[0]);
  const second = await numbers();
  expect(second.filter(row => first.includes(row))).toEqual([]);
  await page.click("#pager-first");
  await until(async () => (await numbers())[0] === first[0]);
  // The link that was used may be gone from the new page: the focus is on the one that is left.
  expect(await page.evaluate("document.activeElement.id")).toBe("pager-next");
  while ((await page.locator("#pager-next").count()) > 0) {
    const before = page.url();
    await page.keyboard.press("Enter");
    await until(async () => page.url() !== before);
    await page.waitForSelector("#pager-next:focus, #pager-first:focus");
  }
  expect(await page.evaluate("document.activeElement.id")).toBe("pager-first");
  await goTo(page, "/admin/ledger");
  await page.fill("#filter-amount", "much");
  await page.waitForSelector("#problem");
  expect(await page.textContent("#problem")).toContain("amount");
  await page.fill("#filter-amount", "");
  await page.waitForSelector("#list table");
  await page.context().close();
});

test("a filter asks once, and leaving its field asks for nothing: the next page stays the next one", async () => {
  const { page } = await open();
  await goTo(page, "/admin/ledger");
  const asked: string[] = [];
  page.on("request", request => {
    const { pathname, search } = new URL(request.url());
    if (pathname === "/admin/ledger") asked.push(search);
  });
  await page.focus("#filter-user");
  await page.keyboard.insertText(writer.name);
  await page.waitForURL(url => url.searchParams.get("user") === writer.name);
  await page.keyboard.press("Tab");
  await page.selectOption("#filter-type", "publish_reward");
  await page.waitForURL(url => url.searchParams.get("type") === "publish_reward");
  await page.fill("#filter-from", "2026-01-01");
  await page.waitForURL(url => url.searchParams.has("from"));
  await page.keyboard.press("Tab");
  // As long as it waits for more to be typed, and twice that.
  await Bun.sleep(1_000);
  expect(asked).toEqual([
    `?user=${writer.name}`,
    `?user=${writer.name}&type=publish_reward`,
    `?user=${writer.name}&type=publish_reward&from=2026-01-01`,
  ]);
  await page.context().close();
});

test("a list that was slow says so, and one that can't be had stays as it was, with a word why", async () => {
  const { page } = await open();
  await goTo(page, "/admin/users");
  const rows = await rowsOf(page);
  const banner = '<p class="notice warning">This page took 3.0 s.</p>';
  await page.route("**/admin/users?role=member", async route => {
    const response = await route.fetch();
    const text = (await response.text()).replace(/(<div id="slow"[^>]*>)/, `$1${banner}`);
    await route.fulfill({ response, body: text });
  });
  await page.selectOption("#filter-role", "member");
  await page.getByText("This page took 3.0 s.").waitFor();
  await page.selectOption("#filter-role", "");
  await until(async () => (await page.locator("#slow .notice").count()) === 0 && (await rowsOf(page)) === rows);
  await page.route("**/admin/users?role=auditor", route =>
    route.fulfill({ status: 503, contentType: "text/html", body: "<html><body><h1>Not available</h1></body></html>" }),
  );
  await page.selectOption("#filter-role", "auditor");
  await page.getByText("The server could not answer (503)").waitFor();
  expect(await rowsOf(page)).toBe(rows);
  await page.route("**/admin/users?role=admin", route => route.abort("connectionrefused"));
  await page.selectOption("#filter-role", "admin");
  await page.getByText("The server can't be reached").waitFor();
  expect(await rowsOf(page)).toBe(rows);
  await page.unrouteAll();
  await page.selectOption("#filter-role", "member");
  await until(async () => (await page.textContent("#trouble")) === "");
  await page.context().close();
});

test("a new entry is in the list within a second, unless it is paused, and what was missed comes then", async () => {
  const { page, complaints } = await open();
  for (const path of ["/admin/ledger", "/admin"]) {
    await goTo(page, path);
    await page.waitForSelector(".tail[data-state=live]");
    const top = async () => (await page.textContent("#entries-body tr:first-child th"))?.trim();
    // The quickest of several: other programs may have the machine for a moment.
    let quickestMs = Number.POSITIVE_INFINITY;
    for (let no = 0; no < 5 && quickestMs >= 1_000; no++) {
      await api.publishCard(writer.key, newCard());
      const committedAt = performance.now();
      const newest = `#${await lastEntryOf(api, writer.id)}`;
      await until(async () => (await top()) === newest);
      quickestMs = Math.min(quickestMs, performance.now() - committedAt);
    }
    expect(quickestMs).toBeLessThan(1_000);

    await page.keyboard.press("p");
    await page.waitForSelector(".tail[data-state=paused]");
    const before = await top();
    await api.publishCard(writer.key, newCard());
    const missed = `#${await lastEntryOf(api, writer.id)}`;
    await until(async () => (await page.textContent("[data-tail-state]"))?.includes("1 new") ?? false);
    expect(await top()).toBe(before);
    await tabTo(page, "Pause", "button");
    await page.keyboard.press("Enter");
    await until(async () => (await top()) === missed);
  }
  await goTo(page, `/admin/ledger?user=${other.name}`);
  await page.waitForSelector(".tail[data-state=live]");
  const count = await page.locator("#entries-body tr").count();
  await api.publishCard(writer.key, newCard());
  await api.publishCard(other.key, newCard());
  const own = `#${await lastEntryOf(api, other.id)}`;
  await until(async () => (await page.textContent("#entries-body tr:first-child th"))?.trim() === own);
  expect(await page.locator("#entries-body tr").count()).toBe(count + 1);
  expect(complaints).toEqual([]);
  await page.context().close();
});

/** As if another tab were looked at, or this one again. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"))`);
}

test("six live tabs leave the browser connections to the server, and a tab that is looked at again has missed nothing", async () => {
  const { page } = await open();
  const tabs = await Promise.all(Array.from({ length: 7 }, () => page.context().newPage()));
  for (const tab of tabs) {
    await tab.goto("/admin/ledger");
    await tab.waitForSelector(".tail[data-state=live]");
    await setHidden(tab, true);
  }
  await goTo(page, "/admin/users");
  const [tab, other] = tabs as [Page, Page];
  await api.publishCard(writer.key, newCard());
  const newest = `#${await lastEntryOf(api, writer.id)}`;
  await setHidden(tab, false);
  await tab.waitForSelector(`#entries-body tr:first-child th:has-text("${newest}")`);
  // More than a page: what lies between is not left out.
  const rows = await rowsOf(other);
  await api.publish(
    writer.key,
    Array.from({ length: 60 }, () => newCard()),
  );
  const last = `#${await lastEntryOf(api, writer.id)}`;
  await setHidden(other, false);
  await other.waitForSelector(`#entries-body tr:first-child th:has-text("${last}")`);
  const numbers = (await other.locator("#entries-body th").allTextContents()).map(text => Number(text.trim().slice(1)));
  expect([rows > 0, numbers]).toEqual([true, numbers.map((_, at) => (numbers[0] ?? 0) - at)]);
  await page.context().close();
});

test("a live list without a server says so, and goes on when it is back", async () => {
  const { page } = await open();
  await goTo(page, "/admin/ledger");
  await page.waitForSelector(".tail[data-state=live]");
  await page.route("**/admin/ledger/tail*", route => route.abort("connectionrefused"));
  await page.evaluate("tail.connect()");
  await until(async () => (await page.textContent("[data-tail-state]"))?.includes("can't be reached") ?? false);
  await page.unrouteAll();
  await page.waitForSelector(".tail[data-state=live]");
  await page.context().close();
});

test("a live list whose session has ended says that it is not live any more", async () => {
  const operator = await api.registerOperator("auditor");
  const { page } = await open({}, operator);
  await goTo(page, "/admin/ledger");
  await page.waitForSelector(".tail[data-state=live]");
  await api.sql`DELETE FROM operator_sessions WHERE user_id = ${operator.id}`;
  // As after a moment without a network.
  await page.evaluate("tail.close(), tail.connect()");
  await page.waitForSelector(".tail[data-state=ended]");
  expect(await page.textContent("[data-tail-state]")).toContain("Not live any more");
  await page.context().close();
});

test("an id is copied by its button", async () => {
  const { page } = await open({ permissions: ["clipboard-read", "clipboard-write"] });
  await goTo(page, `/admin/users/${writer.id}`);
  await tabTo(page, "Copy the account's id", "button");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".copied");
  expect(await page.evaluate("navigator.clipboard.readText()")).toBe(writer.id);
  await page.context().close();
});
