// The pages of accounts, and what admins change there: only after they saw before and after, once, and with a record.

import { expect, test } from "bun:test";
import { labelled } from "../views/admin/charts.tsx";
import { hiddenFields, problemOf, signedIn } from "./admin-page-support.ts";
import { type Api, createApi } from "./api-support.ts";
import { adjust, balanceOf, recordsAbout } from "./operator-support.ts";
import { select } from "./page-support.ts";

const api: Api = await createApi();
const admin = await api.registerOperator("admin");
const auditor = await api.registerOperator("auditor");
const visitor = await signedIn(api, admin);
const reader = await signedIn(api, auditor);
const asked = { type: "bonus", amount: "2.50", reason: "Ticket 4711." };

async function review(id: string, fields: Record<string, string> = asked) {
  const shown = await visitor.post(`/admin/users/${id}/adjust`, { ...fields, step: "review" });
  return { ...shown, fields: { ...hiddenFields(shown.html), step: "post" } };
}

test("an adjustment shows the balance before and after, and then is made, with its reason in the log", async () => {
  const { id } = await api.register();
  const { html, fields } = await review(id);
  expect(select(html, ".before").map(({ text }) => text)).toEqual(["10.00"]);
  expect(select(html, ".after").map(({ text }) => text)).toEqual(["12.50"]);
  expect(await balanceOf(api, id)).toBe("10.00");
  const done = await visitor.post(`/admin/users/${id}/adjust`, fields);
  expect(done.status).toBe(303);
  const after = await visitor.get(done.location ?? "");
  expect(select(after.html, "#balance")[0]?.text).toBe("12.50");
  expect(select(after.html, ".notice.done a")[0]?.attributes.href).toMatch(/^\/admin\/ledger\/\d+$/);
  const [record] = await recordsAbout(api, admin, id);
  expect(record).toMatchObject({ action: "balance_adjusted", reason: "Ticket 4711.", actor_id: admin.id });
  expect([record?.before, record?.after]).toEqual([{ balance: "10.00" }, { balance: "12.50" }]);
});

test("a form that is sent twice, at once or later, adjusts once", async () => {
  const { id } = await api.register();
  const { fields } = await review(id);
  const path = `/admin/users/${id}/adjust`;
  const answers = await Promise.all(Array.from({ length: 8 }, () => visitor.post(path, fields)));
  answers.push(await visitor.post(path, fields));
  expect(new Set(answers.map(({ status, location }) => `${status} ${location}`)).size).toBe(1);
  expect(answers[0]?.status).toBe(303);
  expect(await balanceOf(api, id)).toBe("12.50");
});

test("an adjustment that was decided by another balance is refused, and says what there is by now", async () => {
  const { id } = await api.register();
  const { fields } = await review(id);
  await adjust(api, admin, id, { amount: "1.00" });
  const late = await visitor.post(`/admin/users/${id}/adjust`, fields);
  expect(late.status).toBe(412);
  expect(problemOf(late.html)).toContain("11.00");
  expect(await balanceOf(api, id)).toBe("11.00");
});

test("of two that were decided by the same balance one is made", async () => {
  const { id } = await api.register();
  const forms = [await review(id), await review(id, { ...asked, type: "penalty" })];
  const answers = await Promise.all(forms.map(({ fields }) => visitor.post(`/admin/users/${id}/adjust`, fields)));
  expect(answers.map(({ status }) => status).sort()).toEqual([303, 412]);
});

test("what can't be adjusted is told beside the form, with what was typed still in it", async () => {
  const { id } = await api.register();
  const bad: [Record<string, string>, number, RegExp][] = [
    [{ ...asked, amount: "1.234" }, 422, /amount/],
    [{ ...asked, amount: "0" }, 422, /zero/],
    [{ ...asked, amount: "-1.00" }, 422, /sign follows/],
    [{ ...asked, amount: "NaN" }, 422, /amount/],
    [{ ...asked, type: "gift" }, 422, /type/],
    [{ ...asked, reason: " \n " }, 422, /reason/],
    [{ ...asked, reason: "x".repeat(2001) }, 422, /reason/],
    [{ ...asked, type: "penalty", amount: "10.01" }, 402, /10\.00/],
    [{ ...asked, reason: "a\0b" }, 422, /reason/],
  ];
  for (const [fields, status, message] of bad) {
    const { html, ...shown } = await review(id, fields);
    expect([fields, shown.status]).toEqual([fields, status]);
    expect(problemOf(html)).toMatch(message);
    expect(select(html, "input[name=amount]")[0]?.attributes.value).toBe(fields.amount ?? "");
  }
  for (const lacking of ["balance_before", "idempotency_key"]) {
    const { fields } = await review(id);
    const { status } = await visitor.post(`/admin/users/${id}/adjust`, { ...fields, [lacking]: "" });
    expect([lacking, status]).toEqual([lacking, 422]);
  }
  expect(await balanceOf(api, id)).toBe("10.00");
});

