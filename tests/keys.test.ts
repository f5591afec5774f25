// API keys as clients meet them: their form, what they may do, and that a key which ends, ends everywhere at once.

import { beforeAll, describe, expect, spyOn, test } from "bun:test";
import { crc32 } from "node:zlib";
import { BcryptPool } from "../src/auth/bcrypt-pool.ts";
import { generateKey } from "../src/auth/key.ts";
import { SCOPES } from "../src/auth/scopes.ts";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

/** The checksum as the contract words it, without the code under test: CRC-32 in base62, padded with 0. */
function checksum(body: string): string {
  let rest = BigInt(crc32(body));
  let digits = "";
  for (; rest > 0n; rest /= 62n) digits = BASE62[Number(rest % 62n)] + digits;
  return digits.padStart(6, "0");
}

function keyWith(body: string): string {
  return body + checksum(body);
}

/** A well-formed key that nobody has. */
function unknownKey(): string {
  const random = Buffer.from(crypto.getRandomValues(new Uint8Array(60)))
    .toString("base64")
    .replace(/[^0-9A-Za-z]/g, "");
  return keyWith(`ext_${random.slice(0, 8)}_${random.slice(8, 40).padEnd(32, "x")}`);
}

type NamedKey = {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  expires_at: string | null;
  api_key: string;
};

async function makeKey(maker: string, body: Record<string, unknown> = {}): Promise<NamedKey> {
  const answer = await api.call<NamedKey>("POST", "/api/keys", { key: maker, body: { name: "laptop", ...body } });
  expect(answer.status).toBe(201);
  return answer.body;
}

const me = (key: string, other: Api = api) => other.call("GET", "/api/me", { key });

async function rotate(key: string, other: Api = api): Promise<string> {
  const answer = await other.call<{ api_key: string }>("POST", "/api/keys/rotate", { key });
  expect(answer.status).toBe(200);
  return answer.body.api_key;
}

/** An app that has no connection: whatever it answers, it has asked no database. */
async function createApiThatCountsQueries() {
  let queries = 0;
  const pool = new Proxy(api.pool, {
    apply: (target, self, args) => {
      queries++;
      return Reflect.apply(target, self, args);
    },
  });
  return { ...(await createApi({}, { ...api, pool })), count: () => queries };
}

describe("the form of a key", () => {
  test("is ext_, a public id, a secret and the CRC-32 of all before in base62", async () => {
    const { key } = await api.register();
    expect(key).toMatch(/^ext_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$/);
    expect(key).toBe(keyWith(key.slice(0, -6)));
    expect(Buffer.byteLength(key)).toBeLessThanOrEqual(72);
  });

  test("begins with what users.api_key_prefix holds; the rest is stored as bcrypt only", async () => {
    const { id, key } = await api.register();
    const [row] = await api.sql`SELECT api_key_prefix, api_key_hash FROM users WHERE id = ${id}`;
    expect(row?.api_key_prefix).toBe(key.slice(0, 12));
    expect(row?.api_key_hash).toMatch(/^\$2[aby]\$04\$/);
    expect(await Bun.password.verify(key, row?.api_key_hash)).toBe(true);
  });

  test("tells a mistyped key from a good one without a query", async () => {
    const counting = await createApiThatCountsQueries();
    const { key } = await api.register();
    const last = key.at(-1) === "0" ? "1" : "0";
    const mistyped = [`${key.slice(0, -1)}${last}`, key.slice(0, -1), `${key}0`, key.replace("ext_", "EXT_"), "x", "é"];
    for (const text of mistyped) {
      const answer = await counting.call("GET", "/api/me", { key: encodeURI(text) });
      expect(answer.status).toBe(401);
    }
    expect(counting.count()).toBe(0);
    expect((await me(key, counting)).status).toBe(200);
    expect(counting.count()).toBeGreaterThan(0);
  });
});

