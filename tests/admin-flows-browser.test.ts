// What operators do on the admin pages, in a real browser: signing in, correcting a balance, checking the books, and
// what happens when the session, the balance or the form is not what it was.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { openWorld } from "./admin-browser-support.ts";
import { cookieOf, signInByForm, tabTo, until, untilReady } from "./browser-support.ts";
import { adjust, balanceOf, recordsAbout } from "./operator-support.ts";

setDefaultTimeout(120_000);

const { api, admin, writer, other, baseUrl, open } = await openWorld();

/** An account of its own for a test that counts what was done to it. */
const someone = () => api.register();

const follow = async (page: Page, name: string, role: "link" | "button" = "link") => {
  await tabTo(page, name, role);
  await page.keyboard.press("Enter");
};

for (const width of [1280, 390]) {
  test(`an operator adjusts a balance and reverses that at ${width} pixels, with the keyboard alone`, async () => {
    const { id, name } = await someone();
    const { page, complaints } = await open({ viewport: { width, height: 800 } });
    await page.goto("/admin");
    await page.keyboard.press("/");
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/admin/users/${id}`);

    await follow(page, "Adjust balance");
    await page.waitForSelector("[name=amount]:focus");
    await page.keyboard.type("1.25");
    await page.keyboard.press("Tab");
    await page.keyboard.type("Ticket 12, with the keyboard.");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector("button[value=post]:focus");
    const shown = ["before", "after"].map(cell => page.textContent(`.before-after td.${cell}`));
    expect(await Promise.all(shown)).toEqual(["10.00", "11.25"]);
    expect(await page.textContent("main")).toContain("Ticket 12, with the keyboard.");
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
    expect(await balanceOf(api, id)).toBe("10.00");
    await page.keyboard.press("Enter");
    await page.waitForURL(url => url.searchParams.get("done") === "adjusted");
    expect(await balanceOf(api, id)).toBe("11.25");

    const entry = (await page.textContent(".notice.done a")) ?? "";
    await follow(page, entry);
    await page.waitForURL("**/admin/ledger/*");
    await follow(page, "Reverse");
    await page.waitForURL("**/reverse");
    await page.waitForSelector("textarea:focus");
    expect(await page.locator(".before-after td").allTextContents()).toEqual(["11.25", "−1.25", "10.00"]);
    await page.keyboard.type("Was the wrong account.");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL(url => url.searchParams.get("done") === "reversed");
    expect(await balanceOf(api, id)).toBe("10.00");
    const [reversed, adjusted] = await recordsAbout(api, admin, id);
    expect([adjusted?.reason, reversed?.reason]).toEqual(["Ticket 12, with the keyboard.", "Was the wrong account."]);

    await page.goto(`/admin/audit?user_id=${name}`);
    const rows = await page.locator("#list tbody tr").allTextContents();
    expect(rows[1]).toContain("10.00 → 11.25");
    expect(rows.map(row => row.includes(admin.name))).toEqual([true, true]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
}

test("an account is deactivated with a reason and its name typed, and activated again, with the keyboard alone", async () => {
  const { id, name, key } = await someone();
  const { page } = await open();
  await page.goto(`/admin/users/${id}`);
  await follow(page, "Deactivate");
  await page.waitForSelector("textarea:focus");
  await page.keyboard.type("Key on a public page.");
  await page.keyboard.press("Tab");
  await page.keyboard.type("somebody");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#problem");
  expect(await page.textContent("#problem")).toContain(`Type the username, ${name}.`);
  expect(await page.inputValue("textarea")).toBe("Key on a public page.");
  expect((await api.call("GET", "/api/me", { key })).status).toBe(200);
  await page.fill("[name=confirm]", name);
  await page.keyboard.press("Enter");
  await page.waitForURL(url => url.searchParams.get("done") === "deactivate");
  expect((await api.call("GET", "/api/me", { key })).status).toBe(401);
  await follow(page, "Activate");
  await page.waitForSelector("textarea:focus");
  await page.keyboard.type("All is well.");
  await follow(page, "Activate the account", "button");
  await page.waitForURL(url => url.searchParams.get("done") === "activate");
  expect((await api.call("GET", "/api/me", { key })).status).toBe(200);
  await page.context().close();
});

/** The page that shows before and after, from which there is one click left. */
async function review(page: Page, id: string, amount: string) {
  await page.goto(`/admin/users/${id}/adjust`);
  await page.fill("[name=amount]", amount);
  await page.fill("[name=reason]", "Found a mistake.");
  await page.getByRole("button", { name: "Review" }).click();
  await page.waitForSelector("button[value=post]");
}

test("an adjustment that was decided by an old balance changes nothing, says what there is, and can be made anew", async () => {
  const { id } = await someone();
  const { page } = await open();
  await review(page, id, "2.00");
  await adjust(api, admin, id, { amount: "5.00" });
  await page.click("button[value=post]");
  await page.waitForSelector("#problem");
  expect(await page.textContent("#problem")).toContain("The account holds 15.00 by now. Nothing was moved");
  expect(await balanceOf(api, id)).toBe("15.00");
  expect([await page.inputValue("[name=amount]"), await page.inputValue("[name=reason]")]).toEqual([
    "2.00",
    "Found a mistake.",
  ]);
  await page.getByRole("button", { name: "Review" }).click();
  await page.click("button[value=post]");
  await page.waitForURL(url => url.searchParams.get("done") === "adjusted");
  expect(await balanceOf(api, id)).toBe("17.00");
  await page.context().close();
});

test("back from an adjustment leads to the form, empty, and reloading the review sends nothing", async () => {
  const { id } = await someone();
  const { page, complaints } = await open();
  await page.goto(`/admin/users/${id}/adjust`);
  await page.fill("[name=amount]", "1.25");
  await page.fill("[name=reason]", "Ticket 13.");
  await page.click("button[value=review]");
  await page.waitForSelector("button[value=post]");
  await page.click("button[value=post]");
  await page.waitForURL(url => url.searchParams.get("done") === "adjusted");
  await page.goBack();
  expect([new URL(page.url()).pathname, await page.inputValue("[name=amount]")]).toEqual([
    `/admin/users/${id}/adjust`,
    "",
  ]);
  await page.reload();
  expect(await page.inputValue("[name=amount]")).toBe("");
  expect(await balanceOf(api, id)).toBe("11.25");
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a form that is sent again from the page before does its work once, and says so where it was changed", async () => {
  const { id } = await someone();
  const { page } = await open();
  await review(page, id, "2.00");
  await page.dblclick("button[value=post]");
  await page.waitForURL(url => url.searchParams.get("done") === "adjusted");
  expect(await balanceOf(api, id)).toBe("12.00");
  await page.click(".notice.done a");
  await page.getByRole("link", { name: "Reverse" }).click();
  // As it stands in a page that was kept: pages of operators are not, but somebody may have two of them open.
  const form = await page.locator("main form").evaluate(element =>
    // @ts-expect-error the page's own, whose types the server's code has not
    Object.fromEntries(new FormData(element)),
  );
  await page.fill("textarea", "Wrong account.");
  await page.getByRole("button", { name: "Reverse the movement" }).click();
  await page.waitForURL(url => url.searchParams.get("done") === "reversed");
  const reversal = page.url();
  const entry = (await page.locator(".notice.done a").textContent())?.slice(1);
  const again = (reason: string) =>
    page.request.post(`/admin/ledger/${entry}/reverse`, {
      form: { ...form, reason },
      headers: { origin: baseUrl, "sec-fetch-site": "same-origin" },
      maxRedirects: 0,
    });
  const same = await again("Wrong account.");
  expect([same.status(), new URL(same.headers().location ?? "", baseUrl).href]).toEqual([303, reversal]);
  const other = await again("Another reason.");
  expect([other.status(), await other.text()]).toEqual([422, expect.stringContaining("This form was sent before")]);
  expect(await balanceOf(api, id)).toBe("10.00");
  await page.context().close();
});

test("a form that is sent after signing out elsewhere changes nothing, says so, and leads back to itself", async () => {
  const { id } = await someone();
  const operator = await api.registerOperator("admin");
  const { page } = await open({}, operator);
  await review(page, id, "2.00");
  const elsewhere = await page.context().newPage();
  await elsewhere.goto("/admin");
  await elsewhere.getByRole("button", { name: operator.name }).click();
  await elsewhere.getByRole("button", { name: "Sign out" }).click();
  await elsewhere.waitForURL("**/sign-in");
  await page.click("button[value=post]");
  await page.waitForURL("**/sign-in?**");
  expect(await page.textContent(".notice")).toContain("nothing was changed");
  expect(await balanceOf(api, id)).toBe("10.00");
  await page.fill("[name=username]", operator.name);
  await page.fill("[name=api_key]", operator.key);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/admin/users/${id}/adjust`);
  await page.context().close();
});

