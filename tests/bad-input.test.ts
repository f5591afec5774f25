// Input that tries to break something: bodies that are no JSON or the wrong JSON, texts that can't be kept, keys that
// mean something to JavaScript. Everything is refused with a 4xx or kept exactly; nothing is a 5xx.

import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { type Api, createApi, type Member, newCard } from "./api-support.ts";
import { quickestOf } from "./quickest.ts";

let api: Api;
let member: Member;
beforeAll(async () => {
  api = await createApi();
  member = await api.register();
});
afterEach(() => {
  expect(api.logs.splice(0).filter(line => line.includes('"level":50'))).toEqual([]);
});

const send = (raw: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  api.call("POST", "/api/publish", { key: member.key, raw, headers });

const bytes = (...values: number[]) => new Uint8Array(values);

/** The JSON text of a request with one card, of which some fields are given as JSON text. */
function cardJson(fields: Record<string, string>): string {
  const all = { content: JSON.stringify(crypto.randomUUID()), privacy_level: '"IDEAS"', ...fields };
  const members = Object.entries(all).map(([name, json]) => `${JSON.stringify(name)}: ${json}`);
  return `{"cards": [{${members.join(", ")}}]}`;
}

describe("a body that is not JSON", () => {
  test.each([
    "{",
    '{"cards": [}',
    "{'cards': []}",
    '{"cards": []} x',
    "NaN",
    "undefined",
    '{"a": 01}',
    "\ufeff{}",
    " ",
  ])("is 400: %j", async raw => {
    expect(await send(raw)).toMatchObject({ status: 400, body: { type: "/problems/malformed-json" } });
  });

  test.each([
    bytes(0x22, 0xff, 0x22),
    bytes(0x22, 0xc0, 0x80, 0x22),
    bytes(0x22, 0xed, 0xa0, 0x80, 0x22),
    bytes(0x22, 0xe2, 0x82, 0x22),
    bytes(0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00),
  ])("is 400 where it is not UTF-8: %p", async raw => {
    const answer = await send(raw);
    expect(answer).toMatchObject({ status: 400, body: { type: "/problems/malformed-json" } });
    expect(answer.body.detail).toContain("UTF-8");
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "json",
    "",
  ])("is 415 where it says so: %j", async type => {
    const answer = await send(JSON.stringify({ cards: [newCard()] }), { "content-type": type });
    expect(answer).toMatchObject({ status: 415, body: { type: "/problems/unsupported-media-type" } });
  });

  test.each([
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
  ])("may be called what JSON is called: %s", async type => {
    expect((await send(JSON.stringify({ cards: [newCard()] }), { "content-type": type })).status).toBe(201);
  });
});

describe("a body that is not the object that is wanted", () => {
  test.each([
    "null",
    "true",
    "false",
    "0",
    "1",
    '""',
    '"text"',
    "[]",
    "[{}]",
    "{}",
    '{"cards": null}',
    '{"cards": {}}',
  ])("is 422: %s", async raw => {
    expect(await send(raw)).toMatchObject({ status: 422, body: { type: "/problems/validation" } });
  });

  test("is 422 where there is none", async () => {
    for (const [method, path] of [
      ["POST", "/api/publish"],
      ["PATCH", "/api/me"],
      ["POST", "/api/keys"],
      ["POST", "/api/users"],
    ] as const) {
      for (const options of [{}, { raw: "" }, { raw: "", headers: { "content-type": "text/plain" } }]) {
        const answer = await api.call(method, path, { key: member.key, ...options });
        expect(answer).toMatchObject({ status: 422, body: { type: "/problems/validation" } });
        expect(answer.body.errors).not.toHaveLength(0);
      }
    }
  });

  test("names fields that do not exist, wherever they stand", async () => {
    const card = newCard();
    for (const [body, pointer] of [
      [{ cards: [card], unknown: 1 }, "/unknown"],
      [{ cards: [{ ...card, unknown: 1 }] }, "/cards/0/unknown"],
      [{ cards: [{ ...card, id: crypto.randomUUID() }] }, "/cards/0/id"],
      [{ cards: [{ ...card, slug: "mine" }] }, "/cards/0/slug"],
      [{ cards: [{ ...card, extropy_awarded: "9.00" }] }, "/cards/0/extropy_awarded"],
      [{ cards: [{ ...card, "": 1 }] }, "/cards/0/"],
    ] as const) {
      const answer = await api.call("POST", "/api/publish", { key: member.key, body });
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
    }
  });
});

test("what is missing is called so, and what has another type is not", async () => {
  for (const [raw, pointer, isMissing] of [
    ["{}", "/cards", true],
    ['{"cards": [{"content": "x"}]}', "/cards/0/privacy_level", true],
    ['{"cards": null}', "/cards", false],
    ['{"cards": [{"content": 1, "privacy_level": "IDEAS"}]}', "/cards/0/content", false],
  ] as const) {
    const { body } = await send(raw);
    const { detail } = body.errors?.find(error => error.pointer === pointer) ?? {};
    expect([raw, detail === "This is missing.", typeof detail]).toEqual([raw, isMissing, "string"]);
  }
});

describe("names that mean something to JavaScript", () => {
  test.each(["__proto__", "constructor", "prototype", "toString", "toJSON", "hasOwnProperty"])(
    "are unknown fields like any other: %s",
    async name => {
      const evil = `${JSON.stringify(name)}: {"polluted": true, "role": "admin"}`;
      const card = JSON.stringify(newCard());
      for (const [raw, pointer] of [
        [`{"cards": [${card}], ${evil}}`, `/${name}`],
        [`{"cards": [${card.slice(0, -1)}, ${evil}}]}`, `/cards/0/${name}`],
      ] as const) {
        expect(await send(raw)).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
      }
      const change = await api.call("PATCH", "/api/me", { key: member.key, raw: `{${evil}}` });
      expect(change).toMatchObject({ status: 422, body: { errors: [{ pointer: `/${name}` }] } });
      const list = await api.call("GET", `/api/cards?${name}=x`, { key: member.key });
      expect(list.status).toBe(422);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    },
  );

  test.each([
    '{"__proto__": {"polluted": true}}',
    '{"a": {"__proto__": {"polluted": true}}}',
    '{"a": [{"__proto__": 1, "constructor": {"prototype": {"polluted": true}}}]}',
    '{"constructor": 1, "toString": 2, "hasOwnProperty": null, "toJSON": "x"}',
  ])("in metadata are kept as they were sent: %s", async metadata => {
    const answer = await send(cardJson({ metadata }));
    expect(answer.status).toBe(201);
    const [line] = (answer.body as { cards: { id: string }[] }).cards;
    const shown = await api.call("GET", `/api/cards/${line?.id}`, { key: member.key });
    expect(canonicalize(JSON.parse(shown.text).metadata)).toBe(canonicalize(JSON.parse(metadata)) as string);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    const headers = { "if-match": shown.headers.get("etag") ?? "" };
    const raw = `{"metadata": {"__proto__": {"x": 1}}}`;
    const changed = await api.call("PATCH", `/api/cards/${line?.id}`, { key: member.key, raw, headers });
    expect(changed.status).toBe(200);
    expect(changed.text).toContain('"metadata":{"__proto__":{"x":1}}');
  });
});

describe("text that can't be kept", () => {
  const BAD = ["a\\u0000b", "\\ud800", "a\\udfffb", "\\udc00\\ud800"];
  const FIELDS = ["title", "content", "privacy_level", "tags", "metadata", "metadata name", "client_id"] as const;

  test.each(FIELDS.flatMap(field => BAD.map(bad => [field, bad] as const)))(
    "is refused: %s with %s",
    async (field, bad) => {
      const text = `"${bad}"`;
      const raw = {
        title: cardJson({ title: text }),
        content: cardJson({ content: text }),
        privacy_level: cardJson({ privacy_level: text }),
        tags: cardJson({ tags: `["good", ${text}]` }),
        metadata: cardJson({ metadata: `{"a": [{"b": ${text}}]}` }),
        "metadata name": cardJson({ metadata: `{"a": [{${text}: 1}]}` }),
        client_id: `{"client_id": ${text}, ${cardJson({}).slice(1)}`,
      }[field];
      const answer = await send(raw);
      expect(answer.status).toBe(422);
      const pointer = field === "client_id" ? "/client_id" : `/cards/0/${field.split(" ")[0]}`;
      expect(answer.body.errors?.[0]?.pointer).toStartWith(pointer);
    },
  );

  test("is refused in a query", async () => {
    for (const name of ["q", "tag", "category", "cursor"]) {
      expect((await api.call("GET", `/api/cards?${name}=a%00b`, { key: member.key })).status).toBe(422);
    }
  });

  test.each(["%", "%ff", "%zz", "%e2%82", "+", "%2B", "&", "=", "%00"])("never breaks a query: %s", async text => {
    for (const path of [`/api/cards?q=${text}`, `/api/cards?${text}=1`, `/api/cards?${text}`]) {
      expect((await api.call("GET", path, { key: member.key })).status).toBeOneOf([200, 422]);
    }
  });
});

describe("numbers", () => {
  test.each(["1e400", "-1e400", "[1e309]", '{"a": {"b": 1e999}}'])(
    "that no double holds are refused in metadata: %s",
    async json => {
      expect(await send(cardJson({ metadata: `{"n": ${json}}` }))).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: "/cards/0/metadata" }] },
      });
    },
  );

  test.each(["1e400", "1.5", "2147483648", "-2147483649", '"1"', "true", "[]"])(
    "that are no 32-bit integers are no session: %s",
    async source_session_id => {
      expect((await send(cardJson({ source_session_id }))).status).toBe(422);
    },
  );
});

