// What the tests of admin pages share: asking for a page and sending a form as a browser that is signed in does.

import type { Api, Member } from "./api-support.ts";
import { cookieOf, signInByForm } from "./browser-support.ts";
import { select } from "./page-support.ts";

export type Shown = { status: number; location: string | null; html: string; headers: Headers };

/** A browser in which an operator is signed in. */
export type Visitor = {
  cookie: string;
  get(path: string): Promise<Shown>;
  post(path: string, fields: Record<string, string>): Promise<Shown>;
};

export async function signedIn(api: Api, operator: Member): Promise<Visitor> {
  const cookie = cookieOf(await signInByForm(api, operator));
  const ask = async (path: string, init: RequestInit): Promise<Shown> => {
    const headers = { cookie, "sec-fetch-site": "same-origin" };
    const answer = await api.app.handle(new Request(`http://localhost${path}`, { ...init, headers }));
    const { status, headers: answered } = answer;
    return { status, location: answered.get("location"), html: await answer.text(), headers: answered };
  };
  return {
    cookie,
    get: path => ask(path, {}),
    post: (path, fields) => ask(path, { method: "POST", body: new URLSearchParams(fields) }),
  };
}

/** An address of every kind of page, about these things; all answer 200 to an admin. */
export function adminPaths({ user, entry, card }: { user: string; entry: string; card: string }): string[] {
  return [
    "/admin",
    "/admin/users",
    `/admin/users/${user}`,
    ...["adjust", "deactivate", "activate", "rotate-key", "role"].map(change => `/admin/users/${user}/${change}`),
    "/admin/ledger",
    `/admin/ledger/${entry}`,
    `/admin/ledger/${entry}/reverse`,
    "/admin/cards",
    `/admin/cards/${card}`,
    `/admin/cards/${card}/graph?depth=2`,
    "/admin/attributions",
    "/admin/attributions/all",
    "/admin/sync",
    `/admin/sync?user=${user}`,
    "/admin/integrity",
    "/admin/audit",
    "/admin/search?q=user",
    "/admin/sessions",
  ];
}

/** Whether a page asks for something to be changed. */
export function isChange(path: string): boolean {
  return /\/(adjust|deactivate|activate|rotate-key|role|reverse)$/.test(path);
}

/** The hidden fields of a page's form. */
export function hiddenFields(html: string): Record<string, string> {
  return Object.fromEntries(
    select(html, "main input[type=hidden]").map(({ attributes }) => [attributes.name ?? "", attributes.value ?? ""]),
  );
}

/** What a page tells is wrong; empty where it tells of nothing. */
export function problemOf(html: string): string {
  return select(html, "#problem")[0]?.text.replace(/\s+/g, " ").trim() ?? "";
}
