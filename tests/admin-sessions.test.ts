// Sessions of operators: who gets one, what it rests on, when it ends, and that no other site can use it.

import { expect, test } from "bun:test";
import { SESSIONS_MAX } from "../src/auth/session.ts";
import { type Api, createApi, type Member } from "./api-support.ts";
import { cookieOf, signInByForm } from "./browser-support.ts";
import { change } from "./operator-support.ts";

const api = await createApi();
const admin = await api.registerOperator("admin");
const auditor = await api.registerOperator("auditor");

function get(path: string, cookie = "", headers: Record<string, string> = {}, of: Api = api): Promise<Response> {
  return of.app.handle(new Request(`http://localhost${path}`, { headers: { cookie, ...headers } }));
}

function post(path: string, fields: Record<string, string>, cookie = "", headers: Record<string, string> = {}) {
  return api.app.handle(
    new Request(`http://localhost${path}`, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { "sec-fetch-site": "same-origin", cookie, ...headers },
    }),
  );
}

async function signIn(operator: Member): Promise<string> {
  const answer = await signInByForm(api, operator);
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/admin"]);
  return cookieOf(answer);
}

const isOpen = async (cookie: string) => (await get("/admin/users", cookie)).status === 200;

test("a stranger is sent from every page to sign in, and afterwards to where they wanted", async () => {
  const routes = api.app.routes.filter(({ method, path }) => method === "GET" && path.startsWith("/admin"));
  expect(routes.length).toBeGreaterThan(5);
  for (const { path } of routes) {
    const address = path.replace(/:\w+/g, admin.id);
    const answer = await get(`${address}?q=a%26b`);
    expect([path, answer.status]).toEqual([path, path.endsWith("/tail") ? 401 : 303]);
    if (answer.status === 303) {
      const next = new URL(answer.headers.get("location") ?? "", "http://localhost").searchParams.get("next");
      expect(next).toBe(`${address}?q=a%26b`);
    }
    expect(await answer.text()).toBe("");
  }
  const body = { username: admin.name, api_key: admin.key, next: "/admin/users?role=admin" };
  expect((await post("/sign-in", body)).headers.get("location")).toBe("/admin/users?role=admin");
});

test("nobody is sent to another place after signing in", async () => {
  for (const next of [
    "https://evil.example",
    "//evil.example",
    "/admin/../x\\y",
    "/adminx",
    "javascript:1",
    "/admin\n",
  ]) {
    const answer = await post("/sign-in", { username: admin.name, api_key: admin.key, next });
    expect([next, answer.headers.get("location")]).toEqual([next, "/admin"]);
  }
});

test("the cookie can't be read by scripts, and over https has the prefix that ties it to the host", async () => {
  const [plain = ""] = (await signInByForm(api, admin)).headers.getSetCookie();
  expect(plain).toMatch(/^extrophi_session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/);
  const secure = await createApi({ PUBLIC_BASE_URL: "https://cards.example.org" }, api);
  const [cookie = ""] = (await signInByForm(secure, admin)).headers.getSetCookie();
  expect(cookie).toMatch(/^__Host-extrophi_session=[\w-]{43}; Path=\/; .*HttpOnly; SameSite=Lax; Secure$/);
  expect((await get("/admin/users", cookie.split(";")[0], {}, secure)).status).toBe(200);
  expect((await get("/admin/users", cookie.replace("__Host-", "").split(";")[0], {}, secure)).status).toBe(303);
});

