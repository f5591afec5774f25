// What a refusal says of values that can't be taken: what is expected in their place, in words for people, whichever
// operation, parameter or field it is.

import { expect, test } from "bun:test";
import type { JsonSchema, OpenApiDocument, Operation, Parameter } from "../src/openapi/model.ts";
import { resolve } from "../src/openapi/model.ts";
import { createApi } from "./api-support.ts";

const api = await createApi();
const { key } = await api.registerOperator("admin");
const { body: document } = await api.call<OpenApiDocument>("GET", "/openapi/json");
const ID = "0198d2c4-7a10-7b3e-9f21-5c6d7e8f9a0b";

const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    address: path.replace(/\{\w+\}/g, path.includes("/ledger/") ? "17" : ID),
    method: method.toUpperCase(),
    operation,
  })),
);

/** Words of the validator, of JavaScript and of JSON Schema. */
const PROGRAMMERS =
  /\b(invalid|expected|undefined|NaN|string|boolean|array|record|input|option|GUID|ISO|regex|pattern|too (big|small)|[<>]=?)\b/i;

type Refusal = { status: number; body: { errors?: { pointer: string; detail: string }[] } };

function expectWords(asked: unknown[], { status, body }: Refusal): void {
  if (status !== 422) return;
  for (const { pointer, detail } of body.errors ?? []) {
    expect([...asked, pointer, detail, PROGRAMMERS.exec(detail)?.[0]]).toEqual([...asked, pointer, detail, undefined]);
  }
}

const wordsLike = (words: string | RegExp) => (typeof words === "string" ? words : expect.stringMatching(words));

const headers = { "if-match": "*", "idempotency-key": ID };

const queryOf = ({ parameters }: Operation) =>
  parameters.map(part => resolve<Parameter>(part, document.components)).filter(part => part.in === "query");

test("no parameter is refused in the validator's words, and one that comes twice is told of as that", async () => {
  const nonsense = ["", "x", "-1", "1.5", "%00", "2026-13-45", "9".repeat(30), "x".repeat(3000)];
  let twice = 0;
  for (const { method, address, operation } of calls.filter(call => call.method === "GET")) {
    for (const { name } of queryOf(operation)) {
      for (const value of nonsense) {
        // A stream ends with its reader.
        const ending = address.endsWith("/stream") ? { signal: AbortSignal.timeout(100) } : {};
        expectWords([address, name, value], await api.call(method, `${address}?${name}=${value}`, { key, ...ending }));
      }
      const { status, body } = await api.call(method, `${address}?${name}=1&${name}=2&${name}=3`, { key });
      if (status === 404) continue;
      const errors = body.errors?.filter(error => error.pointer === `/${name}`);
      const detail = "This parameter stands in the address 3 times. Give it once.";
      expect([address, status, errors]).toEqual([address, 422, [{ pointer: `/${name}`, detail }]]);
      twice++;
    }
  }
  expect(twice).toBeGreaterThan(40);
});

/** Every way to put a value of another kind, or nothing, into one of the fields of a body. */
function* spoilt(schema: JsonSchema, example: unknown): Generator<unknown> {
  for (const value of [
    5,
    1.5,
    -1,
    1e300,
    "",
    "x",
    "x".repeat(70_000),
    true,
    null,
    [],
    ["x", "x"],
    {},
    { a: 1 },
    "a\0b",
  ]) {
    yield value;
  }
  yield [];
  if (Array.isArray(example)) {
    const [first] = example;
    yield Array.from({ length: 501 }, () => first);
    for (const inner of spoilt(resolve(schema.items ?? {}, document.components), first)) yield [inner];
  } else if (typeof example === "object" && example !== null) {
    const { properties = {} } = schema;
    for (const name of new Set([...Object.keys(properties), ...Object.keys(example)])) {
      const field = (example as Record<string, unknown>)[name];
      const { [name]: _, ...others } = example as Record<string, unknown>;
      yield others;
      for (const inner of spoilt(resolve(properties[name] ?? {}, document.components), field)) {
        yield { ...others, [name]: inner };
      }
    }
    yield { ...example, nothing: 1 };
  }
}

