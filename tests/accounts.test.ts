// Accounts: who may register and under which name, the profile, and what erasure leaves behind.

import { beforeAll, describe, expect, test } from "bun:test";
import { verifyDatabase } from "../src/migrate/verify.ts";
import { type Api, createApi, listen, newCard, newName, readAnswer, tablesWith, toInit } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";

let api: Api;
beforeAll(async () => {
  api = await createApi();
});

type Registered = { user: Record<string, unknown> & { id: string }; api_key: string };
type Profile = { id: string; username: string; email: string; balance: string };

const signUp = (body: unknown, options: { key?: string; api?: Api; headers?: Record<string, string> } = {}) => {
  const { api: other = api, ...rest } = options;
  return other.call<Registered>("POST", "/api/users", { body, ...rest });
};

const person = (more: Record<string, unknown> = {}) => {
  const username = newName();
  return { username, email: `${username}@example.org`, ...more };
};

const countUsers = async () => Number((await api.sql`SELECT count(*) FROM users`)[0]?.count);

describe("registration", () => {
  test("gives a profile, a key that works, and the initial grant as a ledger entry", async () => {
    const wanted = person({ display_name: "Ada Ĺ. 🦊", bio: "Two\nlines" });
    const { status, body } = await signUp(wanted);
    expect(status).toBe(201);
    expect(Object.keys(body).toSorted()).toEqual(["api_key", "user"]);
    expect(body.user).toEqual({
      ...wanted,
      id: expect.any(String),
      avatar_url: null,
      profile_url: null,
      role: "member",
      balance: "10.00",
      is_active: true,
      email_verified: false,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      updated_at: expect.any(String),
    });
    expect((await api.call("GET", "/api/me", { key: body.api_key })).body).toEqual(body.user);
    const entries = await api.sql`
      SELECT transaction_type, amount, balance_before, balance_after, user_seq::integer
      FROM extropy_ledger WHERE user_id = ${body.user.id}`;
    expect([...entries]).toEqual([
      {
        transaction_type: "initial_grant",
        amount: "10.00",
        balance_before: "0.00",
        balance_after: "10.00",
        user_seq: 1,
      },
    ]);
  });

  test("grants what INITIAL_GRANT says, and writes no entry for nothing", async () => {
    for (const [grant, balance, entries] of [
      ["0", "0.00", 0],
      ["123456789012345678.9", "123456789012345678.90", 1],
    ] as const) {
      const { body } = await signUp(person(), { api: await createApi({ INITIAL_GRANT: grant }, api) });
      expect(body.user.balance).toBe(balance);
      const rows = await api.sql`SELECT FROM extropy_ledger WHERE user_id = ${body.user.id}`;
      expect(rows.length).toBe(entries);
    }
  });

  test("shows the key once and logs it never", async () => {
    const { body } = await signUp(person());
    const later = await api.call("GET", "/api/me", { key: body.api_key });
    expect(later.text).not.toContain(body.api_key);
    expect(api.logs.join("")).not.toContain(body.api_key.slice(13));
  });

  test("where it is closed is for admins", async () => {
    const closed = await createApi({ REGISTRATION: "closed" });
    const admin = await closed.createAdmin();
    expect(await signUp(person(), { api: closed })).toMatchObject({ status: 401 });
    expect(await signUp({ bad: "body" }, { api: closed })).toMatchObject({ status: 401 });
    const member = await signUp(person(), { api: closed, key: admin.key });
    expect(member.status).toBe(201);
    expect(member.body.user.role).toBe("member");
    expect(await signUp(person(), { api: closed, key: member.body.api_key })).toMatchObject({ status: 403 });
    await closed.sql`UPDATE users SET role = 'auditor' WHERE id = ${member.body.user.id}`;
    expect(await signUp(person(), { api: closed, key: member.body.api_key })).toMatchObject({ status: 403 });

    const named = await closed.call<{ api_key: string }>("POST", "/api/keys", { key: admin.key, body: { name: "x" } });
    expect(await signUp(person(), { api: closed, key: named.body.api_key })).toMatchObject({ status: 403 });
    await closed.sql`UPDATE users SET role = 'member' WHERE id = ${admin.id}`;
    expect(await signUp(person(), { api: closed, key: admin.key })).toMatchObject({ status: 403 });
  });

  test("where it is open is for anybody, whoever they are already", async () => {
    const member = await api.register();
    expect((await signUp(person(), { key: member.key })).status).toBe(201);
    expect((await signUp(person(), { key: "ext_bad" })).status).toBe(401);
  });

  test("is limited by address and hour where it is open, and names when to come back", async () => {
    const limited = await createApi({ REGISTRATIONS_PER_HOUR: "2" });
    for (let n = 0; n < 2; n++) expect((await signUp(person(), { api: limited })).status).toBe(201);
    const refused = await signUp(person(), { api: limited });
    expect(refused).toMatchObject({ status: 429, body: { type: "/problems/rate-limited" } });
    expect(Number(refused.headers.get("retry-after"))).toBeWithin(3500, 3601);
  });

  test("with a bad body uses up nothing of the limit, but trying out names does", async () => {
    const limited = await createApi({ REGISTRATIONS_PER_HOUR: "2" }, api);
    const taken = (await api.register()).name;
    for (let n = 0; n < 3; n++) expect((await signUp({ username: "A" }, { api: limited })).status).toBe(422);
    expect((await signUp(person({ username: taken }), { api: limited })).status).toBe(409);
    expect((await signUp(person(), { api: limited })).status).toBe(201);
    expect((await signUp(person(), { api: limited })).status).toBe(429);
  });

  test("of many at the same time stays within the limit", async () => {
    const limited = await createApi({ REGISTRATIONS_PER_HOUR: "5" });
    const answers = await Promise.all(Array.from({ length: 20 }, () => signUp(person(), { api: limited })));
    const statuses = answers.map(answer => answer.status);
    expect(statuses.filter(status => status === 201)).toHaveLength(5);
    expect(statuses.filter(status => status === 429)).toHaveLength(15);
  });

  test("by an admin has no limit", async () => {
    const limited = await createApi({ REGISTRATIONS_PER_HOUR: "1" });
    const admin = await limited.createAdmin();
    for (let n = 0; n < 3; n++) expect((await signUp(person(), { api: limited, key: admin.key })).status).toBe(201);
    expect((await signUp(person(), { api: limited })).status).toBe(201);
  });

  test("counts by the address that a trusted proxy names, and believes nobody else", async () => {
    const from = (address: string) => ({ "x-forwarded-for": address });
    for (const [proxies, statuses] of [
      ["127.0.0.1", [201, 429, 201]],
      ["", [201, 429, 429]],
    ] as const) {
      const limited = await createApi({ REGISTRATIONS_PER_HOUR: "1", TRUSTED_PROXIES: proxies });
      const { baseUrl, stop } = listen(limited);
      const answers = [];
      for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.2"]) {
        const init = toInit("POST", { body: person(), headers: from(`198.51.100.9, ${address}`) });
        answers.push((await readAnswer(await fetch(`${baseUrl}/api/users`, init))).status);
      }
      await stop();
      expect(answers).toEqual([...statuses]);
    }
  });
});

