// What a page says when the database takes too long for it: a notice in its own frame, and what would be quicker.

import { expect, setDefaultTimeout, test } from "bun:test";
import { signedIn } from "./admin-page-support.ts";
import { makeWorld } from "./admin-support.ts";
import { createApi } from "./api-support.ts";
import { select } from "./page-support.ts";

setDefaultTimeout(60_000);

test("a list that takes too long is a notice that asks for less, with the filters still there", async () => {
  const api = await createApi();
  const { admin, writers } = await makeWorld(api);
  const { get } = await signedIn(api, admin);
  const lists = ["/admin/ledger?amount=7.77", "/admin/cards?q=title", "/admin/attributions/all?type=remix"];
  const shown = await api.sql.begin(async tx => {
    await tx`LOCK TABLE extropy_ledger, cards, attributions IN ACCESS EXCLUSIVE MODE`;
    return Promise.all(lists.map(get));
  });
  for (const [no, { status, html }] of shown.entries()) {
    expect([lists[no], status]).toEqual([lists[no], 422]);
    const [notice] = select(html, "#list #problem[role=alert]");
    expect(notice?.text).toContain("This can't be listed");
    expect(notice?.text).toContain("was not found within 5 s. Narrow it down");
    const [name = "", value = ""] = (lists[no]?.split("?")[1] ?? "").split("=");
    const [field] = select(html, `#filter-${name}, #filter-${name} option[selected]`).filter(
      ({ attributes }) => attributes.value !== undefined,
    );
    expect(field?.attributes.value).toBe(value);
    expect(select(html, "nav a[href='/admin/ledger']")).not.toHaveLength(0);
  }
  // Nothing is left behind: the next one is as quick as ever.
  expect((await get(`/admin/users/${writers[0]?.id}`)).status).toBe(200);
});