describe("a key that is not good", () => {
  test("gets one text, whatever is wrong with it", async () => {
    const member = await api.register();
    const revoked = await makeKey(member.key);
    await api.call("DELETE", `/api/keys/${revoked.id}`, { key: member.key });
    const warm = await makeKey(member.key);
    await me(warm.api_key);
    await api.call("DELETE", `/api/keys/${warm.id}`, { key: member.key });
    const expired = await makeKey(member.key);
    await api.sql`UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = ${expired.id}`;
    const inactive = await api.register();
    await api.sql`UPDATE users SET is_active = false WHERE id = ${inactive.id}`;
    const wrongSecret = keyWith(`${member.key.slice(0, 13)}${"a".repeat(32)}`);

    const bad = [unknownKey(), wrongSecret, "mistyped", revoked.api_key, warm.api_key, expired.api_key, inactive.key];
    const answers = await Promise.all([...bad.map(key => me(key)), api.call("GET", "/api/me")]);
    const basic = await api.call("GET", "/api/me", { headers: { authorization: `Basic ${member.key}` } });
    const twice = await api.call("GET", "/api/me", { headers: { authorization: `Bearer ${member.key}, Bearer x` } });
    for (const { status, headers, body, text } of [...answers, basic, twice]) {
      expect(status).toBe(401);
      expect(headers.get("www-authenticate")).toStartWith("Bearer");
      const { request_id, ...rest } = body;
      expect(request_id).toBeString();
      expect(rest).toEqual({ ...answers[0]?.body, request_id: undefined } as typeof rest);
      for (const key of [...bad, member.key]) if (key !== "mistyped") expect(text).not.toContain(key);
    }
  });

  test("takes one bcrypt comparison, as a good one does, whatever is wrong with it", async () => {
    const { key } = await api.register();
    const [revoked, expired] = [await makeKey(key), await makeKey(key)];
    await api.call("DELETE", `/api/keys/${revoked.id}`, { key });
    await api.sql`UPDATE api_keys SET expires_at = now() WHERE id = ${expired.id}`;
    const wrongSecret = keyWith(`${key.slice(0, 13)}${"b".repeat(32)}`);
    const other = await createApi({ BCRYPT_COST: "6" }, api);
    // The hash that stands in for one that is not there is made with the first such key.
    await me(unknownKey(), other);
    const comparison = spyOn(BcryptPool.prototype, "matches");
    const hashes = [];
    for (const bad of [unknownKey(), wrongSecret, revoked.api_key, expired.api_key, key]) {
      comparison.mockClear();
      await me(bad, other);
      expect(comparison).toHaveBeenCalledTimes(1);
      hashes.push(comparison.mock.calls[0]?.[1]);
    }
    comparison.mockRestore();
    expect(hashes.filter(hash => hash?.startsWith("$2b$06$"))).toHaveLength(3);
  });

  test("is refused before its request is looked at", async () => {
    const closed = await createApi({ REGISTRATION: "closed" }, api);
    const calls: [string, string][] = [
      ["POST", "/api/publish"],
      ["PATCH", "/api/me"],
      ["POST", "/api/keys"],
      ["PATCH", "/api/cards/no-uuid"],
      ["POST", "/api/users"],
    ];
    for (const [method, path] of calls) {
      for (const raw of ["{", "[]", '{"unknown":1}', "\xff"]) {
        expect({ path, raw, status: (await closed.call(method, path, { raw })).status }).toMatchObject({ status: 401 });
      }
      const form = await closed.call(method, path, { raw: "a=1", headers: { "content-type": "text/plain" } });
      expect(form.status).toBe(401);
    }
    for (const path of ["/api/cards?limit=-1", "/api/cards/no-uuid", "/api/keys"]) {
      expect((await closed.call("GET", path)).status).toBe(401);
    }
  });
});

test("a key whose hash was overwritten with something else is a bad one", async () => {
  const { key, id } = await api.register();
  await api.sql`UPDATE users SET api_key_hash = ${"x".repeat(60)} WHERE id = ${id}::uuid`;
  expect((await me(key, await createApi({}, api))).status).toBe(401);
});