test("a page of another origin can't send a form", async () => {
  const { id, name } = await someone();
  const { page } = await open();
  const evil = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () =>
      new Response(
        `<form method="post" action="${baseUrl}/admin/users/${id}/deactivate">
        <input name="reason" value="x"><input name="confirm" value="${name}"><button>Win a prize</button></form>`,
        { headers: { "content-type": "text/html" } },
      ),
  });
  try {
    await page.goto(`http://127.0.0.1:${evil.port}/`);
    await page.click("button");
    await page.waitForURL(`**/admin/users/${id}/deactivate`);
    expect(await page.textContent("#problem")).toContain("Nothing was changed");
  } finally {
    await evil.stop(true);
  }
  expect(await recordsAbout(api, admin, id)).toEqual([]);
  await page.context().close();
});

test("signing in leads to where one wanted to go, and back there when the session has ended", async () => {
  const operator = await api.registerOperator("admin");
  const { page } = await open({}, operator);
  await page.context().clearCookies();
  const list = `/admin/users?q=${writer.name}`;
  await page.goto(list);
  expect(await page.textContent("main")).toContain("60 minutes");
  expect(await page.locator(".notice").count()).toBe(0);
  await page.keyboard.type(operator.name);
  await page.keyboard.press("Tab");
  await page.keyboard.type(operator.key);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${list}`);
  await untilReady(page);
  await api.sql`DELETE FROM operator_sessions WHERE user_id = ${operator.id}`;
  await page.selectOption("#filter-role", "member");
  await page.waitForURL("**/sign-in?**");
  expect(await page.textContent(".notice")).toContain("Your session has ended");
  await page.fill("[name=username]", operator.name);
  await page.fill("[name=api_key]", operator.key);
  await page.keyboard.press("Enter");
  // What was chosen last, and not the list as it was before.
  await page.waitForURL(`**${list}&role=member`);
  expect(await page.locator("#list tbody tr").count()).toBe(1);
  await page.context().close();
});

test("an operator sees where they are signed in, and ends one session, this one, or all", async () => {
  const operator = await api.registerOperator("auditor");
  const forgotten = cookieOf(await signInByForm(api, operator));
  const { page } = await open({}, operator);
  const isOpen = async (cookie: string) =>
    (await api.app.handle(new Request("http://localhost/admin/users", { headers: { cookie } }))).status === 200;
  await page.goto("/admin");
  await page.getByRole("button", { name: operator.name }).click();
  expect(await page.textContent("#account")).toMatch(/This one ends at \d\d:\d\d UTC/);
  await page.getByRole("link", { name: "Your sessions" }).click();
  await page.waitForURL("**/admin/sessions");
  expect(await page.locator("tbody tr").count()).toBe(2);
  expect(await page.locator("tbody tr", { hasText: "this one" }).count()).toBe(1);
  await page.getByRole("button", { name: "End it" }).click();
  await until(async () => (await page.locator("tbody tr").count()) === 1);
  expect(await isOpen(forgotten)).toBe(false);
  const another = cookieOf(await signInByForm(api, operator));
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.waitForURL("**/sign-in");
  expect(await isOpen(another)).toBe(false);
  await page.context().close();
});

test("an admin has everything checked, and the overview says when that was, and whether it was right", async () => {
  const { page } = await open();
  await page.goto("/admin/integrity");
  await page.getByRole("button", { name: "Check everything" }).click();
  await page.getByText("The books are right").waitFor();
  expect(await page.locator("tbody .badge.good").count()).toBe(11);
  await page.goto("/admin");
  expect(await page.textContent(".integrity")).toContain("found right");
  await api.sql.begin(async tx => {
    await tx`SET LOCAL session_replication_role = replica`;
    await tx`UPDATE cards SET extropy_earned = extropy_earned + 1 WHERE user_id = ${other.id}`;
  });
  await page.goto("/admin/integrity");
  await page.getByRole("button", { name: "Check everything" }).click();
  await page.getByText("The books are wrong").waitFor();
  expect(await page.locator("tr", { hasText: "violations" }).locator("th").allTextContents()).toEqual(["cards"]);
  await page.goto("/admin");
  expect(await page.textContent(".integrity")).toContain("found wrong");
  await page.context().close();
});

test("everything works without a script", async () => {
  const { name } = await someone();
  const { page } = await open({ javaScriptEnabled: false });
  await page.goto("/admin/users");
  await page.fill("#filter-q", name);
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("link", { name }).click();
  await page.getByRole("link", { name: "Adjust balance" }).click();
  await page.fill("[name=amount]", "0.50");
  await page.fill("[name=reason]", "No script.");
  await page.getByRole("button", { name: "Review" }).click();
  await page.getByRole("button", { name: "Add 0.50" }).click();
  expect(await page.textContent(".notice.done")).toContain("adjusted");
  expect(await page.locator(".needs-script:visible").count()).toBe(0);
  await page.getByRole("button", { name: admin.name }).click();
  await page.getByRole("link", { name: "Your sessions" }).click();
  await page.getByRole("button", { name: "Sign out everywhere" }).waitFor();
  await page.context().close();
});
