// Every page, asked for by everybody: each gets what access-table.ts says, a new page needs a row there, and strangers
// are shown nothing of anybody.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { OpenApiDocument } from "../src/openapi/model.ts";
import { PAGES, type Row, readTable } from "./access-table.ts";
import { createApi, type Member } from "./api-support.ts";
import { cookieOf, signInByForm } from "./browser-support.ts";
import { type Cast, createCast } from "./cast.ts";
import { change, REASON } from "./operator-support.ts";

setDefaultTimeout(60_000);

const api = await createApi();
/** For whatever changes nothing. */
const lasting = await createCast(api);
const isSafe = ({ call }: Row<string>) => /^(GET|HEAD)/.test(call);
const pages = readTable<keyof typeof visitors>(PAGES);

test("no page is without a row, and no row without one", async () => {
  const { paths } = (await api.call<OpenApiDocument>("GET", "/openapi/json")).body;
  const isDescribed = ({ method, path }: { method: string; path: string }) =>
    method.toLowerCase() in (paths[path.replace(/:(\w+)/g, "{$1}")] ?? {});
  const others = api.app.routes.filter(route => !isDescribed(route)).map(({ method, path }) => `${method} ${path}`);
  expect(pages.map(({ call }) => call).sort()).toEqual(others.sort());
});

const sessions = new Map<string, Promise<string>>();

/** What each kind of visitor's browser sends. */
const visitors = {
  stranger: async (): Promise<Record<string, string>[]> => [{}],
  forged: async (): Promise<Record<string, string>[]> => [
    { cookie: `extrophi_session=${"A".repeat(43)}` },
    { cookie: "extrophi_session=' OR true --" },
  ],
  key: async ({ admin }: Cast): Promise<Record<string, string>[]> => [{ authorization: `Bearer ${admin.key}` }],
  ended: async (): Promise<Record<string, string>[]> => ended,
  foreign: async ({ admin }: Cast): Promise<Record<string, string>[]> => [
    { cookie: await cookieFor(admin), "sec-fetch-site": "cross-site", origin: "https://evil.example" },
  ],
  auditor: async ({ auditor }: Cast): Promise<Record<string, string>[]> => [{ cookie: await cookieFor(auditor) }],
  admin: async ({ admin }: Cast): Promise<Record<string, string>[]> => [{ cookie: await cookieFor(admin) }],
};

const cookieFor = (operator: Member) =>
  sessions.getOrInsertComputed(operator.key, async () => cookieOf(await signInByForm(api, operator)));
const ended = (await Promise.all(endedSessions())).map(cookie => ({ cookie }));

function endedSessions(): Promise<string>[] {
  const endings: ((operator: Member, cookie: string) => unknown)[] = [
    (_, cookie) => ask("POST", "/sign-out", { cookie }, {}),
    ({ id }) => change(api, lasting.admin, id, "deactivate"),
    ({ id }) => change(api, lasting.admin, id, "rotate-key"),
    ({ id }) => change(api, lasting.admin, id, "role", { role: "member" }),
    ({ key }) => api.call("DELETE", "/api/me", { key }),
  ];
  return endings.map(async end => {
    const operator = await api.registerOperator("admin");
    const cookie = await cookieFor(operator);
    await end(operator, cookie);
    return cookie;
  });
}

function ask(method: string, path: string, headers: Record<string, string>, form: Record<string, string>) {
  const body = method === "POST" ? { body: new URLSearchParams(form) } : {};
  return api.app.handle(
    new Request(`http://localhost${path}`, {
      method,
      headers: { "sec-fetch-site": "same-origin", ...headers },
      ...body,
    }),
  );
}

/** The address of a page about the cast, and what its form would send. */
function pageOf(call: string, cast: Cast): { method: string; path: string; form: Record<string, string> } {
  const [method = "", route = ""] = call.split(" ");
  // A search for nothing in particular leads to a list.
  const query = route === "/admin/search" ? "?q=user" : "";
  const id = route.includes("/ledger/") ? cast.entries[0] : route.includes("/cards/") ? cast.card.id : cast.owner.id;
  const form = {
    reason: REASON,
    type: "bonus",
    amount: "1.00",
    confirm: cast.owner.name,
    role: "auditor",
    what: "new",
    idempotency_key: crypto.randomUUID(),
    api_key_prefix: cast.owner.key.slice(0, 12),
  };
  const path = route
    .replace(":id", id ?? "")
    .replace(":name", assetName)
    .replace(":slug", cast.card.slug);
  return { method, path: path + query, form };
}

const assetName = /\/assets\/([\w.-]+)/.exec((await api.call("GET", "/sign-in")).text)?.[1] ?? "";

test.each(pages)("$call", async row => {
  const cast = isSafe(row) ? lasting : await createCast(api);
  for (const [visitor, expected] of Object.entries(row.statuses).sort(([, a], [, b]) => b - a)) {
    for (const headers of await visitors[visitor as keyof typeof visitors](cast)) {
      const { method, path, form } = pageOf(row.call, cast);
      const answer = await ask(method, path, headers, form);
      const isSignedIn = ["foreign", "auditor", "admin"].includes(visitor);
      expect([visitor, headers, answer.status]).toEqual([visitor, headers, expected]);
      if (row.call.endsWith("/tail")) await answer.body?.cancel();
      const text = row.call.endsWith("/tail") ? "" : await answer.text();
      if (isSignedIn) continue;
      for (const secret of [...cast.secrets, cast.owner.name]) expect(text).not.toContain(secret);
      if (expected === 303) expect(answer.headers.get("location")).toStartWith("/sign-in");
    }
  }
});

test("the live list ends at once where its reader had gone before it began", async () => {
  const headers = { cookie: await cookieFor(lasting.admin) };
  const request = new Request("http://localhost/admin/ledger/tail", { headers, signal: AbortSignal.abort() });
  const answer = await api.app.handle(request);
  expect([answer.status, await answer.text()]).toEqual([200, "retry: 1000\n\n"]);
});