describe("bad keys from one address", () => {
  test("are answered 429 after so many a minute, while keys already verified go on working", async () => {
    const limited = await createApi({ AUTH_FAILURES_PER_MINUTE: "3" });
    const known = await limited.register();
    for (let n = 0; n < 3; n++) expect((await me(unknownKey(), limited)).status).toBe(401);
    const refused = await me(unknownKey(), limited);
    expect(refused).toMatchObject({ status: 429, body: { type: "/problems/rate-limited" } });
    expect(Number(refused.headers.get("retry-after"))).toBeWithin(1, 61);
    expect((await me("mistyped", limited)).status).toBe(429);
    expect((await me(known.key, limited)).status).toBe(200);
  });

  test("count for keys that were good once", async () => {
    const limited = await createApi({ AUTH_FAILURES_PER_MINUTE: "3" }, api);
    const { key } = await limited.register();
    const { id, api_key } = await makeKey(key);
    expect((await me(api_key, limited)).status).toBe(200);
    await api.call("DELETE", `/api/keys/${id}`, { key });
    const statuses = [];
    for (let n = 0; n < 4; n++) statuses.push((await me(api_key, limited)).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
  });

  test("are none that could not be looked at, since the database is away", async () => {
    const limited = await createApi({ AUTH_FAILURES_PER_MINUTE: "3" });
    await limited.pool.end();
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push((await me(generateKey(), limited)).status);
    expect(statuses).toEqual([503, 503, 503, 503, 503]);
  });

  test("do not count where the limit is 0", async () => {
    for (let n = 0; n < 5; n++) expect((await me("mistyped")).status).toBe(401);
  });
});

describe("scopes", () => {
  test("of an account key are all; of a named key all but keys and admin, unless it says which", async () => {
    const { key } = await api.register();
    const byDefault = await makeKey(key);
    expect(byDefault.scopes.toSorted()).toEqual(SCOPES.filter(name => name !== "keys" && name !== "admin").toSorted());
    const all = await makeKey(key, { scopes: SCOPES });
    expect(all.scopes.toSorted()).toEqual([...SCOPES].toSorted());
  });

  test("decide what a key may do", async () => {
    const { key } = await api.register();
    const card = await api.publishCard(key);
    const calls: [string, string, string, unknown?][] = [
      ["read", "GET", "/api/me"],
      ["read", "GET", "/api/cards"],
      ["read", "GET", `/api/cards/${card.id}`],
      ["publish", "POST", "/api/publish", { cards: [newCard()] }],
      ["publish", "PATCH", `/api/cards/${card.id}`, {}],
      ["publish", "DELETE", `/api/cards/${crypto.randomUUID()}`],
      ["profile", "PATCH", "/api/me", { display_name: "Somebody" }],
      ["keys", "GET", "/api/keys"],
      ["keys", "POST", "/api/keys", { name: "x", scopes: ["keys"] }],
      ["keys", "DELETE", `/api/keys/${crypto.randomUUID()}`],
    ];
    const keys = new Map<string, string>();
    for (const scope of SCOPES) keys.set(scope, (await makeKey(key, { scopes: [scope] })).api_key);
    for (const [needed, method, path, body] of calls) {
      for (const [scope, api_key] of keys) {
        const { status } = await api.call(method, path, { key: api_key, body });
        expect({ method, path, scope, refused: status === 403 }).toEqual({
          method,
          path,
          scope,
          refused: scope !== needed,
        });
      }
    }
  });

  test("can't be handed on by a key that lacks them", async () => {
    const { key } = await api.register();
    const lesser = await makeKey(key, { scopes: ["keys", "read"] });
    const answer = await api.call("POST", "/api/keys", {
      key: lesser.api_key,
      body: { name: "x", scopes: ["read", "publish"] },
    });
    expect(answer).toMatchObject({ status: 403, body: { type: "/problems/forbidden" } });
    expect((await makeKey(lesser.api_key)).scopes).toEqual(["read"]);
    expect((await makeKey(lesser.api_key, { scopes: ["keys"] })).scopes).toEqual(["keys"]);
  });

  test("that do not exist, come twice or are none are refused", async () => {
    const { key } = await api.register();
    for (const scopes of [[], ["read", "read"], ["everything"], "read", null, [null]]) {
      const answer = await api.call("POST", "/api/keys", { key, body: { name: "x", scopes } });
      expect({ scopes, status: answer.status }).toEqual({ scopes, status: 422 });
    }
  });

  test("a key that only makes keys, left with nothing to give by default, is told to name scopes", async () => {
    const { key } = await api.register();
    const maker = await makeKey(key, { scopes: ["keys"] });
    const answer = await api.call("POST", "/api/keys", { key: maker.api_key, body: { name: "x" } });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: "/scopes" }] } });
  });
});

