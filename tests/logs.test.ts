// Log lines: one for each request with what an operator needs, and neither in them nor in any answer anything that
// is secret, private or about the inside of the server.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type Api,
  type CallOptions,
  createApi,
  createApiWithoutDatabase,
  listen,
  newCard,
  toInit,
} from "./api-support.ts";

type Line = Record<string, unknown> & { request_id: string; msg: string };

let api: Api;
let served: ReturnType<typeof listen>;
beforeAll(async () => {
  api = await createApi();
  served = listen(api);
});
afterAll(() => served.stop());

/** Calls the listening server and gives its answer with the lines that were logged about it. */
async function callLogged(method: string, path: string, options: CallOptions = {}) {
  const response = await fetch(served.baseUrl + path, { ...toInit(method, options), redirect: "manual" });
  await response.text();
  const id = response.headers.get("x-request-id") ?? "";
  const find = () => api.logs.map(line => JSON.parse(line) as Line).filter(({ request_id }) => request_id === id);
  // The line is written after the answer was sent.
  for (let tries = 0; tries < 2_000 && !find().some(({ msg }) => msg === "request"); tries++) await Bun.sleep(5);
  return { status: response.status, id, lines: find() };
}

describe("the line of a request", () => {
  test("says which, what, how it ended, how long it took and who it was", async () => {
    const { id: user_id, key } = await api.register();
    const { id, lines } = await callLogged("GET", "/api/me", { key });
    expect(lines).toEqual([
      {
        level: 30,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        request_id: id,
        method: "GET",
        route: "/api/me",
        status: 200,
        duration_ms: expect.any(Number),
        user_id,
        msg: "request",
      },
    ]);
  });

  test("has the status that was sent, whatever made the answer, and comes once", async () => {
    const { key } = await api.register();
    const card = await api.publishCard(key);
    const gone = await api.publishCard(key);
    const calls: [string, string, CallOptions, number][] = [
      ["GET", "/healthz", {}, 200],
      ["HEAD", "/healthz", {}, 200],
      ["HEAD", "/api/me", { key }, 200],
      ["OPTIONS", "/api/me", {}, 204],
      ["GET", "/nothing", {}, 404],
      ["HEAD", "/nothing", {}, 404],
      ["GET", "/api/nothing", { key }, 404],
      ["PUT", "/api/me", {}, 405],
      ["GET", "/api/me", {}, 401],
      ["GET", "/api/cards/no-id", { key }, 404],
      ["GET", "/api/cards/%zz", { key }, 404],
      ["GET", "/api/cards?limit=0", { key }, 422],
      ["GET", `/cards/${card.slug}`, {}, 200],
      ["GET", `/cards/${card.slug}`, { headers: { "if-none-match": "*" } }, 304],
      ["GET", "/openapi", {}, 200],
      ["GET", "/feed.xml", {}, 200],
      ["GET", "/api/ledger", { key, headers: { accept: "text/csv" } }, 200],
      ["DELETE", `/api/cards/${gone.id}`, { key }, 204],
      ["GET", `/api/cards/${gone.id}`, { key }, 410],
      ["PATCH", `/api/cards/${card.id}`, { key, body: {} }, 428],
      ["POST", "/api/publish", { key, raw: "{" }, 400],
      ["POST", "/api/publish", { key, raw: "a=1", headers: { "content-type": "text/plain" } }, 415],
      ["POST", "/api/publish", { key, raw: new Uint8Array(8 * 1024 * 1024 + 1) }, 413],
      ["POST", "/api/publish", { key, body: {} }, 422],
      ["POST", "/api/publish", { key, body: { cards: [newCard()] } }, 201],
      ["POST", "/api/publish", { key, body: { cards: [newCard({ privacy_level: "PRIVATE" })] } }, 200],
    ];
    for (const [method, path, options, status] of calls) {
      const answer = await callLogged(method, path, options);
      const logged = answer.lines.map(line => [line.method, line.status]);
      expect([method, path, answer.status, logged]).toEqual([method, path, status, [[method, status]]]);
    }
  });

  test("names the route and not the address, which may hold what somebody searched for", async () => {
    const { key } = await api.register();
    const { lines } = await callLogged("GET", `/api/cards?q=${encodeURIComponent("my secret plan")}`, { key });
    expect(lines).toMatchObject([{ route: "/api/cards" }]);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  test("is short, however long the request is", async () => {
    const { key } = await api.register();
    const long = "x".repeat(3_000);
    for (const [method, path, body] of [
      ["GET", `/api/cards?q=${long}`],
      ["GET", `/${long}`],
      ["POST", "/api/publish", { cards: [], long }],
    ] as const) {
      const id = crypto.randomUUID().padEnd(128, "r");
      const headers = { "x-request-id": id, "user-agent": long, cookie: `a=${long}` };
      const { lines } = await callLogged(method, path, { key, headers, ...(body ? { body } : {}) });
      expect(lines).toMatchObject([{ request_id: id }]);
      for (const line of lines) expect(JSON.stringify(line).length).toBeLessThan(512);
    }
  });
});

describe("X-Request-Id", () => {
  const SANE = ["a", "A-z_0.9:x", "x".repeat(128)];
  const OTHERS = ["x".repeat(129), "a b", "ä", "a;b", "a/b", "<b>", '"a"', "a,b", "{}"];

  test("is on every answer, as it was sent where it is sane, else new", async () => {
    for (const [method, path] of [
      ["GET", "/healthz"],
      ["HEAD", "/healthz"],
      ["GET", "/openapi"],
      ["GET", "/nothing"],
      ["PUT", "/healthz"],
      ["OPTIONS", "/healthz"],
      ["GET", "/api/me"],
    ] as const) {
      for (const sent of SANE) {
        const { headers } = await fetch(served.baseUrl + path, { method, headers: { "x-request-id": sent } });
        expect([path, headers.get("x-request-id")]).toEqual([path, sent]);
      }
      for (const sent of [undefined, ...OTHERS]) {
        const init = { method, headers: sent ? { "x-request-id": sent } : {} };
        const { headers } = await fetch(served.baseUrl + path, init);
        expect(headers.get("x-request-id")).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      }
    }
  });

  test("two new ones differ, and the log line has that of the answer", async () => {
    const [first, second] = [await callLogged("GET", "/healthz"), await callLogged("GET", "/healthz")];
    expect(first.id).not.toBe(second.id);
    expect(first.lines).toHaveLength(1);
  });
});

describe("nothing secret gets out", () => {
  /** Texts that nobody but their owner may see: each is sent in some request. */
  const PRIVATE_TEXT = "the diary of a quiet person";
  const PASSWORD = "correct-horse-battery-staple";
  /** What tells of the inside. */
  const INSIDE =
    /\$2[aby]\$|\bSELECT\b|\bINSERT INTO\b|\bUPDATE \w+ SET\b|node_modules|\bat \S+ \(|\.ts:\d+|postgres(ql)?:\/\/|PostgresError/;

  test("neither in logs nor in answers, whatever is sent and whatever breaks", async () => {
    const own = await createApi();
    const answers: { request: string; text: string; mayTell: string[] }[] = [];
    const call = async (method: string, path: string, options: CallOptions = {}, mayTell: string[] = []) => {
      const { status, text, headers, body } = await own.call(method, path, options);
      const all = `${text}\n${JSON.stringify([...headers])}`;
      answers.push({ request: `${method} ${path} ${status}`, text: all, mayTell });
      return { status, body: body as Record<string, unknown> };
    };
    const email = "ada.private@example.org";
    const made = await call("POST", "/api/users", { body: { username: "ada", email } }, [email, "api_key"]);
    const key = made.body.api_key as string;
    const secrets = [key];
    const named = await call("POST", "/api/keys", { key, body: { name: "laptop" } }, ["api_key"]);
    secrets.push(named.body.api_key as string);
    const rotated = await call("POST", "/api/keys/rotate", { key }, ["api_key"]);
    secrets.push(rotated.body.api_key as string);
    await call("GET", "/api/keys", { key });
    await call("GET", "/api/me", { key }, [email]);

    const card = { title: PRIVATE_TEXT, content: PRIVATE_TEXT, metadata: { text: PRIVATE_TEXT } };
    for (const privacy_level of ["PRIVATE", "personal", "", "unheard of", 7, null, undefined]) {
      await call("POST", "/api/publish", { key, body: { cards: [{ ...card, privacy_level }] } });
    }
    await call("POST", "/api/publish", { key, body: { cards: [{ ...card, content: 7, privacy_level: "PRIVATE" }] } });
    await call("POST", "/api/publish", { key, raw: `{"cards": [{"content": "${PRIVATE_TEXT}"` });
    await call("POST", "/api/publish", { key, raw: PRIVATE_TEXT, headers: { "content-type": "text/plain" } });
    await call("POST", "/api/users", { body: { username: PRIVATE_TEXT, email: `${PASSWORD}@`, password: PASSWORD } });
    await call("POST", "/api/users", { body: { username: "ada", email: "other@example.org" } });
    await call("POST", "/api/users", { body: { username: "ada2", email } });
    await call("PATCH", "/api/me", { key, body: { bio: 7, avatar_url: PASSWORD } });
    await call("GET", `/api/cards?cursor=${PASSWORD}`, { key });
    await call("GET", `/api/cards/${PASSWORD}`, { key });
    for (const bad of [PASSWORD, `${key}x`, key.slice(0, -1), `${key.slice(0, 30)}${"A".repeat(21)}`]) {
      secrets.push(bad);
      await call("GET", "/api/me", { key: bad });
      await call("GET", "/api/me", { headers: { authorization: `Basic ${bad}`, cookie: `sid=${bad}` } });
    }

    for (const breakage of [
      "ALTER TABLE cards ADD CONSTRAINT cards_secret_rule CHECK (content = 'x') NOT VALID",
      "ALTER TABLE cards RENAME COLUMN content TO words",
      "DROP TABLE cards CASCADE",
    ]) {
      await own.sql.unsafe(breakage);
      const broken = await call("POST", "/api/publish", {
        key,
        body: { cards: [{ ...card, privacy_level: "IDEAS" }] },
      });
      expect(broken).toMatchObject({ status: 500, body: { type: "/problems/internal" } });
      await call("GET", "/api/cards", { key });
    }
    await own.sql`ALTER TABLE users RENAME TO people`;
    await call("GET", "/api/me", { key });
    await call("POST", "/api/users", { body: { username: "late", email } });

    await Bun.sleep(50);
    const { sql } = own;
    const hashes = await sql<{ hash: string }[]>`
      SELECT api_key_hash AS hash FROM people UNION ALL SELECT key_hash FROM api_keys LIMIT 100`;
    const never = [...hashes.map(({ hash }) => hash), PRIVATE_TEXT, PASSWORD, "cards_secret_rule", "users_email"];
    for (const { request, text, mayTell } of answers) {
      for (const word of never) expect([request, text]).toEqual([request, expect.not.stringContaining(word)]);
      expect([request, text]).toEqual([request, expect.not.stringMatching(INSIDE)]);
      if (!mayTell.includes("api_key")) {
        for (const secret of secrets) expect([request, text]).toEqual([request, expect.not.stringContaining(secret)]);
      }
      if (!mayTell.includes(email)) expect([request, text]).toEqual([request, expect.not.stringContaining(email)]);
    }

    expect(own.logs.length).toBeGreaterThanOrEqual(answers.length);
    const errors = own.logs.filter(line => line.includes("unexpected error"));
    expect(errors.length).toBeGreaterThan(3);
    for (const line of own.logs) {
      for (const word of [...hashes.map(({ hash }) => hash), PRIVATE_TEXT, PASSWORD, email, ...secrets]) {
        expect(line).not.toContain(word);
      }
      expect(line).not.toMatch(/\$2[aby]\$|\bSELECT\b|\bINSERT INTO\b|\bUPDATE \w+ SET\b|postgres(ql)?:\/\//);
    }
  });

  test("not what a database error quotes", async () => {
    const own = await createApi();
    const { key } = await own.register();
    await own.sql`
      CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no card with %', NEW.content; END $$`;
    await own.sql`CREATE TRIGGER complain BEFORE INSERT ON cards FOR EACH ROW EXECUTE FUNCTION complain()`;
    const answer = await own.publish(key, [newCard({ content: PRIVATE_TEXT })]);
    expect(answer.status).toBe(500);
    for (const text of [answer.text, ...own.logs]) expect(text).not.toContain(PRIVATE_TEXT);
  });

  test("not the password of a database that can't be reached", async () => {
    const away = createApiWithoutDatabase();
    const answer = await away.call("GET", "/readyz");
    expect(answer.status).toBe(503);
    await Bun.sleep(20);
    for (const text of [answer.text, ...away.logs]) expect(text).not.toMatch(/secret-password|postgres:\/\//);
    expect(away.logs.map(line => (JSON.parse(line) as Line).msg)).toContain("the database is out of reach");
  });
});
