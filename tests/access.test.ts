// Every operation of the API, asked for by everybody: each gets what access-table.ts says, a new operation needs a row
// there, and nobody is shown what is another's. Pages are in access-pages.test.ts.

import { expect, setDefaultTimeout, test } from "bun:test";
import { SCOPES } from "../src/auth/scopes.ts";
import { type OpenApiDocument, type Operation, resolve } from "../src/openapi/model.ts";
import { OPERATIONS, type Row, readTable } from "./access-table.ts";
import { type Answer, type CallOptions, createApi, type Member, newCard, newName } from "./api-support.ts";
import { cookieOf, signInByForm } from "./browser-support.ts";
import { type Cast, createCast } from "./cast.ts";
import { change } from "./operator-support.ts";

setDefaultTimeout(60_000);

/** Where members are made; what is tested is a server as it comes, on the same database. */
const open = await createApi();
const api = await createApi({ REGISTRATION: "closed" }, open);
const { body: document } = await api.call<OpenApiDocument>("GET", "/openapi/json");
/** For whatever changes nothing. */
const lasting = await createCast(open);
const boss = lasting.owner;
const isSafe = ({ call }: Row<string>) => /^(GET|HEAD)/.test(call);

const operations = readTable<keyof typeof callers>(OPERATIONS);

test("no operation is without a row, and no row without one", () => {
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
  );
  expect(operations.map(({ call }) => call).sort()).toEqual(described.sort());
});

test("the scope of a row is the one that the document asks for, and a key only where it asks for one", () => {
  for (const { call, scope, statuses } of operations) {
    const [method = "", path = ""] = call.toLowerCase().split(" ");
    const [, operation] =
      Object.entries(document.paths)
        .flatMap(([known, methods]) =>
          Object.entries<Operation>(methods).map(([m, o]) => [`${m} ${known}`, o] as const),
        )
        .find(([known]) => known.toLowerCase() === `${method} ${path}`) ?? [];
    const isOpen = operation?.security?.every(way => !("apiKey" in way)) ?? false;
    expect([call, scope === "-"]).toEqual([call, isOpen]);
    expect([call, new Set(Object.values(statuses)).size === 1 && statuses.nobody === 200]).toEqual([call, isOpen]);
  }
});

const made = new Map<string, Promise<string>>();

type Sent = { key?: string | undefined; headers?: Record<string, string> };

/** What each kind of caller sends; several ways where all of them must be answered alike. */
const callers = {
  nobody: async (): Promise<Sent[]> => [{}],
  bad: async (): Promise<Sent[]> => bad,
  gone: async (): Promise<Sent[]> => gone,
  cookie: async (): Promise<Sent[]> => [{ headers: { cookie: session } }],
  lesser: async (cast: Cast, row: Row<string>): Promise<Sent[]> =>
    row.scope === "-" ? [{ key: cast.owner.key }] : [{ key: await keyWithout(cast, row) }],
  named: async (cast: Cast, row: Row<string>): Promise<Sent[]> => [{ key: await makeKey(mayCall(cast, row), SCOPES) }],
  other: async ({ other }: Cast): Promise<Sent[]> => [{ key: other.key }],
  owner: async ({ owner }: Cast): Promise<Sent[]> => [{ key: owner.key }],
  auditor: async ({ auditor }: Cast): Promise<Sent[]> => [{ key: auditor.key }],
  admin: async ({ admin }: Cast): Promise<Sent[]> => [{ key: admin.key }],
};

const session = cookieOf(await signInByForm(open, lasting.admin));
const bad = badKeys(boss.key);
const gone: Sent[] = (await Promise.all(deadKeys())).map(key => ({ key }));

/** Whose key a row is about. */
const mayCall = (cast: Cast, { scope }: Row<string>) => (scope === "admin" ? cast.admin : cast.owner);

const keyWithout = (cast: Cast, row: Row<string>) =>
  makeKey(
    mayCall(cast, row),
    SCOPES.filter(scope => scope !== row.scope),
  );