describe("named keys", () => {
  test("are listed without secrets, newest first, in pages", async () => {
    const { key } = await api.register();
    const made = [];
    for (const name of ["one", "two", "three"]) made.push(await makeKey(key, { name }));
    const all = await api.call<{ items: NamedKey[] }>("GET", "/api/keys", { key });
    expect(all.body.items.map(item => item.name)).toEqual(["three", "two", "one"]);
    for (const { api_key } of made) expect(all.text).not.toContain(api_key.slice(13));
    expect(all.text).not.toContain("hash");
    expect(all.body.items[0]).toEqual({
      id: made[2]?.id as string,
      name: "three",
      prefix: made[2]?.api_key.slice(0, 12) as string,
      scopes: made[2]?.scopes as string[],
      created_at: expect.any(String),
      expires_at: null,
    } as never);

    const page = await api.call<{ items: NamedKey[]; next_cursor: string }>("GET", "/api/keys?limit=2", { key });
    expect(page.body.items.map(item => item.name)).toEqual(["three", "two"]);
    const rest = await api.call("GET", `/api/keys?limit=2&cursor=${page.body.next_cursor}`, { key });
    expect(rest.body).toMatchObject({ items: [{ name: "one" }], next_cursor: null });
    for (const query of ["limit=0", "limit=201", "limit=abc", "cursor=abc", "unknown=1"]) {
      expect({ query, status: (await api.call("GET", `/api/keys?${query}`, { key })).status }).toMatchObject({
        status: 422,
      });
    }
  });

  test("of nobody are an empty list", async () => {
    const { key } = await api.register();
    expect((await api.call("GET", "/api/keys", { key })).body).toEqual({ items: [], next_cursor: null });
  });

  test("are at most a hundred", async () => {
    const { id, key } = await api.register();
    await api.sql`
      INSERT INTO api_keys (user_id, name, key_hash, key_prefix, scopes)
      SELECT ${id}, 'filler', gen_random_uuid()::text, 'ext_', '{read}' FROM generate_series(1, 99)`;
    await makeKey(key);
    expect((await api.call("POST", "/api/keys", { key, body: { name: "x" } })).status).toBe(422);
  });

  test("stop working at once when deleted, also in another process that knows them", async () => {
    const other = await createApi({}, api);
    const { key } = await api.register();
    const { id, api_key } = await makeKey(key);
    for (const app of [api, other]) expect((await me(api_key, app)).status).toBe(200);
    const answer = await api.call("DELETE", `/api/keys/${id}`, { key });
    expect(answer).toMatchObject({ status: 204, text: "" });
    for (const app of [api, other]) expect((await me(api_key, app)).status).toBe(401);
    expect((await other.publish(api_key, [newCard()])).status).toBe(401);
    expect((await api.call("DELETE", `/api/keys/${id}`, { key })).status).toBe(404);
  });

  test("of somebody else can't be deleted", async () => {
    const owner = await api.register();
    const stranger = await api.register();
    const { id, api_key } = await makeKey(owner.key);
    expect((await api.call("DELETE", `/api/keys/${id}`, { key: stranger.key })).status).toBe(404);
    expect((await me(api_key)).status).toBe(200);
  });

  test("end at their time, also where they are remembered", async () => {
    const { key } = await api.register();
    const endsAt = Date.now() + 4_000;
    const ending = await makeKey(key, { expires_at: new Date(endsAt).toISOString() });
    expect((await me(ending.api_key)).status).toBe(200);
    await Bun.sleep(endsAt - Date.now() + 100);
    expect((await me(ending.api_key)).status).toBe(401);
    expect((await me(ending.api_key, await createApi({}, api))).status).toBe(401);
  });

  test("can't begin expired, nor at a time that is none", async () => {
    const { key } = await api.register();
    const refused = [
      "2020-01-01T00:00:00Z",
      new Date(Date.now() - 1000).toISOString(),
      "0000-01-01T00:00:00Z",
      "2030-02-30T00:00:00Z",
      "2030-01-01",
      "tomorrow",
      "infinity",
      4102444800,
      "9999-12-31T23:59:59-23:59",
    ];
    for (const expires_at of refused) {
      const answer = await api.call("POST", "/api/keys", { key, body: { name: "x", expires_at } });
      expect({ expires_at, status: answer.status }).toEqual({ expires_at, status: 422 });
      expect(answer.body.errors?.[0]?.pointer).toBe("/expires_at");
    }
  });

  test("keep the moment of their end, in whatever form it was given", async () => {
    const { key } = await api.register();
    const given = ["2035-01-01T12:00:00+02:00", "2035-01-01T10:00:00Z", "2035-01-02T09:00:00+23:00"];
    for (const expires_at of given) {
      const made = await makeKey(key, { expires_at });
      expect(made.expires_at).toMatch(/^2035-01-01T10:00:00(\.0+)?Z$/);
    }
    const precise = await makeKey(key, { expires_at: `2035-01-01T10:00:00.${"1".repeat(300)}Z` });
    expect(precise.expires_at).toStartWith("2035-01-01T10:00:00.111");
  });

  test("have a name of 1 to 100 characters that hides nothing", async () => {
    const { key } = await api.register();
    for (const name of ["", "x".repeat(101), "a\u202Eb", "a\u200Bb", "a\nb", "a\0b", "\ud800", 5, null]) {
      const answer = await api.call("POST", "/api/keys", { key, body: { name } });
      expect({ name, status: answer.status }).toEqual({ name, status: 422 });
    }
    expect((await makeKey(key, { name: "🦊".repeat(100) })).name).toBe("🦊".repeat(100));
  });
});

