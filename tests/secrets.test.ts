// Everything that a server lets out, collected over a run in which every kind of secret is used: what it prints and logs,
// what it answers, its metrics, its traces, PostgreSQL's log, and what the process list shows of its children.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generateKey } from "../src/auth/key.ts";
import { createPool, type Sql } from "../src/db.ts";
import { openEmbedded } from "../src/embedded.ts";
import { toInit } from "./api-support.ts";
import { startOtlpReceiver } from "./otlp-receiver.ts";
import { Collected, collectProcesses, KEYS, processesIn } from "./secrets-support.ts";
import { createFolder, type Server, startServer } from "./server.ts";
import { createTestDatabase, emptyDatabase } from "./support.ts";

setDefaultTimeout(120_000);

const COLLECTORS_TOKEN = "a-token-that-only-the-collector-knows";
const METRICS_TOKEN = "a-token-that-only-prometheus-knows";

/**
 * Uses the server in every way in which a secret comes in or goes out, rightly and wrongly, and breaks its database in
 * the end. Gives the secrets; what was answered is collected, but for answers whose purpose is to hand one out.
 */
async function useEverything(server: Server, adminKey: string, owner: Sql, collected: Collected) {
  const secrets: Record<string, string> = { adminKey };
  const call = async (method: string, path: string, options: Parameters<typeof toInit>[1] = {}) => {
    const response = await fetch(server.baseUrl + path, { ...toInit(method, options), redirect: "manual" });
    const text = await response.text();
    collected.add(
      `the headers of ${method} ${path}`,
      JSON.stringify([...response.headers].filter(([name]) => name !== "set-cookie")),
    );
    return { response, text };
  };
  const use = async (...args: Parameters<typeof call>) => {
    const { response, text } = await call(...args);
    collected.add(`the answer to ${args[0]} ${args[1]}`, text);
    return { status: response.status, text };
  };
  const handOut = async (name: string, ...args: Parameters<typeof call>) => {
    const { response, text } = await call(...args);
    if (!response.ok) throw new Error(`${args[1]} answers ${response.status}: ${text}`);
    secrets[name] = (JSON.parse(text) as { api_key: string }).api_key;
    return secrets[name];
  };

  const person = (name: string) => ({ username: name, email: `${name}@example.org` });
  const first = await handOut("firstKey", "POST", "/api/users", { key: adminKey, body: person("ada") });
  const named = await handOut("namedKey", "POST", "/api/keys", { key: first, body: { name: "laptop" } });
  const rotated = await handOut("rotatedKey", "POST", "/api/keys/rotate", { key: first });
  await handOut("otherKey", "POST", "/api/users", { key: adminKey, body: person("bob") });
  for (const key of [first, named, rotated, adminKey, METRICS_TOKEN]) {
    for (const path of ["/api/me", "/api/keys", "/api/ledger", "/api/admin/users", "/metrics", "/openapi/json", "/"]) {
      await use("GET", path, { key });
    }
    await use("GET", `/api/cards?q=${encodeURIComponent(key)}`, { key });
    await use("GET", `/nothing?api_key=${encodeURIComponent(key)}`, {});
    await use("POST", "/api/publish", { key, raw: "{" });
    await use("POST", "/api/publish", { key, body: { cards: [], api_key: 1 } });
    await use("DELETE", "/api/keys/no-id", { key, headers: { "x-request-id": "x".repeat(200) } });
  }
  secrets.privateText = `private ${crypto.randomUUID()}`;
  const card = { title: secrets.privateText, content: secrets.privateText, privacy_level: "PRIVATE" };
  expect((await use("POST", "/api/publish", { key: rotated, body: { cards: [card] } })).status).toBe(200);
  const mistyped = `${rotated.slice(0, -2)}zz`;
  secrets.unknownKey = generateKey();
  for (const key of [mistyped, secrets.unknownKey, "Basic dXNlcg=="]) await use("GET", "/api/me", { key });
  await use("POST", "/api/transfers", {
    key: rotated,
    body: { to_user: "bob", amount: "1.00" },
    headers: { "idempotency-key": "one" },
  });

  const sign = (username: string, api_key: string) =>
    fetch(`${server.baseUrl}/sign-in`, {
      method: "POST",
      redirect: "manual",
      headers: { origin: server.baseUrl },
      body: new URLSearchParams({ username, api_key }),
    });
  collected.add("a refused sign-in", await (await sign("admin", secrets.unknownKey)).text());
  const signedIn = await sign("admin", adminKey);
  const [cookie = ""] = signedIn.headers.get("set-cookie")?.split(";") ?? [];
  secrets.sessionToken = cookie.slice(cookie.indexOf("=") + 1);
  for (const path of ["/admin", "/admin/users", "/admin/audit", "/admin/sessions", "/admin/integrity"]) {
    const answer = await fetch(server.baseUrl + path, { headers: { cookie, accept: "text/html" } });
    expect([path, answer.status]).toEqual([path, 200]);
    collected.add(`the page ${path}`, await answer.text());
  }
  await use("GET", "/admin/users", { headers: { cookie: `${cookie.split("=")[0]}=${"x".repeat(43)}` } });

  const hashes = await owner<{ name: string; hash: string }[]>`
    SELECT 'hash of ' || username AS name, api_key_hash AS hash FROM users WHERE api_key_hash LIKE '$%'
    UNION ALL SELECT 'hash of a named key', key_hash FROM api_keys
    UNION ALL SELECT 'hash of a session', token_hash FROM operator_sessions`;
  expect(hashes.length).toBeGreaterThan(4);
  for (const { name, hash } of hashes) secrets[name] = hash;

  await owner.unsafe("ALTER TABLE cards RENAME TO things; ALTER TABLE api_keys RENAME TO codes");
  for (const [method, path] of [
    ["GET", "/api/cards"],
    ["GET", "/api/keys"],
    ["POST", "/api/keys/rotate"],
  ] as const) {
    expect((await use(method, path, { key: rotated })).status).toBe(500);
  }
  await owner.unsafe("ALTER TABLE things RENAME TO cards; ALTER TABLE codes RENAME TO api_keys");
  const metrics = await use("GET", "/metrics", { key: METRICS_TOKEN });
  expect(metrics.text).toContain("extrophi_problems_total");
  return secrets;
}