test("no field is refused in the validator's words", async () => {
  let refused = 0;
  for (const { method, address, operation } of calls) {
    const { schema = {}, example } = operation.requestBody?.content["application/json"] ?? {};
    for (const body of spoilt(resolve(schema, document.components), example)) {
      if (example === undefined) break;
      const answer = await api.call(method, address, { key, headers, body });
      if (answer.status === 422) refused++;
      expectWords([method, address, JSON.stringify(body).slice(0, 200)], answer);
    }
  }
  expect(refused).toBeGreaterThan(500);
});

test("what a device pushes is refused in the same words", async () => {
  const card = { title: null, content: "text", privacy_level: "IDEAS", category: null, tags: null, metadata: null };
  const pushed = { entity_type: "card", entity_id: ID, base_checksum: null, checksum: "0".repeat(64) };
  const { title: _, ...untitled } = card;
  for (const [data, detail] of [
    [{ ...card, title: 5 }, "data/title: text"],
    [{ ...card, category: "x" }, /^data\/category: one of UNASSIMILATED, /],
    [{ ...card, nothing: 1 }, "data/nothing: There is no such field."],
    [untitled, "data/title: This is missing."],
    ["x", "data: a JSON object"],
  ] as const) {
    const body = { client_id: "phone", entities: [{ ...pushed, data }] };
    const answer = await api.call<{ results: unknown[] }>("POST", "/api/sync/push", { key, body });
    expect(answer.body.results).toEqual([
      expect.objectContaining({ error: { code: "invalid", detail: wordsLike(detail) } }),
    ]);
  }
});

test("a refusal says what is expected in the place of what came", async () => {
  const { id } = await api.register();
  const { id: card } = await api.publishCard(key);
  for (const [method, path, body, pointer, detail] of [
    ["POST", "/api/transfers", { to_user: id, amount: 1 }, "/amount", /as text, such as "1\.00"/],
    ["POST", "/api/transfers", { to_user: id }, "/amount", "This is missing."],
    ["POST", "/api/transfers", { to_user: 5, amount: "1.00" }, "/to_user", "text"],
    ["POST", "/api/transfers", [], "", "a JSON object"],
    ["POST", `/api/admin/users/${id}/adjustments`, { amount: 1 }, "/amount", /as text, such as "1\.00" or "-1\.00"/],
    ["POST", `/api/admin/users/${id}/adjustments`, {}, "/type", "This is missing."],
    ["POST", "/api/attributions", { source_card_id: "x" }, "/source_card_id", /^an id such as [0-9a-f-]{36}$/],
    ["POST", "/api/keys", { name: "k", scopes: [] }, "/scopes", "a list of at least 1 item"],
    ["POST", "/api/keys", { name: "k", scopes: "x".repeat(70) }, "/scopes", "a list"],
    ["POST", "/api/publish", { cards: "" }, "/cards", "a list"],
    ["GET", "/api/admin/analytics/attributions?from=x", undefined, "/from", /^a day such as .+, or a time such as /],
    ["POST", "/api/keys", { name: "k", scopes: ["x"] }, "/scopes/0", /^one of read, /],
    ["POST", "/api/sync/resolve", { resolution: "x" }, "/resolution", "one of local_wins, manual, remote_wins"],
    ["POST", "/api/sync/push", { entities: [{ base_revision: 1.5 }] }, "/entities/0/base_revision", "a whole number"],
    ["GET", "/api/ledger?card_id=x", undefined, "/card_id", /^an id such as [0-9a-f-]{36}$/],
    ["GET", "/api/ledger?limit=201", undefined, "/limit", "a whole number from 1 to 200"],
    ["GET", "/api/ledger?limit=x", undefined, "/limit", "a whole number from 1 to 200"],
    ["GET", "/api/ledger?cursor=", undefined, "/cursor", "text that is not empty"],
    ["GET", "/api/ledger?colour=red", undefined, "/colour", "There is no such parameter."],
    ["GET", `/api/cards/${card}/graph?depth=4`, undefined, "/depth", "one of 1, 2, 3"],
    ["POST", "/api/transfers", { colour: "red" }, "/colour", "There is no such field."],
  ] as const) {
    const answer = await api.call(method, path, { key, headers, body });
    const found = answer.body.errors?.filter(error => error.pointer === pointer).map(error => error.detail);
    expect([path, body, found]).toEqual([path, body, [wordsLike(detail)]]);
  }
});