describe("the account key", () => {
  test("alone rotates and erases", async () => {
    const { key } = await api.register();
    const named = await makeKey(key, { scopes: SCOPES });
    for (const [method, path] of [
      ["POST", "/api/keys/rotate"],
      ["DELETE", "/api/me"],
    ] as const) {
      expect((await api.call(method, path, { key: named.api_key })).status).toBe(403);
    }
    expect((await me(key)).status).toBe(200);
  });

  test("alone changes the address by which the account is known", async () => {
    const { key } = await api.register();
    const named = await makeKey(key, { scopes: ["profile"] });
    const email = `${crypto.randomUUID()}@example.org`;
    expect((await api.call("PATCH", "/api/me", { key: named.api_key, body: { email } })).status).toBe(403);
    expect((await api.call("PATCH", "/api/me", { key: named.api_key, body: { bio: "x" } })).status).toBe(200);
    expect((await api.call("PATCH", "/api/me", { key, body: { email } })).status).toBe(200);
  });
});

describe("rotation", () => {
  test("leaves the old key working until the new one is first used, and not after", async () => {
    const { key } = await api.register();
    const fresh = await rotate(key);
    expect((await me(key)).status).toBe(200);
    expect((await me(fresh)).status).toBe(200);
    expect((await me(key)).status).toBe(401);
    expect((await api.publish(key, [newCard()])).status).toBe(401);
  });

  test("holds in every process, whether it knows the old key or not", async () => {
    const { key } = await api.register();
    const [warm, cold] = [await createApi({}, api), await createApi({}, api)];
    expect((await me(key, warm)).status).toBe(200);
    const fresh = await rotate(key);
    for (const app of [api, warm, cold]) {
      expect((await me(key, app)).status).toBe(200);
      expect((await app.publish(key, [newCard()])).status).toBe(201);
    }
    expect((await me(fresh, cold)).status).toBe(200);
    for (const app of [api, warm, cold]) expect((await me(key, app)).status).toBe(401);
  });

  test("whose answer was lost is repeated with the old key; then only the newest counts", async () => {
    const { key } = await api.register();
    const other = await createApi({}, api);
    const lost = await rotate(key);
    const lostToo = await rotate(key, other);
    const found = await rotate(key);
    for (const gone of [lost, lostToo]) expect((await me(gone)).status).toBe(401);
    expect((await me(key)).status).toBe(200);
    expect((await me(found, other)).status).toBe(200);
    expect((await me(key)).status).toBe(401);
    expect((await me(key, other)).status).toBe(401);
  });

  test("does not prolong the old key's 24 hours when repeated", async () => {
    const { id, key } = await api.register();
    await rotate(key);
    await api.sql`UPDATE api_keys SET expires_at = now() + interval '1 hour' WHERE user_id = ${id}`;
    await rotate(key);
    const [row] = await api.sql`
      SELECT count(*)::integer AS count, max(expires_at) < now() + interval '2 hours' AS soon
      FROM api_keys WHERE user_id = ${id}`;
    expect(row).toEqual({ count: 1, soon: true });
  });

  test("ends the old key after 24 hours though the new one was never used", async () => {
    const { id, key } = await api.register();
    await rotate(key);
    const [row] = await api.sql`
      SELECT expires_at BETWEEN now() + interval '23 hours 59 minutes' AND now() + interval '24 hours' AS right_time
      FROM api_keys WHERE user_id = ${id}`;
    expect(row).toEqual({ right_time: true });
    await api.sql`UPDATE api_keys SET expires_at = now() WHERE user_id = ${id}`;
    expect((await me(key)).status).toBe(401);
  });

  test("leaves named keys and shows no retiring key among them", async () => {
    const { key } = await api.register();
    const named = await makeKey(key, { name: "stays" });
    const fresh = await rotate(key);
    const list = await api.call<{ items: NamedKey[] }>("GET", "/api/keys", { key: fresh });
    expect(list.body.items.map(item => item.name)).toEqual(["stays"]);
    expect((await me(named.api_key)).status).toBe(200);
  });

  test("twice at the same time leaves one new key and the old one", async () => {
    const { id, key } = await api.register();
    const made = await Promise.all([rotate(key), rotate(key), rotate(key)]);
    const statuses = [];
    for (const fresh of made) statuses.push((await me(fresh)).status);
    expect(statuses.toSorted()).toEqual([200, 401, 401]);
    const [row] = await api.sql`SELECT count(*)::integer AS count FROM api_keys WHERE user_id = ${id}`;
    expect(row).toEqual({ count: 0 });
  });
});