test("an auditor sees the account, finds nothing to change on it, and can't by sending forms either", async () => {
  const { id, name } = await api.register();
  const { html, status } = await reader.get(`/admin/users/${id}`);
  expect(status).toBe(200);
  expect(html).toContain(name);
  expect(select(html, "main form, main nav.actions")).toHaveLength(0);
  const { fields } = await review(id);
  for (const [what, more] of Object.entries({
    adjust: fields,
    deactivate: {},
    activate: {},
    "rotate-key": { api_key_prefix: "ext_" },
    role: { role: "admin" },
  })) {
    const answer = await reader.post(`/admin/users/${id}/${what}`, { reason: "why not", confirm: name, ...more });
    expect([what, answer.status, problemOf(answer.html)]).toEqual([
      what,
      403,
      expect.stringContaining("Only an admin"),
    ]);
  }
  expect(await recordsAbout(api, admin, id)).toEqual([]);
  expect(await balanceOf(api, id)).toBe("10.00");
});

test("what was done is told where the log has it, and not because an address says so", async () => {
  const { id, name } = await api.register();
  const told = async (query: string, by = visitor) => {
    const { html } = await by.get(`/admin/users/${id}?${query}`);
    return select(html, ".notice.done").map(({ text }) => text.replace(/\s+/g, " ").trim());
  };
  for (const done of ["adjusted", "adjusted&entry=1", "activate", "deactivate", "role"]) {
    expect([done, await told(`done=${done}`)]).toEqual([done, []]);
  }
  await visitor.post(`/admin/users/${id}/deactivate`, { reason: "Key on a public page.", confirm: name });
  expect(await told("done=deactivate")).toEqual(["The account is deactivated. Its keys have stopped working."]);
  expect([await told("done=activate"), await told("done=deactivate", reader)]).toEqual([[], []]);
  await adjust(api, admin, id, { amount: "1.00" });
  expect(await told("done=deactivate")).toEqual([]);
  expect(await told("done=adjusted")).toEqual([expect.stringMatching(/^The balance was adjusted\. Entry #\d+$/)]);
});

test("a role that the account has already is no change", async () => {
  const { id, name } = await api.register();
  const answer = await visitor.post(`/admin/users/${id}/role`, { role: "member", reason: "Why not.", confirm: name });
  expect([answer.status, problemOf(answer.html)]).toEqual([422, expect.stringContaining(`${name} is member already`)]);
  expect(select(answer.html, "[name=reason]")[0]?.text ?? answer.html).toContain("Why not.");
  expect(await recordsAbout(api, admin, id)).toEqual([]);
});

test("an adjustment beyond what an account can hold is told of before it is confirmed", async () => {
  const { id } = await api.register();
  const most = { ...asked, amount: "999999999999999989.99" };
  expect(select((await review(id, most)).html, ".after").map(({ text }) => text)).toEqual([
    "999,999,999,999,999,999.99",
  ]);
  const more = await review(id, { ...asked, amount: "999999999999999990.00" });
  expect([more.status, problemOf(more.html)]).toEqual([422, expect.stringContaining("it would hold more than")]);
  expect(select(more.html, "[name=amount]")[0]?.attributes.value).toBe("999999999999999990.00");
});

test("amounts are taken as pages show them", async () => {
  const { id } = await api.register();
  for (const [amount, after] of [
    ["+1,000.50", "1,010.50"],
    ["−1.25", "8.75"],
    [" 1,234,567 ", "1,234,577.00"],
    ["1", "11.00"],
  ] as const) {
    const { html } = await review(id, { ...asked, type: "admin_adjustment", amount });
    expect([amount, select(html, ".after").map(({ text }) => text)]).toEqual([amount, [after]]);
  }
  for (const amount of ["1,00", "12,34.00", "+-1", "1.000,00", "−", "+"]) {
    const { status, html } = await review(id, { ...asked, type: "admin_adjustment", amount });
    expect([amount, status, problemOf(html)]).toEqual([amount, 422, expect.stringContaining('such as "1.00"')]);
  }
  const shown = await visitor.get(
    `/admin/ledger?amount_min=${encodeURIComponent("−1,000.00")}&amount_max=%2B1,000.00&amount=`,
  );
  expect([shown.status, problemOf(shown.html)]).toEqual([200, ""]);
});

test("deactivating, a new key and another role want the username typed, and a reason", async () => {
  const { id, name } = await api.register();
  for (const what of ["deactivate", "rotate-key", "role"]) {
    for (const fields of [
      { reason: "Asked for." },
      { reason: "Asked for.", confirm: "somebody-else" },
      { reason: " ", confirm: name },
    ]) {
      const answer = await visitor.post(`/admin/users/${id}/${what}`, { role: "auditor", ...fields });
      expect([what, answer.status]).toEqual([what, 422]);
    }
  }
  expect(await recordsAbout(api, admin, id)).toEqual([]);
});

test("an account is deactivated and activated again, and both are recorded once", async () => {
  const { id, name, key } = await api.register();
  const fields = { reason: "Key on a public page.", confirm: name };
  for (const _ of [1, 2]) {
    expect((await visitor.post(`/admin/users/${id}/deactivate`, fields)).location).toBe(
      `/admin/users/${id}?done=deactivate`,
    );
  }
  expect((await api.call("GET", "/api/me", { key })).status).toBe(401);
  expect((await visitor.get(`/admin/users/${id}`)).html).toContain("deactivated");
  await visitor.post(`/admin/users/${id}/activate`, { reason: "All is well." });
  expect((await api.call("GET", "/api/me", { key })).status).toBe(200);
  const actions = (await recordsAbout(api, admin, id)).map(({ action }) => action);
  expect(actions).toEqual(["account_activated", "account_deactivated"]);
});

test("a new key is shown once and works, and the same form can't replace that one, too", async () => {
  const { id, name } = await api.register();
  const form = await visitor.get(`/admin/users/${id}/rotate-key`);
  const fields = { ...hiddenFields(form.html), reason: "Lost it.", confirm: name };
  const answers = await Promise.all([1, 2].map(() => visitor.post(`/admin/users/${id}/rotate-key`, fields)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  const html = answers.find(({ status }) => status === 200)?.html ?? "";
  const key = select(html, ".secret code")[0]?.text ?? "";
  expect((await api.call("GET", "/api/me", { key })).status).toBe(200);
  expect((await visitor.get(`/admin/users/${id}`)).html).not.toContain(key);
});

test("the system's account and erased ones have no form that would be refused in the end", async () => {
  const gone = await api.register();
  await api.call("DELETE", "/api/me", { key: gone.key });
  for (const id of [gone.id, "00000000-0000-0000-0000-000000000000"]) {
    for (const change of ["adjust", "deactivate", "activate", "rotate-key", "role"]) {
      const shown = await visitor.get(`/admin/users/${id}/${change}`);
      expect([change, shown.status]).toEqual([change, 404]);
      expect(shown.html).toContain("can&#x27;t be changed");
    }
    expect((await review(id)).status).toBe(404);
    expect((await visitor.get(`/admin/users/${id}`)).status).toBe(200);
  }
});

test("a movement that can't be reversed has no form for it, and the page says why", async () => {
  const [gone, { id }] = [await api.register(), await api.register()];
  const entryOf = async (account: string) => (await adjust(api, admin, account, {})).body.entries[0]?.id;
  const reversed = await entryOf(id);
  const opened = await visitor.get(`/admin/ledger/${reversed}/reverse`);
  expect(opened.status).toBe(200);
  const done = await visitor.post(`/admin/ledger/${reversed}/reverse`, {
    ...hiddenFields(opened.html),
    reason: "Wrong.",
  });
  const reversal = /ledger\/(\d+)/.exec(done.location ?? "")?.[1];
  const ofErased = await entryOf(gone.id);
  await api.call("DELETE", "/api/me", { key: gone.key });
  const again = await visitor.post(`/admin/ledger/${reversed}/reverse`, {
    ...hiddenFields((await visitor.get(`/admin/ledger/${ofErased}/reverse`)).html),
    idempotency_key: crypto.randomUUID(),
    reason: "From another tab.",
  });
  expect([again.status, select(again.html, "main form").length]).toEqual([409, 0]);
  for (const [entry, title] of [
    [reversed, "was reversed before"],
    [reversal, "can't be reversed"],
    [ofErased, "can't be reversed"],
  ] as const) {
    const shown = await visitor.get(`/admin/ledger/${entry}/reverse`);
    expect([entry, shown.status, select(shown.html, "main form").length]).toEqual([entry, 409, 0]);
    expect(select(shown.html, "h1")[0]?.text).toContain(title);
  }
});

test("a reversal is offered only where it can be done, and the entry says why it is not", async () => {
  const [gone, spent, { id }] = [await api.register(), await api.register(), await api.register()];
  const entryOf = async (account: string, amount: string) =>
    (await adjust(api, admin, account, { amount })).body.entries[0]?.id;
  const [open, ofErased, ofSpent] = [
    await entryOf(id, "5.00"),
    await entryOf(gone.id, "5.00"),
    await entryOf(spent.id, "7.00"),
  ];
  await api.call("DELETE", "/api/me", { key: gone.key });
  await adjust(api, admin, spent.id, { type: "penalty", amount: "15.00" });
  const offers = async (entry: string | undefined) => {
    const { html } = await visitor.get(`/admin/ledger/${entry}`);
    const texts = select(html, ".actions .soft").map(({ text }) => text.trim());
    return [select(html, ".actions a.button.danger").length, ...texts];
  };
  expect(await offers(open)).toEqual([1]);
  expect(await offers(ofErased)).toEqual([0, "Can't be reversed: the account is erased."]);
  expect(await offers(ofSpent)).toEqual([
    0,
    `Can't be reversed now: ${spent.name} has 2.00, and 7.00 would be taken back.`,
  ]);
});

test("a form that was sent before its account was erased is answered as it was then", async () => {
  const { id, key } = await api.register();
  const { fields } = await review(id);
  const path = `/admin/users/${id}/adjust`;
  const first = await visitor.post(path, fields);
  await api.call("DELETE", "/api/me", { key });
  const again = await visitor.post(path, fields);
  expect([again.status, again.location]).toEqual([303, first.location]);
});

test("the chart of a balance names moments that differ: times of a day, days, years", async () => {
  const { id } = await api.register();
  await Bun.sleep(20);
  await adjust(api, admin, id, { amount: "1.00" });
  const { html } = await visitor.get(`/admin/users/${id}`);
  const moments = select(html, ".chart .tick").filter(({ text }) => text.includes(":"));
  expect(moments.length).toBeGreaterThan(0);
  expect(new Set(moments.map(({ text }) => text)).size).toBe(moments.length);
  const labelsOf = (...moments: string[]) => labelled(moments.map(at => new Date(at))).map(({ label }) => label);
  expect(labelsOf("2026-11-22T12:00Z", "2026-11-23", "2026-11-23T12:00Z")).toEqual(["12:00", "23 Nov", "12:00"]);
  expect(labelsOf("2026-11-23T01:45:10.250Z", "2026-11-23T01:45:10.5Z")).toEqual(["01:45:10"]);
  expect(labelsOf("2025-01-01", "2025-07-01", "2026-01-01")).toEqual(["2025", "1 Jul", "2026"]);
});

test("the last admin stays one", async () => {
  const alone = await createApi();
  const only = await alone.createAdmin();
  const { post } = await signedIn(alone, only);
  const answer = await post(`/admin/users/${only.id}/role`, { role: "member", reason: "Tired.", confirm: only.name });
  expect([answer.status, problemOf(answer.html)]).toEqual([409, expect.stringContaining("last active admin")]);
});

test("accounts are found by what they begin with, filtered and sorted, and a page leads to the next one", async () => {
  const prefix = `list-${crypto.randomUUID().slice(0, 8)}`;
  for (let no = 0; no < 3; no++) await api.register(`${prefix}-${no}`);
  const namesOf = (html: string) => select(html, "tbody th a").map(({ text }) => text);
  const first = await visitor.get(`/admin/users?q=${prefix}&sort=username&limit=2`);
  expect(namesOf(first.html)).toEqual([`${prefix}-0`, `${prefix}-1`]);
  const next = select(first.html, "a[rel=next]")[0]?.attributes.href ?? "";
  const second = await visitor.get(next);
  expect(namesOf(second.html)).toEqual([`${prefix}-2`]);
  expect(select(second.html, "th[aria-sort]").map(({ attributes }) => attributes["aria-sort"])).toEqual(["ascending"]);
  expect((await visitor.get(`/admin/users?q=${prefix}&role=admin`)).html).toContain("No account begins like that");
});

test("nonsense in a filter, a sort or a cursor is a message above the list, and an id that is none is nothing", async () => {
  for (const query of [
    "role=king",
    "sort=password",
    "cursor=%00",
    "active=maybe",
    "limit=0",
    "limit=1e9",
    "unknown=1",
    "q=%00",
  ]) {
    const { status, html } = await visitor.get(`/admin/users?${query}`);
    expect([query, status, problemOf(html) !== ""]).toEqual([query, 422, true]);
    expect(select(html, "form.filters")).toHaveLength(1);
  }
  for (const id of ["x", "1", crypto.randomUUID(), "..%2f", "%00", `${admin.id}0`]) {
    const { status, html } = await visitor.get(`/admin/users/${id}`);
    expect([id, status, problemOf(html) !== ""]).toEqual([id, 404, true]);
  }
});

test("the only active admin is not offered what would leave nobody to administer", async () => {
  const changesOf = async (id: string) => {
    const { html } = await visitor.get(`/admin/users/${id}`);
    return select(html, ".actions a.button").map(({ text }) => text.trim());
  };
  expect(await changesOf(admin.id)).toEqual(["Adjust balance", "New key"]);
  await api.registerOperator("admin");
  expect(await changesOf(admin.id)).toEqual(["Adjust balance", "Change role", "New key", "Deactivate"]);
});
