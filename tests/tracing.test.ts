// Traces: a real server sends its spans to a collector, they belong together, tell nothing that is anybody's, and a
// collector in trouble is nobody else's trouble.

import { expect, setDefaultTimeout, test } from "bun:test";
import { summarise } from "../src/tracing/statements.ts";
import { newCard } from "./api-support.ts";
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "./otlp-receiver.ts";
import { type Server, startServer } from "./server.ts";
import { createTestDatabase } from "./support.ts";

setDefaultTimeout(60_000);

const PARENT = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };

async function startTraced(endpoint: string, env: Record<string, string> = {}) {
  const { url } = await createTestDatabase();
  const server = await startServer({
    DATABASE_URL: url,
    REGISTRATION: "open",
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    ...env,
  });
  return { server, key: await register(server, "mira") };
}

async function register({ baseUrl }: Server, username: string): Promise<string> {
  const answer = await send(baseUrl, "/api/users", { body: { username, email: `${username}@example.org` } });
  return ((await answer.json()) as { api_key: string }).api_key;
}

type Options = { key?: string; body?: unknown; headers?: Record<string, string> };

function send(baseUrl: string, path: string, { key, body, headers }: Options = {}): Promise<Response> {
  return fetch(baseUrl + path, {
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    headers: { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers },
  });
}

/** The spans that match, as soon as there are `count`. */
async function spansWhere({ spans }: OtlpReceiver, count: number, matches: (span: ReceivedSpan) => boolean) {
  for (;;) {
    const found = spans.filter(matches);
    if (found.length >= count) return found;
    await Bun.sleep(50);
  }
}

test("a request has a span in the trace of whoever sent it, its commit is linked with it, and its statements have names", async () => {
  const receiver = startOtlpReceiver();
  const { server, key } = await startTraced(receiver.endpoint, { OTEL_RESOURCE_ATTRIBUTES: "deployment.name=tests" });
  const secret = `the text of a card ${crypto.randomUUID()}`;
  const answer = await send(server.baseUrl, "/api/publish", {
    key,
    body: { cards: [newCard({ content: secret, title: "A private title" })] },
    headers: { traceparent: `00-${PARENT.traceId}-${PARENT.spanId}-01`, "x-request-id": "request-4711" },
  });
  expect(answer.status).toBe(201);
  const { slug } = ((await answer.json()) as { cards: { slug: string }[] }).cards[0] ?? { slug: "none" };
  await (await fetch(`${server.baseUrl}/cards/${slug}`)).text();
  await fetch(`${server.baseUrl}/made/up/address`);

  const [request] = await spansWhere(receiver, 1, span => span.name === "POST /api/publish");
  expect(request).toMatchObject({ kind: 2, traceId: PARENT.traceId, parentSpanId: PARENT.spanId, isError: false });
  expect(request?.attributes).toEqual({
    "http.request.method": "POST",
    "http.route": "/api/publish",
    "http.response.status_code": 201,
    "extrophi.request_id": "request-4711",
  });
  expect(answer.headers.get("traceparent")).toBe(`00-${PARENT.traceId}-${request?.spanId}-01`);

  const [commit] = await spansWhere(receiver, 1, span => span.name === "commit publish");
  expect(commit?.links).toEqual([request?.spanId ?? ""]);
  expect(request?.links).toEqual([commit?.spanId ?? ""]);
  expect(commit?.traceId).not.toBe(PARENT.traceId);
  expect(commit?.attributes).toMatchObject({ "extrophi.commit.kind": "publish", "extrophi.commit.commands": 1 });
  const [statement] = await spansWhere(receiver, 1, span => span.name === "SELECT publish_cards");
  expect(statement).toMatchObject({ kind: 3, parentSpanId: commit?.spanId, traceId: commit?.traceId });
  await spansWhere(receiver, 1, span => span.name === "GET /cards/:slug");
  await spansWhere(receiver, 1, span => span.name === "GET unmatched");

  await server.stop();
  await receiver.stop();
  expect(receiver.resource).toMatchObject({ "service.name": "extrophi-backend", "deployment.name": "tests" });
  const sent = receiver.bodies.join("\n");
  for (const text of [secret, "A private title", key, key.slice(0, 12), "mira", slug, "made/up", "postgres://"]) {
    expect([text, sent.includes(text)]).toEqual([text, false]);
  }
});