describe("a username", () => {
  test.each(["abc", "a-b", "a.b", "a_b", "0-9", "a".repeat(64), "admin-2", "systems"])("may be %s", async username => {
    const email = `${crypto.randomUUID()}@example.org`;
    expect((await signUp({ username, email })).status).toBe(201);
  });

  test.each([
    "",
    "ab",
    "a".repeat(65),
    "Alice",
    "ALICE",
    "-ab",
    "ab-",
    ".ab",
    "ab_",
    "a b",
    " abc",
    "abc\n",
    "a/b",
    "a@b",
    "ab\u200fc",
    "ab\u202ec",
    "ab\u200bc",
    "ab\u00adc",
    "аbc", // a Cyrillic letter
    "ıab", // a dotless i
    "ab\0c",
    "\ud800abc",
    "0198c0de-0000-7000-8000-000000000000",
    "00000000-0000-0000-0000-000000000000",
    "admin",
    "system",
    "Admin",
    5,
    null,
    {},
  ])("is never %j", async username => {
    const before = await countUsers();
    const answer = await signUp({ username, email: `${crypto.randomUUID()}@example.org` });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: "/username" }] } });
    expect(await countUsers()).toBe(before);
  });

  test("that somebody has is taken, whatever its case", async () => {
    const { name } = await api.register();
    expect(await signUp(person({ username: name }))).toMatchObject({
      status: 409,
      body: { type: "/problems/username-taken" },
    });
    await api.sql`
      INSERT INTO users (username, email, api_key_hash, api_key_prefix) VALUES ('MixedCase', 'mixed@example.org', 'x', 'x')`;
    expect(await signUp(person({ username: "mixedcase" }))).toMatchObject({ status: 409 });
  });

  test("is given to one of many who ask for it at the same time", async () => {
    const username = newName();
    const answers = await Promise.all(Array.from({ length: 10 }, () => signUp(person({ username }))));
    expect(answers.map(answer => answer.status).toSorted()).toEqual([201, ...Array(9).fill(409)]);
  });
});