test("a session that is over is taken from the browser under the name that it had, behind a proxy that speaks https, too", async () => {
  const over = `extrophi_session=${"x".repeat(43)}`;
  const [plain = ""] = (await get("/admin", over)).headers.getSetCookie();
  expect(plain).toBe("extrophi_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
  const secure = await createApi({ PUBLIC_BASE_URL: "https://cards.example.org" }, api);
  const [cookie = ""] = (await get("/admin", `__Host-${over}`, {}, secure)).headers.getSetCookie();
  expect(cookie).toBe("__Host-extrophi_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
});

test("of two sessions in one request none counts, whichever comes first: one of them may have been slipped in", async () => {
  const [own, slipped] = [await signIn(admin), await signIn(auditor)];
  const [name] = own.split("=");
  expect([await isOpen(own), await isOpen(slipped), await isOpen(`${own}; ${own}`)]).toEqual([true, true, true]);
  for (const cookie of [
    `${own}; ${slipped}`,
    `${slipped}; theme=dark; ${own}`,
    `${name}=; ${own}`,
    `${own}; ${name}=x`,
  ]) {
    expect([cookie, await isOpen(cookie)]).toEqual([cookie, false]);
  }
});

test("the database holds no token, and no log line does", async () => {
  const cookie = await signIn(admin);
  const token = cookie.split("=")[1] ?? "";
  await get("/admin/users", cookie);
  const rows = await api.sql`SELECT FROM operator_sessions s WHERE strpos(s::text, ${token}) > 0`;
  expect(rows).toHaveLength(0);
  expect(api.logs.filter(line => line.includes(token) || line.includes(admin.key))).toEqual([]);
});

test("only operators get in, and a wrong name, a wrong key and no key read alike", async () => {
  const member = await api.register();
  const answer = await signInByForm(api, member);
  expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
  const texts = [];
  for (const [username, api_key] of [
    [auditor.name, admin.key],
    ["nobody-at-all", admin.key],
    [admin.name, "ext_00000000_00000000000000000000000000000000000000"],
    [admin.name, ""],
    [admin.name, "x".repeat(5000)],
    ["a\0b", "\0"],
  ] as const) {
    const refused = await post("/sign-in", { username, api_key });
    expect([refused.status, refused.headers.getSetCookie()]).toEqual([401, []]);
    texts.push((await refused.text()).replace(/value="[^"]*"/g, "").replace(" autofocus", ""));
  }
  expect(new Set(texts.map(text => text.replaceAll(" autofocus", ""))).size).toBe(1);
});

test("a key without the scope admin opens no session", async () => {
  const { body } = await api.call<{ api_key: string }>("POST", "/api/keys", {
    key: admin.key,
    body: { name: "script" },
  });
  expect((await signInByForm(api, { ...admin, key: body.api_key })).status).toBe(403);
});

test("bad keys of one address are counted, then none is looked at", async () => {
  const strict = await createApi({ AUTH_FAILURES_PER_MINUTE: "3" }, api);
  const fresh = await api.registerOperator("admin");
  const statuses = [];
  for (let no = 0; no < 5; no++) {
    statuses.push((await signInByForm(strict, { ...fresh, key: `${fresh.key.slice(0, -1)}-` })).status);
  }
  expect(statuses).toEqual([401, 401, 401, 429, 429]);
  const blocked = await signInByForm(strict, fresh);
  expect([blocked.status, Number(blocked.headers.get("retry-after")) > 0]).toEqual([429, true]);
});

test("a session ends when its key is rotated or revoked, its account deactivated or made a member", async () => {
  const endings: Record<string, (operator: Member) => Promise<unknown>> = {
    "its key was replaced": ({ id }) => change(api, admin, id, "rotate-key"),
    "it was deactivated": ({ id }) => change(api, admin, id, "deactivate"),
    "its role was taken": ({ id }) => change(api, admin, id, "role", { role: "member" }),
    "it was erased": ({ key }) => api.call("DELETE", "/api/me", { key }),
  };
  for (const [name, end] of Object.entries(endings)) {
    const operator = await api.registerOperator("auditor");
    const cookie = await signIn(operator);
    expect([name, await isOpen(cookie)]).toEqual([name, true]);
    await end(operator);
    expect([name, await isOpen(cookie)]).toEqual([name, false]);
  }
  const operator = await api.registerOperator("admin");
  const { body: named } = await api.call<{ id: string; api_key: string }>("POST", "/api/keys", {
    key: operator.key,
    body: { name: "browser", scopes: ["admin"] },
  });
  const cookie = await signIn({ ...operator, key: named.api_key });
  await api.call("DELETE", `/api/keys/${named.id}`, { key: operator.key });
  expect(await isOpen(cookie)).toBe(false);
});

test("a session ends an hour after its last use, and twelve hours after it was begun however much it is used", async () => {
  const age = async (cookie: string, column: "created_at" | "last_seen_at", minutes: number) => {
    const token_hash = new Bun.CryptoHasher("sha256").update(cookie.split("=")[1] ?? "").digest("hex");
    await api.sql`
      UPDATE operator_sessions SET ${api.sql(column)} = now() - ${minutes} * interval '1 minute'
      WHERE token_hash = ${token_hash}`;
  };
  const idle = await signIn(admin);
  await age(idle, "last_seen_at", 59);
  expect(await isOpen(idle)).toBe(true);
  await age(idle, "created_at", 12 * 60 - 1);
  expect(await isOpen(idle)).toBe(true);
  await age(idle, "last_seen_at", 61);
  expect(await isOpen(idle)).toBe(false);
  const long = await signIn(admin);
  await age(long, "created_at", 12 * 60 + 1);
  expect(await isOpen(long)).toBe(false);
});

test("an operator has 20 sessions; the oldest ends when another one begins", async () => {
  const [operator, other] = [await api.registerOperator("admin"), await api.registerOperator("admin")];
  const bystander = await signIn(other);
  const cookies: string[] = [];
  for (let n = 0; n < SESSIONS_MAX; n++) cookies.push(await signIn(operator));
  expect(SESSIONS_MAX).toBe(20);
  const openOf = (some: string[]) => Promise.all(some.map(isOpen));
  expect(await openOf(cookies)).toEqual(cookies.map(() => true));
  const page = await (await get("/admin/sessions", cookies[0])).text();
  expect(page.match(/<button type="submit" name="session"/g)?.length ?? 0).toBe(SESSIONS_MAX);

  const another = await signIn(operator);
  expect(await openOf([...cookies, another])).toEqual([false, ...cookies.slice(1).map(() => true), true]);
  expect(await isOpen(bystander)).toBe(true);
});

test("of 30 sessions that begin at once 20 are left, and those that are over take nobody's place", async () => {
  const operator = await api.registerOperator("auditor");
  await Promise.all(Array.from({ length: 30 }, () => signIn(operator)));
  const count = async () => (await api.sql`SELECT FROM operator_sessions WHERE user_id = ${operator.id}`).length;
  expect(await count()).toBe(SESSIONS_MAX);
  const [first] = await api.sql<{ token_hash: string }[]>`
    UPDATE operator_sessions SET created_at = created_at - interval '1 hour' WHERE token_hash = (
      SELECT min(token_hash) FROM operator_sessions WHERE user_id = ${operator.id}) RETURNING token_hash`;
  await api.sql`
    UPDATE operator_sessions SET last_seen_at = now() - interval '61 minutes' WHERE token_hash = (
      SELECT max(token_hash) FROM operator_sessions WHERE user_id = ${operator.id})`;
  await signIn(operator);
  expect(await count()).toBe(SESSIONS_MAX);
  expect(await api.sql`SELECT FROM operator_sessions WHERE token_hash = ${first?.token_hash ?? ""}`).toHaveLength(1);
});

test("using a session is noted, so that it goes on", async () => {
  const cookie = await signIn(admin);
  const token_hash = new Bun.CryptoHasher("sha256").update(cookie.split("=")[1] ?? "").digest("hex");
  await api.sql`UPDATE operator_sessions SET last_seen_at = now() - interval '50 minutes' WHERE token_hash = ${token_hash}`;
  await isOpen(cookie);
  const [row] = await api.sql<{ is_fresh: boolean }[]>`
    SELECT last_seen_at > now() - interval '1 minute' AS is_fresh FROM operator_sessions WHERE token_hash = ${token_hash}`;
  expect(row?.is_fresh).toBe(true);
});

test("a live list that stands open is no use, so that the session ends all the same", async () => {
  const cookie = await signIn(admin);
  const token_hash = new Bun.CryptoHasher("sha256").update(cookie.split("=")[1] ?? "").digest("hex");
  await api.sql`UPDATE operator_sessions SET last_seen_at = now() - interval '50 minutes' WHERE token_hash = ${token_hash}`;
  const stream = await get("/admin/ledger/tail", cookie);
  expect(stream.status).toBe(200);
  await stream.body?.cancel();
  const [row] = await api.sql<{ is_old: boolean }[]>`
    SELECT last_seen_at < now() - interval '49 minutes' AS is_old FROM operator_sessions WHERE token_hash = ${token_hash}`;
  expect(row?.is_old).toBe(true);
});

test("signing out ends this session, or all of them", async () => {
  const operator = await api.registerOperator("admin");
  const [one, two, three] = [await signIn(operator), await signIn(operator), await signIn(operator)];
  const answer = await post("/sign-out", {}, one);
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/sign-in"]);
  expect(answer.headers.getSetCookie()[0]).toContain("Max-Age=0");
  expect([await isOpen(one), await isOpen(two), await isOpen(three)]).toEqual([false, true, true]);
  await post("/sign-out", { everywhere: "1" }, two);
  expect([await isOpen(two), await isOpen(three)]).toEqual([false, false]);
});

test("a form from another site, or from none, changes nothing", async () => {
  const cookie = await signIn(admin);
  const { id } = await api.register();
  const fields = { reason: "because" };
  const origins: Record<string, string>[] = [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "none" },
    { "sec-fetch-site": "cross-site", origin: "http://localhost" },
  ];
  for (const headers of origins) {
    expect((await post(`/admin/users/${id}/activate`, fields, cookie, headers)).status).toBe(403);
    expect((await post("/sign-in", { username: admin.name, api_key: admin.key }, "", headers)).status).toBe(403);
    expect((await post("/sign-out", { everywhere: "1" }, cookie, headers)).status).toBe(403);
  }
  expect(await isOpen(cookie)).toBe(true);
  for (const [origin, status] of [
    ["http://evil.example", 403],
    ["null", 403],
    [undefined, 403],
    ["http://localhost", 303],
  ] as const) {
    const headers = new Headers({ cookie, host: "localhost", ...(origin ? { origin } : {}) });
    const body = new URLSearchParams(fields);
    const request = new Request(`http://localhost/admin/users/${id}/activate`, { method: "POST", body, headers });
    expect([origin, (await api.app.handle(request)).status]).toEqual([origin, status]);
  }
});

test("a form without a session leads to signing in, says that nothing was changed, and back to where it was", async () => {
  const { id } = await api.register();
  const headers = { referer: `http://localhost/admin/users/${id}/deactivate` };
  const answer = await post(`/admin/users/${id}/deactivate`, { reason: "x", confirm: "x" }, "", headers);
  const location = answer.headers.get("location") ?? "";
  expect([answer.status, location]).toEqual([
    303,
    `/sign-in?${new URLSearchParams({ next: `/admin/users/${id}/deactivate`, lost: "1" })}`,
  ]);
  expect(await (await get(location)).text()).toContain("nothing was changed");
  const [row] = await api.sql<{ is_active: boolean }[]>`SELECT is_active FROM users WHERE id = ${id}`;
  expect(row?.is_active).toBe(true);
});

test("a part of a page that a script asks for sends the whole page to sign in", async () => {
  const answer = await get("/admin/users?q=a", "", {
    "hx-request": "true",
    "hx-current-url": "http://localhost/admin/users",
  });
  expect(answer.status).toBe(401);
  expect(answer.headers.get("hx-redirect")).toBe(`/sign-in?${new URLSearchParams({ next: "/admin/users?q=a" })}`);
});

test("pages are kept by nobody, and let no script run but ours", async () => {
  const cookie = await signIn(admin);
  for (const answer of [await get("/admin/users", cookie), await get("/sign-in")]) {
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("form-action 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  }
});

test("an admin page is compressed for whoever takes that", async () => {
  const cookie = await signIn(admin);
  const plain = await (await get("/admin/users", cookie)).text();
  const answer = await get("/admin/users", cookie, { "accept-encoding": "br, gzip" });
  expect(answer.headers.get("content-encoding")).toBe("gzip");
  const text = Buffer.from(Bun.gunzipSync(new Uint8Array(await answer.arrayBuffer()))).toString();
  const timeless = (html: string) => html.replace(/Made in .*? ms/, "").replace(/\d+ (s|min) ago|now/g, "");
  expect(timeless(text)).toBe(timeless(plain));
});

test("what another site has a browser send comes without the cookie, and takes it from nobody", async () => {
  for (const path of ["/admin/theme", "/sign-out", "/admin/users", `/admin/users/${admin.id}/deactivate`]) {
    const headers = { "sec-fetch-site": "cross-site", origin: "https://evil.example", accept: "text/html" };
    const answer = await post(path, {}, "", headers);
    expect([path, answer.status, answer.headers.getSetCookie()]).toEqual([path, 303, []]);
  }
});