test("requests that share a commit are all linked with it, and each statement stays in the trace that sent it", async () => {
  const receiver = startOtlpReceiver();
  const { server, key } = await startTraced(receiver.endpoint);
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => send(server.baseUrl, "/api/publish", { key, body: { cards: [newCard()] } })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(201));
  const requests = await spansWhere(receiver, 30, span => span.name === "POST /api/publish");
  const linked = () => receiver.spans.filter(({ name }) => name === "commit publish").flatMap(({ links }) => links);
  while (linked().length < 30) await Bun.sleep(50);
  expect(linked().sort()).toEqual(requests.map(({ spanId }) => spanId).sort());
  const commits = receiver.spans.filter(({ name }) => name === "commit publish");
  expect(commits.length).toBeLessThan(30);
  const statements = await spansWhere(receiver, commits.length, span => span.name === "SELECT publish_cards");
  expect(statements.map(({ parentSpanId }) => parentSpanId).sort()).toEqual(commits.map(({ spanId }) => spanId).sort());
  await server.stop();
  await receiver.stop();
});

test("a share of requests, or none, is traced, and an unsampled trace of the sender's stays unsampled", async () => {
  const receiver = startOtlpReceiver();
  const { server } = await startTraced(receiver.endpoint, { OTEL_TRACES_SAMPLER_ARG: "0" });
  const traced = { traceparent: `00-${PARENT.traceId}-${PARENT.spanId}-01` };
  const untraced = { traceparent: `00-${"a".repeat(32)}-${PARENT.spanId}-00` };
  for (const headers of [{}, untraced, { traceparent: "nonsense" }, traced]) {
    const { status, headers: given } = await send(server.baseUrl, "/readyz", { headers });
    expect(status).toBe(200);
    expect(given.get("traceparent")).toMatch(headers === traced ? /-01$/ : /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  }
  await spansWhere(receiver, 1, span => span.name === "GET /readyz");
  await server.stop();
  expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([PARENT.traceId]));
  await receiver.stop();
});

test("a collector that is away, that hangs or that refuses slows and breaks nothing", async () => {
  const hanging = startOtlpReceiver(() => new Promise(() => {}));
  const refusing = startOtlpReceiver(() => new Response("no", { status: 500 }));
  const endpoints = ["http://127.0.0.1:1", hanging.endpoint, refusing.endpoint];
  await Promise.all(
    endpoints.map(async endpoint => {
      const { server, key } = await startTraced(endpoint);
      for (let no = 0; no < 30; no++) {
        const startedAt = performance.now();
        expect((await send(server.baseUrl, "/api/balance", { key })).status).toBe(200);
        expect(performance.now() - startedAt).toBeLessThan(3_000);
        await Bun.sleep(75);
      }
      const stoppedAt = performance.now();
      expect(await server.stop()).toBe(0);
      expect(performance.now() - stoppedAt).toBeLessThan(8_000);
      expect(server.stderr()).toBe("");
      expect((server.stdout().match(/traces can't be sent/g) ?? []).length).toBeLessThanOrEqual(1);
      expect(server.stdout()).not.toContain(endpoint);
    }),
  );
  await hanging.stop();
  await refusing.stop();
});

test("without an endpoint nothing is loaded for traces, and answers have no traceparent", async () => {
  const { url } = await createTestDatabase();
  const server = await startServer({ DATABASE_URL: url });
  expect((await fetch(`${server.baseUrl}/healthz`)).headers.has("traceparent")).toBe(false);
  await server.stop();
  const script =
    'await import("./src/app.ts"); console.log(Object.keys(require.cache).filter(path => /opentelemetry/.test(path)).join("\\n"))';
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  const loaded = (await new Response(child.stdout).text()).trim().split("\n").filter(Boolean);
  expect(loaded.filter(path => !path.includes("@opentelemetry/api"))).toEqual([]);
});

test("statements are named by what they do and to what, without any value", () => {
  expect(summarise("\n  SELECT id, slug FROM publish_cards( ::uuid[])")).toBe("SELECT publish_cards");
  expect(summarise("INSERT INTO public.api_keys (name) VALUES ('secret')")).toBe("INSERT api_keys");
  expect(summarise("UPDATE users SET bio = 'secret' WHERE id = 1")).toBe("UPDATE users");
  expect(summarise("SELECT w.place FROM unnest( ) AS w JOIN x ON true")).toBe("SELECT");
  expect(summarise("begin ")).toBe("BEGIN");
  expect(summarise("SELECT FROM users WHERE name = 'x'")).toBe("SELECT users");
  expect(summarise("SHOW server_version")).toBe("STATEMENT");
});