describe("an e-mail address", () => {
  test("that somebody has is taken, whatever its case", async () => {
    const { name } = await api.register();
    const email = `${name.toUpperCase()}@Example.ORG`;
    expect(await signUp(person({ email }))).toMatchObject({ status: 409, body: { type: "/problems/email-taken" } });
    const other = await api.register();
    const change = await api.call("PATCH", "/api/me", { key: other.key, body: { email } });
    expect(change).toMatchObject({ status: 409, body: { type: "/problems/email-taken" } });
  });

  test.each([
    "",
    "a",
    "a@b",
    "a b@example.org",
    "a@example.org\n",
    "a\0@example.org",
    `${"a".repeat(250)}@example.org`,
    null,
  ])("is never %j", async email => {
    const answer = await signUp({ username: newName(), email });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: "/email" }] } });
  });
});

describe("the profile", () => {
  test("changes where it is told to and stays elsewhere", async () => {
    const { key } = await api.register();
    const before = (await api.call<Profile>("GET", "/api/me", { key })).body;
    const change = {
      display_name: "Somebody Else",
      bio: "Bio",
      avatar_url: "https://example.org/a.png",
      profile_url: "http://example.org/",
    };
    const changed = await api.call<Profile>("PATCH", "/api/me", { key, body: change });
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({ ...before, ...change, updated_at: expect.any(String) } as typeof changed.body);
    const cleared = await api.call("PATCH", "/api/me", { key, body: { bio: null, avatar_url: null } });
    expect(cleared.body).toMatchObject({ display_name: "Somebody Else", bio: null, avatar_url: null });
    const untouched = await api.call("PATCH", "/api/me", { key, body: {} });
    expect(untouched.body).toMatchObject({ display_name: "Somebody Else", profile_url: "http://example.org/" });
  });

  test("has an e-mail address that is not verified any more once it is another", async () => {
    const { id, key } = await api.register();
    await api.sql`UPDATE users SET email_verified = true WHERE id = ${id}`;
    const bio = await api.call("PATCH", "/api/me", { key, body: { bio: "x" } });
    expect(bio.body.email_verified).toBe(true);
    const same = await api.call("PATCH", "/api/me", { key, body: { email: bio.body.email } });
    expect(same.body.email_verified).toBe(true);
    const moved = await api.call("PATCH", "/api/me", { key, body: { email: `${crypto.randomUUID()}@example.org` } });
    expect(moved.body.email_verified).toBe(false);
  });

  test.each([
    { username: "another" },
    { role: "admin" },
    { balance: "1000.00" },
    { extropy_balance: "1000.00" },
    { is_active: true },
    { id: "0198c0de-0000-7000-8000-000000000000" },
    { email_verified: true },
    { display_name: "a\u202eb" },
    { display_name: "a\nb" },
    { display_name: "a".repeat(501) },
    { display_name: "\ud800" },
    { bio: "a\0b" },
    { bio: "\udfff" },
    { bio: 5 },
    { bio: "x".repeat(10_001) },
    { avatar_url: "javascript:alert(1)" },
    { avatar_url: "data:text/html,x" },
    { avatar_url: "//example.org/x" },
    { profile_url: "ftp://example.org" },
    { profile_url: "https://example.org/\0" },
    { profile_url: `https://example.org/${"x".repeat(2048)}` },
    { email: null },
    { email: "x" },
  ])("can't be changed by %j", async body => {
    const { key } = await api.register();
    const before = (await api.call("GET", "/api/me", { key })).body;
    const answer = await api.call("PATCH", "/api/me", { key, body });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: `/${Object.keys(body)[0]}` }] } });
    expect((await api.call("GET", "/api/me", { key })).body).toEqual(before);
  });

  test("takes display names of 500 characters, emoji too", async () => {
    const { key } = await api.register();
    const display_name = "👩🏽".repeat(250);
    expect((await api.call("PATCH", "/api/me", { key, body: { display_name } })).body).toMatchObject({ display_name });
  });
});

