// Refusals as clients meet them: each a problem document, with the right status and headers, and nothing internal.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import {
  type Answer,
  type Api,
  createApi,
  createApiWithoutDatabase,
  listen,
  type Member,
  newCard,
  readAnswer,
  toInit,
} from "./api-support.ts";
import { startServer } from "./server.ts";

let api: Api;
let member: Member;
let served: ReturnType<typeof listen>;
beforeAll(async () => {
  api = await createApi();
  member = await api.register();
  served = listen(api);
});
afterAll(() => served.stop());

/** Everything that every refusal promises. */
function expectProblem(answer: Answer<unknown>, status: number, slug: string): void {
  expect(answer.headers.get("content-type")).toStartWith("application/problem+json");
  const { title, detail, request_id } = answer.body;
  expect(answer.body).toMatchObject({ type: `/problems/${slug}`, status });
  expect(answer.status).toBe(status);
  for (const text of [title, detail, request_id]) expect(text).toMatch(/\S/);
  expect(answer.headers.get("x-request-id")).toBe(request_id as string);
  expect(answer.text).not.toMatch(/\bat .+\.ts|SELECT|INSERT|constraint|postgres|undefined|\[object/i);
  if (slug === "validation") {
    expect(answer.body.errors).not.toHaveLength(0);
    for (const error of answer.body.errors ?? []) {
      expect(error).toEqual({ pointer: expect.stringMatching(/^(\/.*)?$/), detail: expect.stringMatching(/\S/) });
    }
  }
}

describe("a problem document", () => {
  test("stands behind every kind of refusal", async () => {
    const { key } = member;
    const gone = await api.publishCard(key);
    await api.call("DELETE", `/api/cards/${gone.id}`, { key });
    const card = await api.publishCard(key);
    const twin = newCard();
    await api.publishCard(key, twin);
    const named = await api.call<{ api_key: string }>("POST", "/api/keys", {
      key,
      body: { name: "x", scopes: ["read"] },
    });
    const patch = (body: unknown, headers = {}) => api.call("PATCH", `/api/cards/${card.id}`, { key, body, headers });
    const register = (more: object) =>
      api.call("POST", "/api/users", { body: { username: "some-body", email: "x@example.org", ...more } });

    expectProblem(await api.call("POST", "/api/publish", { key, raw: "{" }), 400, "malformed-json");
    expectProblem(await api.call("GET", "/api/me"), 401, "unauthenticated");
    expectProblem(await api.call("GET", "/api/keys", { key: named.body.api_key }), 403, "forbidden");
    expectProblem(await api.call("GET", "/api/nothing"), 404, "not-found");
    expectProblem(await api.call("GET", `/api/cards/${crypto.randomUUID()}`, { key }), 404, "not-found");
    expectProblem(await api.call("PUT", "/api/me", { key }), 405, "method-not-allowed");
    expectProblem(await register({ username: member.name }), 409, "username-taken");
    expectProblem(await register({ email: `${member.name}@example.org` }), 409, "email-taken");
    expectProblem(await patch(twinText(twin), { "if-match": "*" }), 409, "duplicate-card");
    expectProblem(await api.call("GET", `/api/cards/${gone.id}`, { key }), 410, "gone");
    expectProblem(await patch({}, { "if-match": '"x"' }), 412, "precondition-failed");
    expectProblem(
      await api.call("POST", "/api/publish", { key, raw: "x".repeat((8 << 20) | 1) }),
      413,
      "payload-too-large",
    );
    const form = { raw: "a=1", headers: { "content-type": "application/x-www-form-urlencoded" } };
    expectProblem(await api.call("POST", "/api/publish", { key, ...form }), 415, "unsupported-media-type");
    expectProblem(await api.publish(key, []), 422, "validation");
    expectProblem(await patch({}), 428, "precondition-required");
  });

  function twinText({ title, content }: Record<string, unknown>) {
    return { title, content };
  }

  test("names every bad value by a pointer, up to fifty, and repeats none", async () => {
    const card = { title: 5, content: "", privacy_level: null, tags: ["", 7], nonsense: "repeat-me", "a/b~c": 1 };
    const answer = await api.publish(member.key, [newCard(), card]);
    expectProblem(answer, 422, "validation");
    expect(answer.body.errors?.map(error => error.pointer).toSorted()).toEqual([
      "/cards/1/a~1b~0c",
      "/cards/1/content",
      "/cards/1/nonsense",
      "/cards/1/privacy_level",
      "/cards/1/tags/0",
      "/cards/1/tags/1",
      "/cards/1/title",
    ]);
    expect(answer.text).not.toContain("repeat-me");
    const many = await api.publish(member.key, Array(60).fill({}));
    expect(many.body.errors).toHaveLength(50);
  });

  test("of an early refusal does not tell what was sent", async () => {
    const secret = "this-is-private-text";
    for (const raw of [`{"cards": [${secret}]}`, `{"cards": "${secret}"}`, `["${secret}"]`, `"${secret}"`]) {
      const answer = await api.call("POST", "/api/publish", { key: member.key, raw });
      expect(answer.status).toBeWithin(400, 423);
      expect(answer.text).not.toContain(secret);
    }
    const level = await api.publish(member.key, [{ ...newCard(), content: secret, privacy_level: 1 }]);
    expect(level.text).not.toContain(secret);
    expect(api.logs.join("")).not.toContain(secret);
  });
});

describe("the request's id", () => {
  test.each(["abc", "A.b_c:d-1", "x".repeat(128)])("is the client's where it is sane: %s", async id => {
    const headers = { "x-request-id": id };
    for (const answer of [
      await api.call("GET", "/api/me", { headers }),
      await api.call("GET", "/api/me", { headers, key: member.key }),
      await api.call("GET", "/nothing", { headers }),
      await api.call("HEAD", "/api/me", { headers }),
      await api.call("OPTIONS", "/api/me", { headers }),
      await api.call("PUT", "/api/me", { headers }),
      await api.call("GET", "/healthz", { headers }),
    ]) {
      expect(answer.headers.get("x-request-id")).toBe(id);
    }
  });

  test.each(["", " ", "a b", "x".repeat(129), "a,b", "<script>", "é"])("is a new one where it is not: %j", async id => {
    const answer = await api.call("GET", "/api/me", { headers: { "x-request-id": encodeURI(id) } });
    const given = answer.headers.get("x-request-id");
    expect(given).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.body.request_id).toBe(given as string);
  });

  test("comes with answers that have no body", async () => {
    const { key } = await api.register();
    const { id } = await api.publishCard(key);
    const answer = await api.call("DELETE", `/api/cards/${id}`, { key });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("addresses and methods", () => {
  test.each([
    "/api",
    "/api/",
    "/api/nothing",
    "/API/me",
    "/api/me/x",
    "/api//me",
    "/api/cards/x/y",
    "/%",
    "/%00",
    "/%ff",
    "/..%2f",
  ])("that lead nowhere are 404: %s", async path => {
    expectProblem(await api.call("GET", path, { key: member.key }), 404, "not-found");
  });

  test.each([
    "x",
    "1",
    "%00",
    "%ff",
    "%",
    "0198c0de-0000-7000-8000-00000000000",
    "0198c0de000070008000000000000000",
    "..",
    "'--",
  ])("with an id that is none are 404: %s", async id => {
    const { key } = member;
    const headers = { "if-match": "*" };
    const answers = [
      await api.call("GET", `/api/cards/${id}`, { key }),
      await api.call("PATCH", `/api/cards/${id}`, { key, body: {}, headers }),
      await api.call("DELETE", `/api/cards/${id}`, { key }),
      await api.call("DELETE", `/api/keys/${id}`, { key }),
    ];
    // `..` leaves the address for another one, which takes other methods.
    for (const answer of answers) expect(answer.status).toBeOneOf(id === ".." ? [404, 405] : [404]);
  });

  test.each([
    ["PUT", "/api/me", "DELETE, GET, HEAD, PATCH"],
    ["GET", "/api/publish", "POST"],
    ["GET", "/api/keys/rotate", "DELETE, POST"],
    ["POST", "/api/cards/x", "DELETE, GET, HEAD, PATCH"],
    ["GET", "/api/users", "POST"],
    ["TRACE", "/healthz", "GET, HEAD"],
    ["PROPFIND", "/api/me", "DELETE, GET, HEAD, PATCH"],
  ])("that do not take %s are 405 and say what they take: %s", async (method, path, allow) => {
    const answer = await readAnswer(await rawCall(method, path));
    expectProblem(answer, 405, "method-not-allowed");
    expect(answer.headers.get("allow")?.split(", ").toSorted().join(", ")).toBe(allow);
  });

  /** `fetch` refuses TRACE, and Request knows fewer methods than HTTP. */
  async function rawCall(method: string, path: string): Promise<Response> {
    const text = await exchange(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const [head = "", ...rest] = text.split("\r\n\r\n");
    const [first = "", ...lines] = head.split("\r\n");
    const headers = lines.map(line => line.split(/: (.*)/s).slice(0, 2) as [string, string]);
    return new Response(rest.join("\r\n\r\n"), { status: Number(first.split(" ")[1]), headers });
  }

  test("tell by OPTIONS what they take", async () => {
    const answer = await api.call("OPTIONS", "/api/me");
    expect(answer.status).toBe(204);
    expect(answer.headers.get("allow")?.split(", ").toSorted()).toEqual(["DELETE", "GET", "HEAD", "PATCH"]);
    expect((await api.call("OPTIONS", "/api/nothing")).status).toBe(404);
  });

  test("answer HEAD as GET, without the body", async () => {
    const { id } = await api.publishCard(member.key);
    for (const path of [
      "/healthz",
      "/api/me",
      "/api/cards",
      `/api/cards/${id}`,
      "/api/cards?limit=0",
      "/api/nothing",
    ]) {
      const get = await readAnswer(await fetch(served.baseUrl + path, toInit("GET", { key: member.key })));
      const head = await readAnswer(await fetch(served.baseUrl + path, toInit("HEAD", { key: member.key })));
      expect({ path, status: head.status, text: head.text }).toEqual({ path, status: get.status, text: "" });
      for (const name of ["content-type", "etag"]) expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
  });
});

describe("over a real connection", () => {
  test("a body beyond 8 MiB is 413, by its declared length and by its real one", async () => {
    const bytes = new Uint8Array((8 << 20) + 1).fill(32);
    const url = `${served.baseUrl}/api/publish`;
    const declared = await fetch(url, toInit("POST", { key: member.key, raw: bytes }));
    expectProblem(await readAnswer(declared), 413, "payload-too-large");
    const streamed = new ReadableStream({
      async pull(controller) {
        controller.enqueue(bytes.slice(0, 1 << 20));
        await Bun.sleep(1);
        if (++sent === 9) controller.close();
      },
    });
    let sent = 0;
    const chunked = await fetch(url, toInit("POST", { key: member.key, raw: streamed }));
    expectProblem(await readAnswer(chunked), 413, "payload-too-large");
    expect((await fetch(`${served.baseUrl}/healthz`)).status).toBe(200);
  });

  test("a body that stops halfway stores nothing and harms nobody", async () => {
    const body = JSON.stringify({ cards: [newCard({ title: "halfway" })] });
    const head = (length: number) =>
      `POST /api/publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${member.key}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
    await exchange(head(body.length) + body.slice(0, -20), { endAfterMs: 50 });
    await exchange(head(body.length + 100) + body, { endAfterMs: 50 });
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n`;
    await exchange(head(0).replace(/Content-Length: 0/, "Transfer-Encoding: chunked") + chunk, { endAfterMs: 50 });
    const list = await api.call<{ items: { title: string }[] }>("GET", "/api/cards", { key: member.key });
    expect(list.body.items.map(item => item.title)).not.toContain("halfway");
    expect((await fetch(`${served.baseUrl}/healthz`)).status).toBe(200);
  });

  test("garbage behind a request harms neither its answer nor the server", async () => {
    const good = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (const garbage of ["\0\0\0\0\r\n\r\n", "GET", "X".repeat(100_000), "GET / HTTP/9.9\r\n\r\n"]) {
      expect(await exchange(good + garbage, { endAfterMs: 50, expects: /^HTTP/ })).toStartWith("HTTP/1.1 200");
    }
    expect((await fetch(`${served.baseUrl}/healthz`)).status).toBe(200);
  });

  test("several requests sent at once are answered in their order", async () => {
    const get = (id: string) => `GET /api/me HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${id}\r\n\r\n`;
    const text = await exchange(get("first") + get("second") + get("third"), {
      endAfterMs: 0,
      expects: /x-request-id: third\r/i,
    });
    const ids = [...text.matchAll(/x-request-id: (\w+)/gi)].map(match => match[1]);
    expect(ids).toEqual(["first", "second", "third"]);
  });

  test("a header that comes twice does not confuse who calls", async () => {
    const twice = `GET /api/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${member.key}\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n`;
    expect(await exchange(twice)).toStartWith("HTTP/1.1 401");
  });
});

/**
 * Sends text over a connection of its own; gives what came back until the server ended it, or until we do: after so long, and
 * not before what is expected has come.
 */
async function exchange(text: string, { endAfterMs, expects }: { endAfterMs?: number; expects?: RegExp } = {}) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let received = "";
  let isOpen = true;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: served.port,
    socket: {
      data: (_, data) => {
        received += data.toString("latin1");
      },
      close: () => resolve(),
      error: () => resolve(),
    },
  });
  void promise.then(() => (isOpen = false));
  socket.write(text);
  if (endAfterMs !== undefined) {
    await Bun.sleep(endAfterMs);
    while (isOpen && expects && !expects.test(received)) await Bun.sleep(1);
    socket.terminate();
  }
  await promise;
  return received;
}

describe("while the database is away", () => {
  test("the process is up, and what needs the database is 503 with Retry-After", async () => {
    const away = createApiWithoutDatabase();
    expect((await away.call("GET", "/healthz")).status).toBe(200);
    const ready = await away.call("GET", "/readyz");
    const registered = await away.call("POST", "/api/users", {
      body: { username: "some-body", email: "a@example.org" },
    });
    for (const answer of [ready, registered, await away.call("GET", "/api/me", { key: member.key })]) {
      expectProblem(answer, 503, "unavailable");
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect((await away.call("GET", "/api/me", { key: "mistyped" })).status).toBe(401);
    expect(away.logs.join("")).not.toContain("secret-password");
  });

  test("keys that are remembered get 503 too, for good requests and for bad ones", async () => {
    const own = await createApi();
    const { key } = await own.register();
    expect((await own.call("GET", "/api/me", { key })).status).toBe(200);
    await own.pool.end({ timeout: 1 });
    for (const answer of [
      await own.call("GET", "/api/me", { key }),
      await own.publish(key, [newCard()]),
      await own.publish(key, []),
      await own.call("GET", "/api/cards/no-uuid", { key }),
    ]) {
      expectProblem(answer, 503, "unavailable");
    }
    expect((await own.call("GET", "/healthz")).status).toBe(200);
  });
});

test("the server as a process refuses and answers the same", async () => {
  const server = await startServer({ DATABASE_URL: api.url, REGISTRATION: "open" });
  const answer = await readAnswer<Record<string, unknown>>(await fetch(`${server.baseUrl}/api/me`));
  expectProblem(answer, 401, "unauthenticated");
  const invalid = await fetch(`${server.baseUrl}/api/users`, toInit("POST", { body: { username: "repeat-me!" } }));
  const read = await readAnswer<Record<string, unknown>>(invalid);
  expectProblem(read, 422, "validation");
  expect(read.text).not.toContain("repeat-me");
  const card = await fetch(
    `${server.baseUrl}/api/publish`,
    toInit("POST", { key: member.key, body: { cards: [newCard()] } }),
  );
  expect(card.status).toBe(201);
  expect(await server.stop()).toBe(0);
});

describe("a request whose Host header names no host", () => {
  for (const host of ["", "bad host", "a:99999", 'evil"><script>', "x/y", "x@y", "[::1", "%", "ä"]) {
    test(`is refused with 400 before anything is done: ${JSON.stringify(host)}`, async () => {
      const { key, id } = await api.register();
      const body = JSON.stringify({ cards: [{ content: "text", privacy_level: "IDEAS" }] });
      const answer = await sendRaw(
        `POST /api/publish HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
      expect(answer).toStartWith("HTTP/1.1 400");
      expect([...(await api.sql`SELECT FROM cards WHERE user_id = ${id}`)]).toEqual([]);
    });
  }
});

/** Sends bytes as they are and gives all that comes back until the server closes the connection. */
function sendRaw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(served.port, "127.0.0.1", () => socket.write(request));
    socket.on("data", data => {
      text += data;
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}