describe("nesting", () => {
  const deep = (count: number) => "[".repeat(count) + "]".repeat(count);

  test.each([100, 10_000, 524_288, 4_000_000])(
    "of %d levels is refused as a body and as metadata, quickly",
    async count => {
      const startedMs = performance.now();
      expect((await send(deep(count))).status).toBeOneOf([400, 422]);
      expect((await send(`{"cards": ${deep(count)}}`)).status).toBeOneOf([400, 422]);
      if (count < 4_000_000) {
        const unclosed = await send("[".repeat(count));
        expect(unclosed.status).toBe(400);
        expect((await send(cardJson({ metadata: `{"a": ${deep(count)}}` }))).status).toBeOneOf([400, 422]);
        expect((await send(cardJson({ nonsense: `${'{"a":'.repeat(count)}1${"}".repeat(count)}` }))).status).toBeOneOf([
          400, 422, 413,
        ]);
      }
      expect(performance.now() - startedMs).toBeLessThan(5000);
    },
  );

  test.each(["[", "> ", "- ", "*", "_", "`", "![](", "<", "a\n\n", "\\"])(
    "of Markdown is text like any other: 1 MiB of %j",
    async piece => {
      const tookMs = await quickestOf(2000, async () => {
        const mark = crypto.randomUUID();
        const content = mark + piece.repeat(Math.floor((1_048_576 - mark.length) / piece.length));
        const startedMs = performance.now();
        const answer = await api.publish(member.key, [newCard({ content })]);
        expect(answer.status).toBe(201);
        return performance.now() - startedMs;
      });
      expect(tookMs).toBeLessThan(2000);
    },
  );
});

