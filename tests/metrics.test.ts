// /metrics: the numbers are those of requests that were really made, whoever makes up addresses can't make it grow, and
// nothing in it is anybody's.

import { expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { generateKey } from "../src/auth/key.ts";
import { CommitSharing, type SharedKind } from "../src/commit-sharing.ts";
import { createPool, loadOf } from "../src/db.ts";
import { checkIntegrity } from "../src/ledger/integrity/check.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import { signedIn } from "./admin-page-support.ts";
import { createApi, createApiWithoutDatabase, listen, newCard } from "./api-support.ts";
import { lint, readMetrics, scrape } from "./metrics-support.ts";
import { createTestDatabase, holdLock } from "./support.ts";

setDefaultTimeout(60_000);

const TOKEN = "a-token-of-enough-letters";

test("counts requests by route and status, and how long they took", async () => {
  const api = await createApi();
  const { key } = await api.register();
  for (let no = 0; no < 3; no++) await api.publishCard(key);
  await api.publish(key, [newCard({ content: "" })]);
  for (const id of ["no-id", crypto.randomUUID()]) await api.call("GET", `/api/cards/${id}`, { key });
  const found = await scrape(api);
  const requests = (method: string, route: string, status: string) =>
    found.value("extrophi_http_requests_total", { method, route, status });
  expect(requests("POST", "/api/publish", "201")).toBe(3);
  expect(requests("POST", "/api/publish", "422")).toBe(1);
  expect(requests("GET", "/api/cards/:id", "404")).toBe(2);
  expect(found.value("extrophi_http_request_duration_seconds_count", { method: "POST", route: "/api/publish" })).toBe(
    4,
  );
  expect(found.value("extrophi_problems_total", { type: "validation" })).toBe(1);
  expect(found.value("extrophi_problems_total", { type: "not-found" })).toBe(2);
  expect(found.value("extrophi_commit_commands_count", { kind: "publish" })).toBe(3);
  expect(found.value("extrophi_key_cache_keys")).toBe(1);
  expect(found.value("extrophi_key_cache_lookups_total", { result: "hit" })).toBe(6);
  expect(found.value("extrophi_database_up")).toBe(1);
  expect(found.value("extrophi_ledger_entries", { type: "publish_reward" })).toBe(3);
  expect(found.value("extrophi_ledger_entries", { type: "initial_grant" })).toBe(1);
});

test("is text that Prometheus takes, with a help and a type for each number", async () => {
  const api = await createApi();
  await api.publishCard((await api.register()).key);
  const answer = await api.call("GET", "/metrics");
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const found = readMetrics(answer.text);
  expect(lint(found)).toEqual([]);
  const names = found.families.map(({ name }) => name);
  for (const name of [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "nodejs_eventloop_lag_p99_seconds",
  ]) {
    expect(names).toContain(name);
  }
  expect(names.filter(name => /heap_space|nodejs_version/.test(name))).toEqual([]);
});

test("does not grow with addresses and methods that strangers make up, and names nobody", async () => {
  const api = await createApi();
  const served = listen(api);
  const member = await api.register();
  const card = await api.publishCard(member.key);
  for (let no = 0; no < 20; no++) {
    await fetch(`${served.baseUrl}/made/up/${crypto.randomUUID()}`, { method: no % 2 ? "GET" : "PURGE" });
    await fetch(`${served.baseUrl}/cards/${crypto.randomUUID()}`);
    await api.call("GET", `/api/users/${crypto.randomUUID()}/attributions`, { key: member.key });
  }
  await fetch(`${served.baseUrl}/cards/${card.slug}`);
  const text = await (await fetch(`${served.baseUrl}/metrics`)).text();
  await served.stop();
  const { value } = readMetrics(text);
  const unmatched = { route: "unmatched", status: "404" };
  expect(value("extrophi_http_requests_total", { method: "GET", ...unmatched })).toBe(10);
  expect(value("extrophi_http_requests_total", { method: "other", ...unmatched })).toBe(10);
  expect(value("extrophi_http_requests_total", { method: "GET", route: "/cards/:slug", status: "404" })).toBe(20);
  expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  for (const personal of [member.name, member.key, member.key.slice(0, 12), card.slug ?? ""]) {
    expect(text).not.toContain(personal);
  }
});

test("is open without METRICS_TOKEN; with it, whoever has another one is refused", async () => {
  const closed = await createApi({ METRICS_TOKEN: TOKEN });
  const status = async (authorization?: string) =>
    (await closed.call("GET", "/metrics", { headers: authorization === undefined ? {} : { authorization } })).status;
  expect(await status()).toBe(401);
  expect(await status("Bearer ")).toBe(401);
  expect(await status(`Bearer ${TOKEN}x`)).toBe(401);
  expect(await status(`Basic ${btoa(`metrics:${TOKEN}`)}`)).toBe(401);
  expect(await status(`Bearer ${(await closed.createAdmin()).key}`)).toBe(401);
  expect(await status(`Bearer ${TOKEN}`)).toBe(200);
  const refused = await closed.call("GET", "/metrics");
  expect(refused.headers.get("www-authenticate")).toStartWith("Bearer");
  expect(refused.text).not.toContain(TOKEN);
  expect((await (await createApi()).call("GET", "/metrics")).status).toBe(200);
});

test("counts what limits refuse, by the limit", async () => {
  const api = await createApi({ RATE_LIMIT_PER_MINUTE: "2", AUTH_FAILURES_PER_MINUTE: "1" });
  const { key } = await api.register();
  for (let no = 0; no < 5; no++) await api.call("GET", "/api/me", { key });
  for (let no = 0; no < 3; no++) await api.call("GET", "/api/me", { key: generateKey() });
  const { families } = await scrape(api);
  const refusals = families.find(({ name }) => name === "extrophi_rate_limit_refusals_total")?.samples ?? [];
  expect(Object.fromEntries(refusals.map(({ labels, value }) => [labels.limit, value]))).toMatchObject({
    requests: 3,
    "bad-keys": 2,
  });
});

test("says within two seconds that the database is away, and keeps what it knew", async () => {
  const away = createApiWithoutDatabase();
  const startedAt = performance.now();
  const found = await scrape(away);
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  expect(found.value("extrophi_database_up")).toBe(0);
  expect(found.families.find(({ name }) => name === "extrophi_ledger_entries")?.samples).toEqual([]);
  await away.call("GET", "/readyz");
  const { value } = await scrape(away);
  expect(value("extrophi_problems_total", { type: "unavailable" })).toBe(1);
  expect(value("extrophi_http_requests_total", { method: "GET", route: "/readyz", status: "503" })).toBe(1);
});

test("tells what the last check of the books found, whoever made it, and when the last clean one was", async () => {
  const api = await createApi();
  const { key } = await api.register();
  expect((await scrape(api)).value("extrophi_integrity_clean_timestamp_seconds")).toBeUndefined();
  await checkIntegrity(api.sql, { full: true });
  const other = await createApi({}, api);
  const clean = await scrape(other);
  const cleanAt = clean.value("extrophi_integrity_clean_timestamp_seconds") ?? 0;
  expect(Math.abs(cleanAt - Date.now() / 1000)).toBeLessThan(60);
  expect(clean.value("extrophi_integrity_violations", { scope: "all", invariant: "balances" })).toBe(0);
  expect(clean.value("extrophi_integrity_violated_timestamp_seconds", { scope: "all" })).toBeUndefined();

  await api.publishCard(key);
  await api.sql.begin(async tx => {
    await tx`SET LOCAL session_replication_role = replica`;
    await tx`UPDATE users SET extropy_balance = extropy_balance + 1 WHERE username <> 'system'`;
  });
  expect((await checkIntegrity(api.sql, { full: true })).ok).toBe(false);
  expect((await checkIntegrity(api.sql, { full: false })).ok).toBe(false);
  const red = await scrape(await createApi({}, api));
  for (const scope of ["all", "new"]) {
    expect(red.value("extrophi_integrity_violations", { scope, invariant: "balances" })).toBe(1);
    expect(red.value("extrophi_integrity_checked_timestamp_seconds", { scope })).toBeGreaterThan(cleanAt);
  }
  expect(red.value("extrophi_integrity_clean_timestamp_seconds")).toBe(cleanAt);

  await api.sql.begin(async tx => {
    await tx`SET LOCAL session_replication_role = replica`;
    await tx`UPDATE users SET extropy_balance = extropy_balance - 1 WHERE username <> 'system'`;
  });
  expect((await checkIntegrity(api.sql, { full: true })).ok).toBe(true);
  const mended = await scrape(await createApi({}, api));
  expect(mended.value("extrophi_integrity_violations", { scope: "all", invariant: "balances" })).toBe(0);
  expect(mended.value("extrophi_integrity_violated_timestamp_seconds", { scope: "all" })).toBeGreaterThan(cleanAt);
});

test("tells of the pool: connections at work, without work, and statements in line", async () => {
  const { url, sql: other } = await createTestDatabase();
  const sql = createPool(url, { max: 2 });
  expect(loadOf(sql)).toEqual({ inUse: 0, idle: 0, waiting: 0 });
  const release = await holdLock(other, tx => tx`SELECT pg_advisory_xact_lock(1)`);
  const work = Promise.all([1, 2, 3, 4, 5].map(() => sql`SELECT pg_advisory_xact_lock_shared(1)`));
  while (loadOf(sql).inUse < 2) await Bun.sleep(10);
  expect(loadOf(sql)).toEqual({ inUse: 2, idle: 0, waiting: 3 });
  await release();
  await work;
  expect(loadOf(sql)).toEqual({ inUse: 0, idle: 2, waiting: 0 });
  const inTransaction = sql.begin(async tx => {
    await tx`SELECT 1`;
    return loadOf(sql);
  });
  expect(await inTransaction).toEqual({ inUse: 1, idle: 1, waiting: 0 });
  await sql.end();
});

test("tells of devices that wait for changes", async () => {
  const api = await createApi();
  const served = listen(api);
  const { key } = await api.register();
  const headers = { authorization: `Bearer ${key}` };
  const gone = new AbortController();
  const streams = await Promise.all(
    ["a", "b"].map(id => fetch(`${served.baseUrl}/api/sync/stream?client_id=${id}`, { headers, signal: gone.signal })),
  );
  const waiting = async () => {
    const { value } = await scrape(api);
    return [value("extrophi_sync_waiting", { by: "stream" }), value("extrophi_sync_waiting", { by: "pull" })];
  };
  expect(streams.map(({ status }) => status)).toEqual([200, 200]);
  expect(await waiting()).toEqual([2, 0]);
  gone.abort();
  while ((await waiting())[0] !== 0) await Bun.sleep(10);
  await served.stop();
});

test("tells of requests that are under way, streams among them, and not of those that were answered", async () => {
  const api = await createApi();
  expect((await scrape(api)).value("extrophi_http_requests_in_flight")).toBeUndefined();
  const served = listen(api);
  const { key } = await api.register();
  const headers = { authorization: `Bearer ${key}` };
  const inFlight = async () => {
    const { value } = readMetrics(await (await fetch(`${served.baseUrl}/metrics`)).text());
    return value("extrophi_http_requests_in_flight");
  };
  const gone = new AbortController();
  for (const id of ["a", "b"]) {
    await fetch(`${served.baseUrl}/api/sync/stream?client_id=${id}`, { headers, signal: gone.signal });
    await (await fetch(`${served.baseUrl}/api/me`, { headers })).text();
  }
  // The scrape itself is one.
  expect(await inFlight()).toBe(3);
  gone.abort();
  while ((await inFlight()) !== 1) await Bun.sleep(10);
  await served.stop();
});

test("tells of the bytes of large bodies that are on their way, until they are in or given up", async () => {
  const api = await createApi();
  const served = listen(api);
  const { key } = await api.register();
  const bytes = async () => (await scrape(api)).value("extrophi_http_body_reading_bytes");
  // The process is one, whatever test used it before.
  while ((await bytes()) !== 0) await Bun.sleep(10);
  const socket = connect(served.port, "127.0.0.1");
  socket.on("error", () => {});
  const head = `POST /api/publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json`;
  socket.write(`${head}\r\nContent-Length: 300000\r\n\r\n`);
  socket.write(Buffer.alloc(200_000, "x"));
  while ((await bytes()) !== 200_000) await Bun.sleep(10);
  socket.destroy();
  while ((await bytes()) !== 0) await Bun.sleep(10);
  await served.stop();
});

test("tells of keys that wait for bcrypt, and of those that are being compared", async () => {
  const api = await createApi({ BCRYPT_COST: "10" });
  const pending = async () => (await scrape(api)).value("extrophi_bcrypt_pending");
  expect(await pending()).toBe(0);
  // So many that it takes longer than a scrape.
  const asked = Promise.all(Array.from({ length: 16 }, () => api.call("GET", "/api/me", { key: generateKey() })));
  while ((await pending()) === 0) await Bun.sleep(1);
  expect((await asked).map(({ status }) => status)).toEqual(Array(16).fill(401));
  expect(await pending()).toBe(0);
});

test("tells of live lists of operators, as long as they are open", async () => {
  const api = await createApi();
  const { cookie } = await signedIn(api, await api.registerOperator("auditor"));
  const lists = async () => (await scrape(api)).value("extrophi_admin_live_lists");
  expect(await lists()).toBe(0);
  const gone = new AbortController();
  const headers = { cookie, "sec-fetch-site": "same-origin" };
  const request = new Request("http://localhost/admin/ledger/tail?limit=50", { headers, signal: gone.signal });
  expect((await api.app.handle(request)).status).toBe(200);
  expect(await lists()).toBe(1);
  gone.abort();
  while ((await lists()) !== 0) await Bun.sleep(10);
});

test("tells how many texts are kept as HTML, and how long they are together", async () => {
  const api = await createApi();
  const { key } = await api.register();
  const card = await api.publishCard(key, newCard({ content: "*word* ".repeat(1_000) }));
  const kept = async () => {
    const { value } = await scrape(api);
    return [value("extrophi_text_cache_texts"), value("extrophi_text_cache_characters")] as const;
  };
  expect(await kept()).toEqual([0, 0]);
  const { text: page } = await api.call("GET", `/cards/${card.slug}`);
  expect(page).toContain("<em>word</em>");
  const [texts, characters = 0] = await kept();
  expect(texts).toBe(1);
  expect(characters).toBeWithin(1_000 * "<em>word</em> ".length, 1_000 * "<em>word</em> ".length + 500);
  await api.call("GET", `/cards/${card.slug}`);
  expect(await kept()).toEqual([texts, characters]);
});

test("tells of commits: how many commands each carried, which failed, were done one by one, or refused", async () => {
  const metrics = new Metrics();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const kind: SharedKind<number, number> = {
    name: "double",
    async execute(commands) {
      await held;
      if (commands.includes(13)) throw new Error("thirteen");
      return commands.map(command => command * 2);
    },
    claimsOf: () => [],
    weightOf: command => (command === 99 ? 1_000_000 : 1),
  };
  const line: CommitSharing<number, number> = new CommitSharing(
    kind,
    true,
    metrics.watchCommits(kind.name, () => line.waiting),
  );
  const read = async () => readMetrics((await metrics.expose()).text);
  const first = [1, 2, 3, 4, 13].map(command => line.submit(command).catch(() => "failed"));
  expect((await read()).value("extrophi_commit_waiting_commands", { kind: "double" })).toBe(4);
  release();
  expect(await Promise.all(first)).toEqual([2, 4, 6, 8, "failed"]);
  const heavy = [1, 99, 99, 2].map(command => line.submit(command).catch(() => "refused"));
  expect(await Promise.all(heavy)).toEqual([2, 198, 198, "refused"]);

  const { value } = await read();
  const labels = { kind: "double" };
  // 1 alone, [2, 3, 4, 13] in vain, each of those alone, 1 alone, 99 twice alone.
  expect(value("extrophi_commit_commands_count", labels)).toBe(9);
  expect(value("extrophi_commit_commands_bucket", { ...labels, le: "1" })).toBe(8);
  expect(value("extrophi_commit_commands_bucket", { ...labels, le: "4" })).toBe(9);
  expect(value("extrophi_commit_failures_total", labels)).toBe(2);
  expect(value("extrophi_commit_splits_total", labels)).toBe(1);
  expect(value("extrophi_commit_refusals_total", labels)).toBe(1);
});

test("entries are counted to the last one, also those whose ids are older than what was seen before", async () => {
  const api = await createApi();
  const { key, id } = await api.register();
  const count = async () =>
    (await scrape(await createApi({}, api))).value("extrophi_ledger_entries", { type: "publish_reward" }) ?? 0;
  const { BooksReader } = await import("../src/metrics/books-store.ts");
  const reader = new BooksReader(api.sql);
  const read = async () => (await reader.read()).entries.publish_reward ?? 0;
  await api.publishCard(key);
  expect(await read()).toBe(1);
  const other = await api.register();
  // Has taken its id, and commits after younger ones were seen.
  const commit = await holdLock(
    api.sql,
    tx => tx`INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, description)
      SELECT u.id, 'bonus', 1.00, u.extropy_balance, u.extropy_balance + 1.00, 'Bonus' FROM users u WHERE u.id = ${id}`,
  );
  for (let no = 0; no < 3; no++) {
    await api.publishCard(other.key);
    expect(await read()).toBe(2 + no);
  }
  await commit();
  for (let no = 0; no < 3; no++) expect((await reader.read()).entries).toMatchObject({ bonus: 1, publish_reward: 4 });
  expect(await count()).toBe(4);
});