/** A named key with these scopes. */
function makeKey({ key }: Member, scopes: readonly string[]): Promise<string> {
  return made.getOrInsertComputed(`${key} ${scopes}`, async () => {
    const body = { name: "named", scopes };
    return (await open.call<{ api_key: string }>("POST", "/api/keys", { key, body })).body.api_key;
  });
}

/** None of them is anybody's, though some have much of a key that is. */
function badKeys(good: string): Sent[] {
  const wrongSecret = `${good.slice(0, 13)}${"0".repeat(32)}`;
  return [
    { key: "" },
    { key: "ext_short" },
    { key: `${good.slice(0, -1)}${good.endsWith("0") ? "1" : "0"}` },
    // Of the right form, with a checksum that is right.
    { key: "ext_Docs1234_AnExampleThatIsNobodysKey00000004ROVBo" },
    { key: wrongSecret + checksumOf(wrongSecret) },
    { key: `${good} ${good}` },
    { headers: { authorization: `Basic ${btoa(`${boss.name}:${good}`)}` } },
    { headers: { authorization: good } },
    { headers: { "x-api-key": good } },
  ];
}

/** The base62 CRC-32 with which a key ends: computed here anew, as a client could. */
function checksumOf(text: string): string {
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  let [rest, digits] = [Bun.hash.crc32(text), ""];
  for (let n = 0; n < 6; n++) {
    digits = alphabet[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** Keys that have worked in this process, which remembers them, and must not any more. */
function deadKeys(): Promise<string>[] {
  const endings: ((member: Member) => Promise<string>)[] = [
    async member => {
      await change(api, lasting.admin, member.id, "deactivate");
      return member.key;
    },
    async member => {
      await api.call("DELETE", "/api/me", { key: member.key });
      return member.key;
    },
    async member => {
      await change(api, lasting.admin, member.id, "rotate-key");
      return member.key;
    },
    async member => {
      const key = await makeKey(member, SCOPES);
      expect((await api.call("GET", "/api/me", { key })).status).toBe(200);
      const { body } = await api.call<{ items: { id: string }[] }>("GET", "/api/keys", { key: member.key });
      await api.call("DELETE", `/api/keys/${body.items[0]?.id}`, { key: member.key });
      return key;
    },
    async member => {
      const key = await makeKey(member, SCOPES);
      await api.sql`UPDATE api_keys SET expires_at = now() WHERE user_id = ${member.id} AND kind = 'named'`;
      return key;
    },
  ];
  return endings.map(async end => {
    const member = await open.registerOperator("admin");
    expect((await api.call("GET", "/api/me", { key: member.key })).status).toBe(200);
    return end(member);
  });
}

/** A request that would succeed if the right one sent it: the document's example where that is about nobody. */
function requestOf(call: string, cast: Cast): CallOptions & { method: string; path: string } {
  const [method = "", path = ""] = call.split(" ");
  const operation = Object.entries(document.paths[path] ?? {}).find(([m]) => m.toUpperCase() === method)?.[1];
  const example = operation?.requestBody?.content["application/json"]?.example;
  const body = bodies(cast)[call] ?? example;
  const needs = operation?.parameters.map(parameter => resolve(parameter, document.components).name) ?? [];
  return {
    method,
    path: path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(nameFor(call, name, cast))),
    ...(body === undefined ? {} : { body }),
    headers: {
      ...(needs.includes("Idempotency-Key") ? { "idempotency-key": crypto.randomUUID() } : {}),
      ...(needs.includes("If-Match") ? { "if-match": "*" } : {}),
    },
    ...(call.endsWith("/stream") ? { signal: AbortSignal.timeout(20) } : {}),
  };
}

const bodies = (cast: Cast): Record<string, unknown> => ({
  "POST /api/users": { username: newName(), email: `${newName()}@example.org` },
  "POST /api/keys": { name: "laptop", scopes: ["read"] },
  "PATCH /api/me": { bio: "Changed." },
  "POST /api/publish": { cards: [newCard()] },
  "PATCH /api/cards/{id}": { title: `A new title ${crypto.randomUUID()}` },
  "POST /api/attributions": {
    source_card_id: cast.cited.id,
    target_card_id: cast.card.id,
    attribution_type: "reply",
  },
  "POST /api/sync/resolve": {
    client_id: cast.conflicted,
    entity_type: "settings",
    entity_id: "editor",
    resolution: "remote_wins",
  },
  "POST /api/transfers": { to_user: boss.name, amount: "0.01" },
});

function nameFor(call: string, name: string, cast: Cast): string {
  if (name === "username") return cast.owner.name;
  if (name === "slug") return call.includes("/problems/") ? "not-found" : cast.card.slug;
  if (call.includes("/keys/")) return cast.keyId;
  if (call.includes("/ledger/")) return cast.entries.at(-1) ?? "";
  if (call.includes("/attributions/{")) return cast.attribution;
  return call.includes("/users/") ? cast.owner.id : cast.card.id;
}

test.each(operations)("$call", async row => {
  let cast = isSafe(row) ? lasting : await createCast(open);
  const refusals = new Set<string>();
  // Refusals first: what succeeds may change what the next one finds.
  for (const [caller, expected] of Object.entries(row.statuses).sort(([, a], [, b]) => b - a)) {
    if (expected < 300 && CAN_BE_DONE_ONCE.test(row.call)) cast = await createCast(open);
    for (const sent of await callers[caller as keyof typeof callers](cast, row)) {
      const { method, path, headers, ...rest } = requestOf(row.call, cast);
      const answer = await api.call(method, path, { ...rest, ...sent, headers: { ...headers, ...sent.headers } });
      expect({ caller, ...sent, status: answer.status, text: answer.text }).toEqual({
        ...{ caller, ...sent, status: expected, text: answer.text },
      });
      if (expected === 401) refusals.add(wordsOf(answer));
      if (!["owner", "named", "auditor", "admin"].includes(caller)) expectNothingOf(cast, answer);
    }
  }
  // One text for every bad key.
  expect(refusals.size).toBe(row.scope === "-" ? 0 : 1);
});

const CAN_BE_DONE_ONCE = /^DELETE|attributions$|resolve$|reversal$/;

function wordsOf({ text, body }: Answer<unknown>): string {
  return text.replace(body.request_id ?? "", "");
}

function expectNothingOf({ secrets }: Cast, { text }: Answer<unknown>): void {
  for (const secret of secrets) expect(text).not.toContain(secret);
}

test("named keys change neither the account's e-mail address nor more than they were made for", async () => {
  const { owner } = await createCast(open);
  const key = await makeKey(owner, ["profile", "keys"]);
  const email = `${newName()}@example.org`;
  expect((await api.call("PATCH", "/api/me", { key, body: { email } })).status).toBe(403);
  expect((await api.call("POST", "/api/keys", { key, body: { name: "more", scopes: ["read"] } })).status).toBe(403);
  expect((await api.call("PATCH", "/api/me", { key: owner.key, body: { email } })).status).toBe(200);
});

test("of what is another's, every filter that could name it finds nothing", async () => {
  const cast = await createCast(open);
  const { other, card, attribution, device, owner } = cast;
  for (const path of [
    `/api/ledger?card_id=${card.id}`,
    `/api/ledger?attribution_id=${attribution}`,
    `/api/sync/state?client_id=${device}`,
    `/api/sync/pull?client_id=${device}`,
    `/api/cards?q=${encodeURIComponent(card.slug)}`,
  ]) {
    const answer = await api.call<{ items: { user_id?: string }[] }>("GET", path, { key: other.key });
    expect([path, answer.status]).toEqual([path, 200]);
    expectNothingOf(cast, answer);
    expect(answer.body.items.filter(({ user_id }) => user_id === owner.id)).toEqual([]);
  }
  const { body } = await api.call<{ cursor: string }>("GET", "/api/sync/pull", { key: owner.key });
  const withCursor = await api.call("GET", `/api/sync/pull?cursor=${body.cursor}`, { key: other.key });
  expect([withCursor.status, withCursor.body.type]).toEqual([422, "/problems/other-account"]);
});