describe("text that is slow to compare", () => {
  // Putting a run of combining characters in order takes time with the square of its length: 15 s for 200 KB.
  test.each(["\u0301\u0323", "\u0323\u0301", "\u0f71\u0f72\u0f74"])(
    "does not stop the server: marks %j",
    async marks => {
      for (const body of [
        [newCard({ content: `a${marks.repeat(170_000)}` })],
        Array.from({ length: 100 }, () => newCard({ title: `a${marks.repeat(300)}` })),
      ]) {
        const tookMs = await quickestOf(1000, async () => {
          const startedMs = performance.now();
          const answer = await api.publish(member.key, body);
          expect(answer).toMatchObject({ status: 422 });
          return performance.now() - startedMs;
        });
        expect(tookMs).toBeLessThan(1000);
      }
      const card = await api.publishCard(member.key);
      const change = { body: { content: marks.repeat(170_000) }, headers: { "if-match": "*" } };
      expect((await api.call("PATCH", `/api/cards/${card.id}`, { key: member.key, ...change })).status).toBe(422);
    },
  );

  test("is taken with as many marks as people write, and far more", async () => {
    const zalgo = `Z${"\u0335\u0321\u0301\u0352".repeat(20)}algo`;
    const content = zalgo.repeat(1000);
    const { id } = await api.publishCard(member.key, newCard({ title: zalgo, content }));
    expect((await api.call("GET", `/api/cards/${id}`, { key: member.key })).body).toMatchObject({
      title: zalgo,
      content,
    });
  });
});

test("whatever JSON is sent, it is published as it was or refused, and never a 5xx", async () => {
  const value = fc.jsonValue({ maxDepth: 4, noUnicodeString: false });
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom("IDEAS", "x", " ", "\u0000"));
  const card = fc.record(
    {
      title: fc.option(text),
      content: text,
      privacy_level: fc.constantFrom("IDEAS", "BUSINESS", "PRIVATE"),
      tags: fc.array(text),
      metadata: fc.dictionary(text, value),
      category: fc.oneof(fc.constantFrom("GRIT", "JUNK", null), value),
    },
    { requiredKeys: ["content", "privacy_level"] },
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof({ weight: 4, arbitrary: card }, { weight: 1, arbitrary: value }), async sent => {
      const answer = await api.call("POST", "/api/publish", { key: member.key, body: { cards: [sent] } });
      expect(answer.status).toBeOneOf([200, 201, 422]);
      const line = (answer.body as { cards?: { id: string; outcome: string }[] }).cards?.[0];
      if (line?.outcome !== "published") return;
      const { title, ...rest } = JSON.parse(JSON.stringify(sent));
      const shown = await api.call("GET", `/api/cards/${line.id}`, { key: member.key });
      expect(shown.body).toMatchObject({ ...rest, title: title || null });
    }),
    { numRuns: 60 },
  );
});
