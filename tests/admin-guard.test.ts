// Who gets into /api/admin: admins everywhere, auditors where nothing changes, and only with a key of scope admin.

import { expect, setDefaultTimeout, test } from "bun:test";
import { createApi } from "./api-support.ts";

setDefaultTimeout(60_000);

const api = await createApi();
const admin = await api.registerOperator("admin");
const auditor = await api.registerOperator("auditor");
const member = await api.register();

const nobody = "00000000-0000-7000-8000-000000000000";
const calls = api.app.routes.filter(({ path }) => path.startsWith("/api/admin/"));
const addressOf = (path: string) => path.replace(":id", path.includes("ledger") ? "999999999" : nobody);

test("strangers learn nothing from any call, whatever they send", async () => {
  expect(calls.length).toBeGreaterThan(0);
  for (const { method, path } of calls) {
    for (const address of [addressOf(path), `${addressOf(path)}?x=1`, path.replace(":id", "x")]) {
      const { status, body } = await api.call(method, address, method === "GET" ? {} : { raw: "{" });
      expect({ method, address, status, type: body.type }).toMatchObject({
        status: 401,
        type: "/problems/unauthenticated",
      });
    }
  }
});

test("members are refused before anything is said about what they sent", async () => {
  for (const { method, path } of calls) {
    const { status } = await api.call(method, `${addressOf(path)}?x=1`, {
      key: member.key,
      ...(method === "GET" ? {} : { raw: "{" }),
    });
    expect({ method, path, status }).toMatchObject({ status: 403 });
  }
});

test("auditors may read and change nothing", async () => {
  // A check of the books changes none of them.
  for (const { method, path } of calls.filter(call => call.path !== "/api/admin/integrity")) {
    const { status, text } = await api.call(method, addressOf(path), {
      key: auditor.key,
      ...(method === "GET" ? {} : { body: {} }),
    });
    expect({ method, path, isRefused: status === 403, text }).toMatchObject({ isRefused: method !== "GET" });
  }
});

test("a key without the scope admin is refused whoever has it, and one with it is taken", async () => {
  for (const operator of [admin, auditor]) {
    const made = (name: string, scopes?: string[]) =>
      api.call<{ api_key: string }>("POST", "/api/keys", { key: operator.key, body: { name, scopes } });
    const [ordinary, full] = [await made("ordinary"), await made("full", ["admin"])];
    const path = `/api/admin/users/${member.id}`;
    expect((await api.call("GET", path, { key: ordinary.body.api_key })).status).toBe(403);
    expect((await api.call("GET", path, { key: full.body.api_key })).status).toBe(200);
  }
});

test("a role that is taken away is gone at once, though the key is remembered", async () => {
  const former = await api.registerOperator("admin");
  const look = () => api.call("GET", `/api/admin/users/${member.id}`, { key: former.key });
  expect((await look()).status).toBe(200);
  await api.sql`UPDATE users SET role = 'member' WHERE id = ${former.id}`;
  expect((await look()).status).toBe(403);
  await api.sql`UPDATE users SET is_active = false WHERE id = ${former.id}`;
  expect((await look()).status).toBe(401);
});
