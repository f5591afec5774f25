// The pages of accounts: all of them, and each with what it has and did.

import { Elysia } from "elysia";
import { z } from "zod";
import { UserPage } from "../../../views/admin/pages/user.tsx";
import { UsersPage } from "../../../views/admin/pages/users.tsx";
import { pageQuery } from "../../cursor.ts";
import { Problem } from "../../problem.ts";
import type { Services } from "../../services.ts";
import { listBalances, listDevicesOf, listKeysOf } from "../account-store.ts";
import { listAllAttributions } from "../attributions-store.ts";
import { listAllCards } from "../cards-store.ts";
import { SYSTEM_ID } from "../change-account.ts";
import { listAllEntries } from "../ledger-store.ts";
import { accountFilter } from "../users-model.ts";
import { getAccount, isOnlyAdmin, listAccounts } from "../users-store.ts";
import { readDone } from "./done.ts";
import { readList, readRaw } from "./list-query.ts";
import { operatorPages, type View, type Visit } from "./operator-pages.ts";

const query = z.strictObject({ ...pageQuery, ...accountFilter });
const hidden = { detail: { hide: true } };

/** Rows of each list on an account's own page. */
const ENTRIES = 10;
const OTHERS = 5;

/** `/admin/users` and `/admin/users/{id}`. */
export function userPages(services: Services) {
  const { sql } = services;
  const pages = operatorPages(services);

  async function users({ url }: Visit): Promise<View> {
    const raw = readRaw(url);
    const { found, problem, status } = await readList(query, raw, filter => listAccounts(sql, filter, filter));
    const body = UsersPage({ raw, accounts: found?.items ?? [], next: found?.next_cursor ?? null, problem });
    return { title: "Users", section: "users", body, status, parameters: "checked" };
  }

  async function user({ url, operator }: Visit, id: string): Promise<View> {
    const account = await getAccount(sql, requireId(id));
    const of = { user: account.id };
    const [done, balances, entries, cards, received, made, keys, devices, isOnly] = await Promise.all([
      readDone(sql, url, { userId: account.id, actorId: operator.caller.userId }),
      listBalances(sql, account.id),
      listAllEntries(sql, of, { limit: ENTRIES }),
      listAllCards(sql, { ...of, sort: "newest" }, { limit: OTHERS }),
      listAllAttributions(sql, { source_user: account.id }, { limit: OTHERS }).catch(untilTooSlow),
      listAllAttributions(sql, { target_user: account.id }, { limit: OTHERS }).catch(untilTooSlow),
      listKeysOf(sql, account.id),
      listDevicesOf(sql, account.id),
      isOnlyAdmin(sql, account),
    ]);
    const body = UserPage({
      account,
      canChange: operator.role === "admin",
      isOnlyAdmin: isOnly,
      isSystem: account.id === SYSTEM_ID,
      done,
      balances,
      entries: entries.items,
      cards: cards.items,
      received: received?.items,
      made: made?.items,
      keys,
      devices,
    });
    return { title: account.username, section: "users", body, parameters: ["done"] };
  }

  return new Elysia({ name: "user-pages" })
    .get("/admin/users", async ({ request }) => pages.read(request, users), hidden)
    .get(
      "/admin/users/:id",
      async ({ request, params: { id } }) => pages.read(request, visit => user(visit, id)),
      hidden,
    );
}

/** Of somebody with thousands of cards a list may take too long the first time: the rest of the page is worth showing. */
function untilTooSlow(error: unknown): undefined {
  if (error instanceof Problem && error.slug === "validation") return undefined;
  throw error;
}

/** The id of an address. Throws `not-found` for what can't be one. */
export function requireId(text: string): string {
  const id = z.guid().safeParse(text);
  if (!id.success) throw new Problem("not-found");
  return id.data.toLowerCase();
}
