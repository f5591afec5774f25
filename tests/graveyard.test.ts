// Bugs that systems like this one have shipped, and that no other file's tests are about; and the proof that the table in
// docs/reliability.md, which names a test for each of them, names tests that exist.

import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { createPool } from "../src/db.ts";
import { serverUrlOf } from "../src/embedded/server-login.ts";
import type { OpenApiDocument } from "../src/openapi/model.ts";
import { createApi, newCard } from "./api-support.ts";
import { createCast } from "./cast.ts";
import { PLANTS } from "./crash/plants.ts";
import { targetsOf } from "./fuzz/targets.ts";
import { change } from "./operator-support.ts";
import { createTestDatabase, PROJECT } from "./support.ts";
import { deviceOf, entity } from "./sync-support.ts";

setDefaultTimeout(60_000);

const GRAVES = 39;

const api = await createApi();
const cast = await createCast(api);
const { body: document } = await api.call<OpenApiDocument>("GET", "/openapi/json");
/** But for the stream, which ends with its reader. */
const calls = targetsOf(document).filter(({ path }) => !path.endsWith("/stream"));
const reads = calls.filter(({ method }) => method === "GET");

/** The address of a call, about the cast. */
function addressOf(path: string): string {
  const id = /\/users\//.test(path)
    ? cast.owner.id
    : /\/ledger\//.test(path)
      ? cast.entries[0]
      : /\/attributions\/\{/.test(path)
        ? cast.attribution
        : cast.card.id;
  const slug = path.startsWith("/problems/") ? "not-found" : cast.card.slug;
  return path
    .replace("{id}", id ?? "")
    .replace("{slug}", slug)
    .replace("{username}", cast.owner.name);
}

const keyFor = (path: string) => (path.startsWith("/api/admin/") ? cast.admin.key : cast.owner.key);

test("every grave has a test, and every test that the table names is there", async () => {
  const text = await Bun.file(join(PROJECT, "docs/reliability.md")).text();
  const planted = PLANTS.map(({ describe }) => `it finds ${describe}`).join("\n");
  const rows = [...text.matchAll(/^\| (\d+) \| .+? \| (.+) \|$/gm)];
  expect(rows.map(([, no]) => Number(no))).toEqual(Array.from({ length: GRAVES }, (_, at) => at + 1));
  for (const [, no, cell = ""] of rows) {
    const named = [...cell.matchAll(/`([\w/-]+)`: ([^;]+)/g)];
    expect([no, named.length > 0]).toEqual([no, true]);
    for (const [, file, name = ""] of named) {
      const source = await Bun.file(join(PROJECT, `tests/${file}.test.ts`)).text();
      const code = file === "crash-judge" ? source + planted : source;
      expect([no, file, name.trim(), code.includes(name.trim())]).toEqual([no, file, name.trim(), true]);
    }
  }
});

test("a payer taken from the body: whoever's key it is pays, and naming somebody else is refused", async () => {
  const { owner, other } = cast;
  const balanceOf = async (key: string) => (await api.call("GET", "/api/balance", { key })).body.balance;
  const before = [await balanceOf(owner.key), await balanceOf(other.key)];
  for (const name of ["from_user", "from", "payer", "user_id", "sender", "balance"]) {
    for (const who of [owner.id, owner.name]) {
      const body = { to_user: other.name, amount: "1.00", [name]: who };
      const headers = { "idempotency-key": crypto.randomUUID() };
      const paths = [`/api/transfers?${name}=${who}`, "/api/transfers"];
      for (const path of paths) {
        const { status } = await api.call("POST", path, { key: other.key, body, headers });
        expect([name, path, status]).toEqual([name, path, 422]);
      }
    }
  }
  const body = { cards: [newCard({ user_id: owner.id })] };
  expect((await api.call("POST", "/api/publish", { key: other.key, body })).status).toBe(422);
  expect([await balanceOf(owner.key), await balanceOf(other.key)]).toEqual(before);
});

test("a JSON answer that starts with < served as text/html: the API answers as JSON, CSV or events, whatever people wrote", async () => {
  const html = "<!doctype html><script>alert(1)</script>";
  const { key } = cast.owner;
  await api.call("PATCH", "/api/me", { key, body: { display_name: html, bio: html } });
  await api.publish(key, [newCard({ title: html, content: html, tags: [html] })]);
  await deviceOf(api, cast.owner).pushOne(entity("settings", html, { html }));
  for (const { path } of reads.filter(({ path }) => path.startsWith("/api/"))) {
    for (const accept of ["*/*", "text/html", html]) {
      const answer = await api.call("GET", addressOf(path), { key: keyFor(path), headers: { accept } });
      const type = answer.headers.get("content-type") ?? "";
      expect([path, accept, /^(application\/(problem\+)?json|text\/csv)\b/.test(type)]).toEqual([path, accept, true]);
      expect([path, answer.headers.get("x-content-type-options")]).toEqual([path, "nosniff"]);
    }
  }
});

test("CORS * with credentials: no answer lets a page of another origin read it", async () => {
  const headers = {
    origin: "https://evil.example",
    "access-control-request-method": "DELETE",
    "access-control-request-headers": "authorization",
  };
  for (const { path } of calls) {
    for (const method of ["OPTIONS", "HEAD"]) {
      const answer = await api.call(method, addressOf(path), { key: keyFor(path), headers });
      const names = [...answer.headers.keys()].filter(name => name.startsWith("access-control-"));
      expect([method, path, names]).toEqual([method, path, []]);
    }
  }
});

test("bcrypt in the request path: a busy client pays it once, and the event loop turns meanwhile", async () => {
  // The cost of a server as it comes, beside which the loop would stand still for 70 ms and more at a time.
  const real = await createApi({ BCRYPT_COST: "10" }, api);
  const members = await Promise.all(Array.from({ length: 4 }, () => real.register()));
  const cold = await createApi({ BCRYPT_COST: "10" }, api);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const answers = await Promise.all(members.map(({ key }) => cold.call("GET", "/api/me", { key })));
  clearInterval(timer);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(turns).toBeGreaterThan(20);
  const { user: before } = process.cpuUsage();
  for (let no = 0; no < 100; no++) await cold.call("GET", "/api/me", { key: members[0]?.key });
  // A hundred comparisons of cost 10 take six seconds of computing.
  expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(3);
});

test("a new pool for each request: hundreds at once use the connections that there are", async () => {
  const { url, sql } = await createTestDatabase();
  const pool = createPool(serverUrlOf(url), { application: "pool under test" });
  const pooled = await createApi({}, { sql, url, pool });
  const { key } = await pooled.register();
  const asked = Promise.all(
    Array.from({ length: 300 }, (_, no) =>
      no % 3 === 0
        ? pooled.publish(key, [newCard()])
        : pooled.call("GET", no % 3 === 1 ? "/api/me" : "/api/stats", { key }),
    ),
  );
  const countConnections = async () => {
    const [row] = await sql<{ count: number }[]>`
      SELECT count(*)::int AS count FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'pool under test'`;
    return row?.count ?? 0;
  };
  const seen = [await countConnections(), await countConnections()];
  const statuses = new Set((await asked).map(({ status }) => status));
  seen.push(await countConnections());
  expect(Math.max(...seen)).toBeWithin(1, 11);
  expect([...statuses].sort()).toEqual([200, 201]);
  await pool.end();
});

test("limit=-1 answers 500: every list refuses a limit and a cursor that are none, and is a list where it is empty", async () => {
  const lists = reads.filter(({ operation }) =>
    operation.parameters.some(parameter => "name" in parameter && parameter.name === "limit"),
  );
  expect(lists.length).toBeGreaterThan(10);
  const newcomer = await api.register();
  for (const { path } of lists) {
    const key = keyFor(path);
    for (const bad of [
      "limit=-1",
      "limit=0",
      "limit=201",
      "limit=1.5",
      "limit=x",
      "limit=",
      "limit=1e2",
      "limit=1&limit=2",
    ]) {
      const { status, text } = await api.call("GET", `${addressOf(path)}?${bad}`, { key });
      expect([path, bad, status, text]).toEqual([path, bad, 422, text]);
    }
    const { status } = await api.call("GET", `${addressOf(path)}?cursor=x`, { key });
    expect([path, status]).toEqual([path, 422]);
    if (path.includes("{") || path.startsWith("/api/admin/")) continue;
    const { body } = await api.call<{ items: unknown }>("GET", path, { key: newcomer.key });
    // Everybody has an initial grant, and a profile to pull.
    if (!/ledger|pull/.test(path)) expect([path, body.items]).toEqual([path, []]);
    expect([path, Array.isArray(body.items)]).toEqual([path, true]);
  }
});

test("a query sent outside its transaction: on a single connection, nothing waits for itself", async () => {
  const { url, sql } = await createTestDatabase();
  const pool = createPool(serverUrlOf(url), { max: 1 });
  const single = await createApi({}, { sql, url, pool });
  // All that needs transactions: registration, keys, publishing, citing, withdrawing, pushing, conflicts. (A check of all
  // the books has several at once, which is how it is meant.)
  const { owner, other, admin, auditor, card, cited } = await createCast(single);
  const { key } = owner;
  const headers = { "if-match": "*", "idempotency-key": "once" };
  const title = "Another title";
  const statuses = [
    await single.call("PATCH", `/api/cards/${card.id}`, { key, body: { title }, headers }),
    await single.call("PATCH", "/api/me", { key, body: { bio: title } }),
    await single.call("POST", "/api/transfers", { key, body: { to_user: other.id, amount: "0.01" }, headers }),
    await change(single, admin, other.id, "deactivate"),
    await change(single, admin, other.id, "activate"),
    await change(single, admin, other.id, "rotate-key"),
    await change(single, admin, auditor.id, "role", { role: "member" }),
    await single.call("GET", "/api/admin/integrity", { key: admin.key }),
    await single.call("GET", `/api/cards/${cited.id}/graph`, { key }),
    await single.call("GET", "/api/admin/users?q=user", { key: admin.key }),
    await single.call("GET", "/api/admin/analytics/attributions", { key: admin.key }),
    await single.call("POST", "/api/keys/rotate", { key }),
    await single.call("DELETE", "/api/me", { key }),
  ].map(({ status }) => status);
  expect(statuses).toEqual([200, 200, 201, 200, 200, 200, 200, 200, 200, 200, 200, 200, 204]);
  await pool.end();
});
