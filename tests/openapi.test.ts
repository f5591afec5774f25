// The OpenAPI document says all that the server does and nothing else: every call is in it, its requests work as
// they stand, and its answers are those that really come.

import { expect, setDefaultTimeout, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv2020 from "ajv/dist/2020.js";
import { version } from "../package.json";
import { contentHash } from "../src/cards/text.ts";
import { EXAMPLE_ID, EXAMPLE_KEY, EXAMPLE_OTHER_ID } from "../src/openapi/fields.ts";
import { sections } from "../src/openapi/introduction.ts";
import {
  type Answer,
  type Header,
  type OpenApiDocument,
  type Operation,
  type Parameter,
  resolve,
} from "../src/openapi/model.ts";
import { operations } from "../src/openapi/operations.ts";
import { problems } from "../src/problem.ts";
import { type Api, createApi } from "./api-support.ts";
import { deviceOf, entity } from "./sync-support.ts";

setDefaultTimeout(60_000);

const api = await createApi();
const { body: document } = await api.call<OpenApiDocument>("GET", "/openapi/json");
const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);
const needsKey = ({ security }: Operation) =>
  (security ?? document.security).every(way => Object.keys(way).length > 0) && security?.length !== 0;
const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;

test("the document is valid OpenAPI 3.1 and tells of which version of what it speaks", async () => {
  expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
  expect(document.openapi).toStartWith("3.1.");
  expect(document.info).toMatchObject({ version, license: { identifier: "MIT" } });
  for (const { title } of sections) expect(document.info.description).toContain(`## ${title}`);
  expect(document.servers[0]?.url).toBe("http://localhost");
  expect(document.components.securitySchemes.apiKey).toMatchObject({ type: "http", scheme: "bearer" });
});

test("every route of the API is in it", () => {
  const routes = api.app.routes.filter(({ path }) => path.startsWith("/api/"));
  const expected = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  expect(expected.length).toBeGreaterThan(10);
  expect(calls.map(nameOf)).toEqual(expect.arrayContaining(expected));
  expect(calls.map(nameOf)).toEqual(expect.arrayContaining(["GET /healthz", "GET /readyz", "GET /openapi/json"]));
});

