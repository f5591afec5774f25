// Where the search box leads: to the one thing that it found, or to a list.

import { Elysia } from "elysia";
import { z } from "zod";
import { SearchPage } from "../../../views/admin/pages/search.tsx";
import { exposedPrefix } from "../../auth/key.ts";
import type { Services } from "../../services.ts";
import { anyText } from "../../text.ts";
import type { Found } from "../search-model.ts";
import { findAnything } from "../search-store.ts";
import { readList, readRaw } from "./list-query.ts";
import { operatorPages, type View, type Visit } from "./operator-pages.ts";
import { redirect } from "./reply.ts";

/** The longest address that a card's page has is shorter. */
const CHARACTERS_MAX = 2048;
const query = z.strictObject({ q: anyText.max(CHARACTERS_MAX).default("") });

/** `/admin/search`. */
export function searchPages(services: Services) {
  const { sql } = services;
  const pages = operatorPages(services);

  async function search({ url }: Visit): Promise<View | Response> {
    const raw = readRaw(url);
    if (Object.keys(raw).length === 0) return redirect("/admin");
    const { found, problem, status } = await readList(query, raw, async ({ q }) => findAnything(sql, q), {
      defaults: {},
      title: "This can't be searched for",
    });
    const address = found && onlyOne(found, raw.q ?? "");
    if (address !== undefined) return redirect(address);
    const body = SearchPage({ text: raw.q ?? "", found, problem });
    return { title: "Search", section: "none", body, status, parameters: "checked" };
  }

  return new Elysia({ name: "search-pages" }).get(
    "/admin/search",
    async ({ request }) => withoutKey(request) ?? pages.read(request, search),
    { detail: { hide: true } },
  );
}

/** Nothing more of a key that leaked is to stand in an address than its beginning, by which it is found; nor in that of signing in. */
function withoutKey({ url }: Request): Response | undefined {
  const prefix = exposedPrefix(new URL(url).searchParams.get("q") ?? "");
  return prefix === undefined ? undefined : redirect(`/admin/search?q=${prefix}`);
}

/** The address of the only thing that was found, or of the account whose whole name was typed. */
function onlyOne(
  { accounts, cards, entries, attributions, devices, requests }: Found,
  asked: string,
): string | undefined {
  const named = accounts.find(({ username }) => username.toLowerCase() === asked.toLowerCase());
  // Digits begin many ids of accounts; who types them means an entry.
  const others = /^#?\d+$/.test(asked) && entries.length > 0 ? [] : named ? [named] : accounts;
  const addresses = [
    ...others.map(({ id }) => `/admin/users/${id}`),
    ...cards.map(({ id }) => `/admin/cards/${id}`),
    // The legs of a movement lead to each other.
    ...entries.slice(0, 1).map(id => `/admin/ledger/${id}`),
    ...attributions.map(id => `/admin/ledger?attribution_id=${id}`),
  ];
  // People choose what their devices are called: that must not come between an operator and anything else.
  const whatElse = [
    ...devices.map(({ client_id, user }) => `/admin/sync?${new URLSearchParams({ user: user.id, client_id })}`),
    ...requests.map(id => `/admin/audit?${new URLSearchParams({ request_id: id })}`),
  ];
  const [only, ...more] = addresses.length > 0 ? addresses : whatElse;
  return more.length === 0 ? only : undefined;
}