describe("a user who is deactivated", () => {
  let member: Member;
  let cardId: string;
  beforeAll(async () => {
    member = await api.register();
    cardId = (await api.publishCard(member.key)).id;
    expect((await me(member.key)).status).toBe(200);
    await api.sql`UPDATE users SET is_active = false WHERE id = ${member.id}`;
  });

  const BAD_JSON = { raw: "{" };
  const BAD_TYPE = { raw: "{}", headers: { "content-type": "text/plain" } };
  test.each([
    ["GET", "/api/me", {}],
    ["PATCH", "/api/me", { body: { bio: "x" } }],
    ["PATCH", "/api/me", { body: {} }],
    ["PATCH", "/api/me", { body: { nonsense: 1 } }],
    ["PATCH", "/api/me", BAD_JSON],
    ["DELETE", "/api/me", {}],
    ["GET", "/api/keys", {}],
    ["GET", "/api/keys?limit=0", {}],
    ["POST", "/api/keys", { body: { name: "x" } }],
    ["POST", "/api/keys", { body: { name: "x", expires_at: "2020-01-01T00:00:00Z" } }],
    ["POST", "/api/keys", { body: {} }],
    ["DELETE", "/api/keys/0198c0de-0000-7000-8000-000000000000", {}],
    ["DELETE", "/api/keys/no-uuid", {}],
    ["POST", "/api/keys/rotate", {}],
    ["POST", "/api/publish", { body: { cards: [newCard()] } }],
    ["POST", "/api/publish", { body: { cards: [newCard({ privacy_level: "PRIVATE" })] } }],
    ["POST", "/api/publish", { body: { cards: [] } }],
    ["POST", "/api/publish", BAD_JSON],
    ["POST", "/api/publish", BAD_TYPE],
    ["GET", "/api/cards", {}],
    ["GET", "/api/cards?tag=none", {}],
    ["GET", "/api/cards?limit=0", {}],
    ["GET", "/api/cards?cursor=abc", {}],
    ["GET", "/api/cards/:card", {}],
    ["GET", "/api/cards/0198c0de-0000-7000-8000-000000000000", {}],
    ["GET", "/api/cards/no-uuid", {}],
    ["PATCH", "/api/cards/:card", { body: {} }],
    ["PATCH", "/api/cards/:card", { body: {}, headers: { "if-match": "*" } }],
    ["PATCH", "/api/cards/:card", BAD_JSON],
    ["DELETE", "/api/cards/:card", {}],
    ["DELETE", "/api/cards/no-uuid", {}],
    ["POST", "/api/users", { body: { username: "somebody", email: "somebody@example.org" } }],
    ["POST", "/api/users", { body: {} }],
  ])("is refused at once: %s %s %j", async (method, path, options) => {
    const answer = await api.call(method, path.replace(":card", cardId), { key: member.key, ...options });
    expect(answer).toMatchObject({ status: 401, body: { type: "/problems/unauthenticated" } });
  });
});