test.skipIf(!existsSync("/proc/self/environ"))(
  "nothing that a server with a database of its own lets out holds a key, a hash or a password",
  async () => {
    const dataDir = createFolder();
    const adminKey = generateKey();
    const collector = startOtlpReceiver();
    const env = {
      ...{ DATA_DIR: dataDir, ADMIN_API_KEY: adminKey, METRICS_TOKEN, LOG_LEVEL: "trace" },
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${COLLECTORS_TOKEN}`,
    };
    const server = await startServer(env);
    const beside = await openEmbedded({ dataDir });
    const owner = createPool(beside.url, { max: 1 });
    const collected = new Collected();
    const secrets = await useEverything(server, adminKey, owner, collected);
    secrets.superuserPassword = new URL(beside.url).password;
    secrets.serverPassword = new URL(beside.serverUrl).password;
    secrets.metricsToken = METRICS_TOKEN;
    secrets.collectorsToken = COLLECTORS_TOKEN;
    const [login] = await owner<{ verifier: string }[]>`
      SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = 'extrophi_server'`;
    secrets.verifier = login?.verifier ?? "";
    const postgres = processesIn(beside.dataDir).filter(pid => pid !== server.pid && pid !== process.pid);
    expect(postgres.length).toBeGreaterThan(0);
    collectProcesses(collected, server, postgres);
    await owner.end();
    await beside.close();
    expect(await server.stop()).toBe(0);
    await collector.stop();
    const names = new Set(collector.spans.map(({ name }) => name));
    for (const name of ["POST /api/keys/rotate", "POST /sign-in", "GET /admin/audit"])
      expect([...names]).toContain(name);
    for (const body of collector.bodies) collected.add("the traces", body);
    collected.add("standard output", server.stdout());
    collected.add("standard error", server.stderr());
    collected.add("PostgreSQL's log", readFileSync(join(beside.dataDir, "postgres.log"), "utf8"));
    expect(server.stdout()).toContain('"msg":"request"');
    expect(collected.size).toBeGreaterThan(100_000);
    expect(collected.find(secrets)).toEqual([]);
  },
);

test.skipIf(!existsSync("/proc/self/environ"))(
  "nothing that a server lets out holds the addresses of the database",
  async () => {
    const { url, sql } = await createTestDatabase();
    const adminKey = generateKey();
    const role = `extrophi secrets ${crypto.randomUUID().slice(0, 8)}`;
    const password = "pass word/with:every@thing?";
    const serverUrl = new URL(url);
    serverUrl.username = encodeURIComponent(role);
    serverUrl.password = encodeURIComponent(password);
    const env = {
      DATABASE_URL: serverUrl.href,
      DATABASE_OWNER_URL: url,
      ADMIN_API_KEY: adminKey,
      METRICS_TOKEN,
      LOG_LEVEL: "trace",
    };
    const collected = new Collected();
    const addresses = {
      ownerPassword: new URL(url).password,
      ownerUrl: url,
      serverPassword: password,
      serverUrl: serverUrl.href,
    };
    const server = await startServer(env);
    try {
      const secrets = await useEverything(server, adminKey, sql, collected);
      collectProcesses(collected, server);
      await server.stop();
      collected.add("standard output", server.stdout());
      collected.add("standard error", server.stderr());
      expect(collected.find({ ...secrets, ...addresses })).toEqual([]);
    } finally {
      await sql.unsafe(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
    }
  },
);

test("a first start prints the admin's key once, where nobody else has said it, and logs it never", async () => {
  const { url } = await emptyDatabase();
  const server = await startServer({ DATABASE_URL: url, LOG_LEVEL: "trace" });
  await server.stop();
  const keys = server.stdout().match(KEYS) ?? [];
  expect(keys).toHaveLength(1);
  expect(server.stderr()).not.toContain(keys[0] ?? "");
  expect(
    server
      .stdout()
      .split("\n")
      .filter(line => line.startsWith("{") && line.includes("ext_")),
  ).toEqual([]);
});