test("every operation has a name of its own, a described group, a summary, and parameters for its path", () => {
  const names = calls.map(({ operation }) => operation.operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z]+([A-Z][a-z]*)*$/);
  const tags = document.tags.map(({ name }) => name);
  expect(new Set(tags).size).toBe(tags.length);
  for (const { path, operation } of calls) {
    expect(operation.tags).toHaveLength(1);
    expect(tags).toContain(operation.tags[0] ?? "");
    expect(operation.summary).not.toBe("");
    const parameters = operation.parameters.map(parameter => resolve<Parameter>(parameter, document.components));
    const inPath = parameters.filter(parameter => parameter.in === "path").map(({ name }) => name);
    expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name));
    expect(parameters.map(({ name }) => name)).toContain("X-Request-Id");
  }
  const noted = new Set(calls.map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ":$1")}`));
  expect(Object.keys(operations).filter(name => !noted.has(name))).toEqual([]);
});

test("every operation lists what its kind can answer with, each with the headers and the content that come", () => {
  for (const { method, path, operation } of calls) {
    const statuses = Object.keys(operation.responses);
    expect(statuses).toContainValues(["500", "503"]);
    expect(statuses.some(status => Number(status) < 400)).toBe(true);
    if (needsKey(operation)) expect(statuses).toContainValues(["401", "403"]);
    expect(statuses.includes("429")).toBe(!["/healthz", "/readyz", "/metrics"].includes(path));
    const takesQuery = operation.parameters.some(part => resolve<Parameter>(part, document.components).in === "query");
    if (operation.requestBody || takesQuery) expect(statuses).toContain("422");
    if (method !== "GET") expect(statuses).toContainValues(["400", "413", "415", "422"]);
    if (path.startsWith("/api/") && path.includes("{")) expect(statuses).toContain("404");
    for (const [status, given] of Object.entries(operation.responses)) {
      const answer = resolve<Answer>(given, document.components);
      expect(answer.headers).toHaveProperty("X-Request-Id");
      if (status === "401") expect(answer.headers).toHaveProperty("WWW-Authenticate");
      if (status === "429" || status === "503") expect(answer.headers).toHaveProperty("Retry-After");
      if (status === "204") expect(answer).not.toHaveProperty("content");
      if (Number(status) >= 400) expect(Object.keys(answer.content ?? {})).toEqual(["application/problem+json"]);
    }
  }
});

test("every kind of problem is described, and refusals name kinds that have their status", () => {
  expect(Object.keys(document.components.responses).sort()).toEqual(Object.keys(problems).sort());
  for (const { operation } of calls) {
    for (const [status, given] of Object.entries(operation.responses)) {
      const media = resolve<Answer>(given, document.components).content?.["application/problem+json"];
      const examples = media?.examples ? Object.values(media.examples).map(({ value }) => value) : [media?.example];
      for (const example of examples) if (example) expect(example).toMatchObject({ status: Number(status) });
    }
  }
});

test("what only cursors of pulls are refused for is listed where they are taken", () => {
  for (const id of ["pullChanges", "pushChanges"]) {
    const operation = calls.find(call => call.operation.operationId === id)?.operation;
    const refusal = resolve<Answer>(operation?.responses[422] as Answer, document.components);
    const kinds = Object.keys(refusal.content?.["application/problem+json"]?.examples ?? {});
    expect([id, ...kinds]).toEqual([id, "validation", "cursor-gone", "other-account"]);
  }
});

test("references lead somewhere, and every example fits its schema", () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ ...document, $id: "openapi" });
  const pointers = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map(([, pointer = ""]) => pointer);
  for (const pointer of new Set(pointers)) {
    const target = pointer
      .split("/")
      .slice(1)
      .reduce<unknown>((part, key) => (part as Record<string, unknown>)?.[key], document);
    expect([pointer, typeof target]).toEqual([pointer, "object"]);
  }
  for (const { operation } of calls) {
    const answers = Object.values(operation.responses).map(answer => resolve<Answer>(answer, document.components));
    const media = [operation.requestBody, ...answers].flatMap(part => Object.values(part?.content ?? {}));
    for (const { schema, example, examples = {} } of media) {
      if (!schema) continue;
      const text = JSON.stringify(schema).replaceAll('"#/', '"openapi#/');
      const validate = ajv.compile(JSON.parse(text));
      const values = [example, ...Object.values(examples).map(({ value }) => value)].filter(
        value => value !== undefined,
      );
      for (const value of values) {
        expect([operation.operationId, validate(value), validate.errors]).toEqual([operation.operationId, true, null]);
      }
    }
  }
});

test("without a key the calls that need one answer 401 and the others do not, and an open door stays open", async () => {
  for (const { method, path, operation } of calls) {
    const { status } = await api.call(method, path.replace(/\{\w+\}/g, EXAMPLE_ID));
    expect([operation.operationId, status === 401]).toEqual([operation.operationId, needsKey(operation)]);
    expect(Object.keys(operation.responses)).toContain(String(status));
  }
  expect((await api.call("GET", "/api/me", { key: EXAMPLE_KEY })).status).toBe(401);
});

test("a body that is no JSON, has another type or is too large is answered as listed by every operation that is not a GET", async () => {
  const { key } = await api.registerOperator("admin");
  const bodies = [
    { raw: "{", status: 400 },
    { raw: "a", headers: { "content-type": "text/plain" }, status: 415 },
    { raw: new Uint8Array(8 * 1024 * 1024 + 1), status: 413 },
  ];
  for (const { method, path, operation } of calls.filter(call => call.method !== "GET")) {
    for (const { status, ...body } of bodies) {
      const answer = await api.call(method, path.replace(/\{\w+\}/g, EXAMPLE_ID), { key, ...body });
      expect([operation.operationId, answer.status]).toEqual([operation.operationId, status]);
    }
  }
});

test("every example of a request is accepted, and its answer is a listed one of the listed form", async () => {
  const fresh = await createApi();
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ ...document, $id: "openapi" });
  for (const { method, path, operation } of calls) {
    const { names = {}, ...options } = await prepare(fresh, `${method} ${path}`);
    const body = operation.requestBody?.content["application/json"]?.example;
    const address = path.replace(/\{(\w+)\}/g, (_, name) => names[name] ?? "");
    const answer = await fresh.call(method, address, { ...options, ...(body ? { body } : {}) });
    const seen = { name: operation.operationId, isGood: answer.status < 300, text: answer.text };
    expect(seen).toEqual({ ...seen, isGood: true });
    const { headers = {}, content = {} } = resolve<Answer>(
      operation.responses[answer.status] as Answer,
      document.components,
    );
    for (const [header, given] of Object.entries(headers)) {
      const { required } = resolve<Header>(given, document.components);
      if (required) expect([seen.name, header, answer.headers.has(header)]).toEqual([seen.name, header, true]);
    }
    const type = answer.headers.get("content-type")?.split(";")[0];
    if (type) expect([seen.name, ...Object.keys(content)]).toContain(type);
    const schema = type === "application/json" ? content[type]?.schema : undefined;
    if (!schema) continue;
    const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')));
    expect([seen.name, validate(answer.body), validate.errors]).toEqual([seen.name, true, null]);
  }
});

type Prepared = {
  key?: string;
  names?: Record<string, string>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
};

/** A caller for whom the example makes sense, and what the address names. */
async function prepare(on: Api, call: string): Promise<Prepared> {
  if (call === "POST /api/users") return {};
  const isAdmin = call.includes(" /api/admin/");
  const { id, key, name } = isAdmin ? await on.registerOperator("admin") : await on.register();
  const card = await on.publishCard(key);
  const { headers } = await on.call("GET", `/api/cards/${card.id}`, { key });
  if (call === "POST /api/transfers") await on.register("grace");
  if (call === "POST /api/attributions") {
    await addCard(on, EXAMPLE_ID, (await on.register()).id);
    await addCard(on, EXAMPLE_OTHER_ID, id);
  }
  if (call === "POST /api/sync/resolve") {
    const device = (n: number) => deviceOf(on, { key }, n === 1 ? "ada-phone" : "ada-laptop");
    for (const n of [1, 2]) await device(n).pushOne(entity("settings", "editor", { n }));
  }
  const names = { username: name, slug: call.includes("/problems/") ? "not-found" : (card.slug ?? "") };
  return {
    key,
    // A stream ends with its reader.
    ...(call === "GET /api/sync/stream" ? { signal: AbortSignal.timeout(100) } : {}),
    names: { ...names, id: await idFor(on, call, { key, userId: id, cardId: card.id }) },
    headers: {
      ...(call.startsWith("PATCH /api/cards") ? { "if-match": headers.get("etag") ?? "" } : {}),
      ...(operations[call.replace(/\{(\w+)\}/g, ":$1")]?.idempotency === "required"
        ? { "idempotency-key": EXAMPLE_ID }
        : {}),
    },
  };
}

/** A published card with an id of our choice. */
async function addCard(on: Api, id: string, user_id: string): Promise<void> {
  const content = `text of ${id}`;
  const row = { id, user_id, content, content_hash: contentHash(null, content), privacy_level: "IDEAS" };
  const slug = `card-${id.slice(-8)}`;
  const page = { is_published: true, published_at: new Date(), slug, public_url: `/cards/${slug}` };
  await on.sql`INSERT INTO cards ${on.sql({ ...row, ...page })}`;
}

/** The id of something of the kind that the path names, and that the caller may see. */
async function idFor(on: Api, call: string, caller: { key: string; userId: string; cardId: string }): Promise<string> {
  const { key, userId, cardId } = caller;
  if (call.includes("/admin/users/")) return (await on.register()).id;
  if (call.includes("/users/")) return userId;
  if (call.includes("/keys/")) {
    return (await on.call<{ id: string }>("POST", "/api/keys", { key, body: { name: "one" } })).body.id;
  }
  if (call.includes("/ledger/")) {
    return (await on.call<{ items: { id: string }[] }>("GET", "/api/ledger", { key })).body.items[0]?.id ?? "";
  }
  if (call.includes("/attributions/")) {
    const source = await on.publishCard((await on.register()).key);
    const body = { source_card_id: source.id, target_card_id: cardId, attribution_type: "citation" };
    const made = await on.call<{ attribution: { id: string } }>("POST", "/api/attributions", { key, body });
    return made.body.attribution.id;
  }
  return cardId;
}