test("of many bad keys at once no more than the limit are looked at, and refusals say when to come back", async () => {
  const guarded = await createApi({ AUTH_FAILURES_PER_MINUTE: "5" });
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => guarded.call("GET", "/api/me", { key: generateKey() })),
  );
  expect(answers.filter(answer => answer.status === 401).length).toBe(5);
  const refused = answers.filter(answer => answer.status === 429);
  expect(refused.length).toBe(25);
  expect(refused[0]?.headers.get("ratelimit-limit")).toBe("5");
  expect(refused[0]?.headers.get("ratelimit-remaining")).toBe("0");
  expect(Number(refused[0]?.headers.get("ratelimit-reset"))).toBeGreaterThan(0);
});

test("a good key that many requests bring at once for the first time is refused to none of them", async () => {
  const open = await createApi();
  const { key } = await open.register();
  const guarded = await createApi({ AUTH_FAILURES_PER_MINUTE: "5" }, open);
  const answers = await Promise.all(Array.from({ length: 40 }, () => guarded.call("GET", "/api/me", { key })));
  expect(answers.every(answer => answer.status === 200)).toBe(true);
  expect((await guarded.call("GET", "/api/me", { key: generateKey() })).status).toBe(401);
});

test("a key that ends can't make one that ends later or never", async () => {
  const api = await createApi();
  const { key } = await api.register();
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  const later = new Date(Date.now() + 7_200_000).toISOString();
  const make = (by: string, expires_at: string | null) =>
    api.call<{ api_key: string }>("POST", "/api/keys", {
      key: by,
      body: { name: "k", scopes: ["read", "keys"], expires_at },
    });
  const ending = (await make(key, soon)).body.api_key;
  expect((await make(ending, later)).status).toBe(403);
  expect((await make(ending, null)).status).toBe(403);
  expect((await make(ending, soon)).status).toBe(201);
});