describe("erasure", () => {
  test("withdraws the cards, burns the balance, frees the name and ends the keys", async () => {
    const other = await createApi({}, api);
    const member = await api.register();
    const profile = { display_name: "Erased Person", bio: "secret-bio", profile_url: "https://example.org/secret-url" };
    await api.call("PATCH", "/api/me", { key: member.key, body: profile });
    const named = await api.call<{ api_key: string }>("POST", "/api/keys", {
      key: member.key,
      body: { name: "secret-key" },
    });
    const answer = await api.publish(
      member.key,
      [
        newCard({
          title: "secret-title",
          content: "secret-content",
          tags: ["secret-tag"],
          metadata: { m: "secret-meta" },
        }),
      ],
      { client_id: "secret-client" },
    );
    const id = answer.body.cards[0]?.id;
    expect((await other.call("GET", "/api/me", { key: member.key })).status).toBe(200);

    expect(await api.call("DELETE", "/api/me", { key: member.key })).toMatchObject({ status: 204, text: "" });

    const stranger = await api.register();
    for (const key of [member.key, named.body.api_key]) {
      for (const app of [api, other]) expect((await app.call("GET", "/api/me", { key })).status).toBe(401);
    }
    expect((await api.call("GET", `/api/cards/${id}`, { key: stranger.key })).status).toBe(410);
    expect((await api.call("DELETE", "/api/me", { key: member.key })).status).toBe(401);

    const [user] = await api.sql`SELECT extropy_balance, is_active, erased_at FROM users WHERE id = ${member.id}`;
    expect(user).toEqual({ extropy_balance: "0.00", is_active: false, erased_at: expect.any(String) });
    const entries = await api.sql`
      SELECT transaction_type, amount FROM extropy_ledger WHERE user_id = ${member.id} ORDER BY user_seq`;
    expect([...entries]).toEqual([
      { transaction_type: "initial_grant", amount: "10.00" },
      { transaction_type: "publish_reward", amount: "1.00" },
      { transaction_type: "admin_adjustment", amount: "-11.00" },
    ]);
    for (const text of ["secret-", "Erased Person", member.name]) expect(await tablesWith(api.sql, text)).toEqual([]);

    expect((await signUp({ username: member.name, email: `${member.name}@example.org` })).status).toBe(201);
    await expectBalancedBooks(api.sql);
    expect(await verifyDatabase(api.url, { report: () => {} })).toBe(true);
  });

  test("of somebody who holds nothing writes no entry", async () => {
    const poor = await createApi({ INITIAL_GRANT: "0" }, api);
    const { id, key } = await poor.register();
    expect((await poor.call("DELETE", "/api/me", { key })).status).toBe(204);
    expect((await api.sql`SELECT FROM extropy_ledger WHERE user_id = ${id}`).length).toBe(0);
  });

  test("leaves attributions as records, without their notes", async () => {
    const [author, citing] = [await api.register(), await api.register()];
    const [source, target] = [await api.publishCard(author.key), await api.publishCard(citing.key)];
    const [attribution] = await api.sql`
      INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type, attribution_note)
      VALUES (${source.id}, ${author.id}, ${target.id}, ${citing.id}, 'inspiration', 'note-of-mine') RETURNING id`;
    for (const { key } of [author, citing]) expect((await api.call("DELETE", "/api/me", { key })).status).toBe(204);
    const rows = await api.sql`SELECT attribution_note FROM attributions WHERE id = ${attribution?.id}`;
    expect([...rows]).toEqual([{ attribution_note: null }]);
  });

  test("of an account twice at the same time happens once", async () => {
    const { id, key } = await api.register();
    const answers = await Promise.all([1, 2, 3].map(() => api.call("DELETE", "/api/me", { key })));
    expect(answers.map(answer => answer.status).toSorted()).toEqual([204, 401, 401]);
    expect((await api.sql`SELECT FROM extropy_ledger WHERE user_id = ${id}`).length).toBe(2);
  });

  test("of the last active admin is refused, and of one of two who leave together as well", async () => {
    const own = await createApi();
    const first = await own.createAdmin();
    const second = await own.register();
    await own.sql`UPDATE users SET role = 'admin', is_active = false WHERE id = ${second.id}`;
    const refused = await own.call("DELETE", "/api/me", { key: first.key });
    expect(refused).toMatchObject({ status: 409, body: { type: "/problems/last-admin" } });
    expect((await own.call("GET", "/api/me", { key: first.key })).status).toBe(200);

    await own.sql`UPDATE users SET is_active = true WHERE id = ${second.id}`;
    const answers = await Promise.all([first, second].map(({ key }) => own.call("DELETE", "/api/me", { key })));
    expect(answers.map(answer => answer.status).toSorted()).toEqual([204, 409]);
  });

  test("while cards are being published leaves none of them standing", async () => {
    const { id, key } = await api.register();
    const publishing = Array.from({ length: 8 }, () => api.publish(key, [newCard()]));
    const erased = api.call("DELETE", "/api/me", { key });
    const statuses = (await Promise.all(publishing)).map(answer => answer.status);
    expect((await erased).status).toBe(204);
    expect(statuses.every(status => status === 201 || status === 401)).toBe(true);
    const standing = await api.sql`SELECT FROM cards WHERE user_id = ${id} AND (is_published OR content <> '')`;
    expect(standing.length).toBe(0);
    await expectBalancedBooks(api.sql);
  });
});
