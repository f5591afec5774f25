// The attempts at an operation: requests that it should take, and what becomes of them when something in the body, the
// query, the address, the headers, the method or the sender is not as it should be.

import fc from "fast-check";
import { BODY_BYTES_MAX } from "../../src/json-body.ts";
import { type OpenApiDocument, type Operation, type Parameter, resolve } from "../../src/openapi/model.ts";
import { type Again, type Attempt, long, type Sender } from "./attempt.ts";
import * as hostile from "./hostile.ts";
import type { Target } from "./targets.ts";
import { valuesOf } from "./valid.ts";

/** `count` attempts at an operation: the same ones for the same seed, whatever the other operations are. */
export function attemptsAt(target: Target, components: OpenApiDocument["components"], count: number, seed: number) {
  const own = Number(BigInt(Bun.hash(`${seed} ${target.name}`)) & 0x7fffffffn);
  const drafts = fc.sample(draftOf(target, components), { numRuns: count, seed: own });
  return drafts.map((draft, index): Attempt => ({ operation: target.name, index, ...draft }));
}

/** A request in parts, as the tricks change them. */
type Draft = {
  sender: Sender;
  method: string;
  /** Encoded. */
  segments: string[];
  query: [name: string, value: string][];
  headers: Record<string, string>;
  again: Again[];
  /** A JSON value, in which texts that begin with RAW stand for pieces of JSON text. */
  body: unknown;
  /** Made of the finished JSON text. */
  finish: (json: string) => string | Uint8Array<ArrayBuffer>;
  tricks: string[];
};

type Trick = (draft: Draft) => Draft;
type Finished = Omit<Attempt, "operation" | "index">;

function draftOf(target: Target, components: OpenApiDocument["components"]): fc.Arbitrary<Finished> {
  const tricks = tricksFor(target);
  return fc
    .tuple(
      plain(target, components),
      fc.oneof(
        { weight: 3, arbitrary: fc.constant<Trick[]>([]) },
        { weight: 6, arbitrary: tricks.map(trick => [trick]) },
        { weight: 2, arbitrary: fc.array(tricks, { minLength: 2, maxLength: 3 }) },
      ),
    )
    .map(([draft, chosen]) => finish(chosen.reduce((before, trick) => trick(before), draft)));
}

/** A request with nothing wrong in it. */
function plain({ method, path, operation }: Target, components: OpenApiDocument["components"]): fc.Arbitrary<Draft> {
  const parameters = operation.parameters.map(parameter => resolve<Parameter>(parameter, components));
  const schema = operation.requestBody?.content["application/json"]?.schema;
  const inQuery = parameters.filter(parameter => parameter.in === "query");
  const names = parameters.map(({ name }) => name);
  const query = fc.record(
    Object.fromEntries(inQuery.map(({ name, schema }) => [name, valuesOf(schema, components, name)] as const)),
    { requiredKeys: [] },
  );
  return fc
    .record({
      sender: senderOf(path),
      segments: fc.tuple(
        ...path
          .split("/")
          .slice(1)
          .map(segment => segmentOf(path, segment)),
      ),
      // Few of the filters at once, or nothing is ever found.
      query: fc.oneof({ weight: 2, arbitrary: query }, fc.constant({})),
      body: schema ? valuesOf(schema, components) : fc.constant(undefined),
      key: fc.constantFrom("key {{n}}", "key {{n}}", "the same"),
      match: fc.constantFrom("*", '"{{etag}}"', '"{{etag}}"'),
    })
    .map(({ sender, segments, query, body, key, match }) => ({
      ...{ sender, segments, body, method, again: [], tricks: [] },
      query: Object.entries(query).map(([name, value]) => [name, hostile.encode(String(value))]),
      headers: {
        ...(names.includes("Idempotency-Key") ? { "idempotency-key": key } : {}),
        ...(names.includes("If-Match") ? { "if-match": match } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      finish: json => json,
    }));
}

/** Mostly whoever may do it, sometimes anybody. */
function senderOf(path: string): fc.Arbitrary<Sender> {
  const right: Sender = path.startsWith("/api/admin/") || path === "/api/users" ? "admin" : "owner";
  return fc.oneof(
    { weight: 12, arbitrary: fc.constant(right) },
    { weight: 2, arbitrary: fc.constantFrom<Sender>("owner", "other", "auditor", "admin") },
    { weight: 1, arbitrary: fc.constantFrom<Sender>("nobody", "bad") },
  );
}

function segmentOf(path: string, segment: string): fc.Arbitrary<string> {
  if (!segment.startsWith("{")) return fc.constant(segment);
  if (segment === "{username}") return fc.constantFrom("{{ownerName}}", "{{otherName}}", "{{OWNERNAME}}");
  if (path.includes("/problems/")) return fc.constantFrom("not-found", "validation", "no-such-problem");
  if (segment === "{slug}") return fc.constantFrom("{{slug}}", "{{slug}}.md", "{{withdrawnSlug}}", "x-{{slug}}");
  if (path.includes("/keys/")) return fc.constant("{{key}}");
  if (path.includes("/ledger/")) return fc.constantFrom("{{entry}}", "{{otherEntry}}");
  if (path.includes("/attributions/{")) return fc.constant("{{attribution}}");
  if (path.includes("/users/")) return fc.constantFrom("{{ownerId}}", "{{ownerId}}", "{{otherId}}", "{{adminId}}");
  return fc.constantFrom("{{card}}", "{{citing}}", "{{card}}", "{{cited}}", "{{withdrawn}}");
}

const RAW = "\u0001raw:";

function tricksFor({ operation, path }: Target): fc.Arbitrary<Trick> {
  const inPath = path.split("/").slice(1);
  const variable = inPath.flatMap((segment, at) => (segment.startsWith("{") ? [at] : []));
  return fc.oneof(
    ...(operation.requestBody
      ? [
          { weight: 10, arbitrary: bodyTrick },
          { weight: 2, arbitrary: textTrick },
        ]
      : []),
    { weight: 5, arbitrary: queryTrick(operation) },
    ...(variable.length > 0 ? [{ weight: 4, arbitrary: pathTrick(variable) }] : []),
    { weight: 1, arbitrary: pathTrick(inPath.map((_, at) => at)) },
    { weight: 3, arbitrary: headerTrick },
    { weight: 3, arbitrary: doubledTrick },
    { weight: 1, arbitrary: methodTrick },
    ...(operation.requestBody ? [] : [{ weight: 1, arbitrary: strayBody }]),
  );
}

/** One place of the body gets another value, is missing, or gets a neighbour. */
const bodyTrick: fc.Arbitrary<Trick> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat(), hostile.hostileJson).map(
      ([at, json]): Trick =>
        draft =>
          change(draft, at, () => RAW + json, `${cut(json)} in the body`),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat().map(
      (at): Trick =>
        draft =>
          change(draft, at, () => undefined, "a part of the body missing"),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(), hostile.hostileText, hostile.hostileJson).map(([at, name, json]): Trick => {
      const add = (value: unknown) => (isRecord(value) ? { ...value, [name]: RAW + json } : [value, RAW + json]);
      return draft => change(draft, at, add, `a field ${cut(JSON.stringify(name))} more`);
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(), fc.constantFrom(2, 51, 101, 501)).map(([at, count]): Trick => {
      const repeat = (value: unknown) => (Array.isArray(value) ? Array(count).fill(value[0] ?? null) : [value]);
      return draft => change(draft, at, repeat, `a list of ${count}, or around what is none`);
    }),
  },
  {
    weight: 1,
    arbitrary: hostile.hostileJson.map(
      (json): Trick =>
        draft => ({ ...draft, body: RAW + json, tricks: [...draft.tricks, `the body is ${cut(json)}`] }),
    ),
  },
);

/** The body is no JSON, no UTF-8, too large, or called something else. */
const textTrick: fc.Arbitrary<Trick> = fc.oneof(
  {
    weight: 4,
    arbitrary: hostile.brokenJson.map(
      (broken): Trick =>
        draft => ({ ...draft, finish: broken, tricks: [...draft.tricks, "broken JSON"] }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(hostile.brokenBytes, fc.double({ min: 0, max: 1, noNaN: true })).map(
      ([bytes, where]): Trick =>
        draft => ({ ...draft, finish: json => inserted(json, bytes, where), tricks: [...draft.tricks, "no UTF-8"] }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(...hostile.CONTENT_TYPES).map(
      (type): Trick =>
        draft => ({
          ...draft,
          headers: { ...draft.headers, "content-type": type },
          tricks: [...draft.tricks, `Content-Type ${JSON.stringify(type)}`],
        }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, 1).map((beyond): Trick => {
      const padded = (json: string) => json + long(BODY_BYTES_MAX + beyond - Math.min(json.length, 1000), " ");
      return draft => ({ ...draft, finish: padded, tricks: [...draft.tricks, "a body around 8 MiB"] });
    }),
  },
);

function queryTrick({ parameters }: Operation): fc.Arbitrary<Trick> {
  const names = parameters.flatMap(parameter =>
    "in" in parameter && parameter.in === "query" ? [parameter.name] : [],
  );
  const name = fc.oneof(
    ...(names.length > 0 ? [{ weight: 8, arbitrary: fc.constantFrom(...names) }] : []),
    { weight: 1, arbitrary: fc.constantFrom("x", "limit", "cursor", "__proto__", "toString", "limit[]", "q[$ne]", "") },
    { weight: 1, arbitrary: hostile.hostilePiece },
  );
  // A wait that is as long as it may be is none of these.
  return fc.tuple(name, hostile.hostilePiece, fc.boolean()).map(
    ([key, value, isAdded]): Trick =>
      draft => ({
        ...draft,
        query: [...draft.query.filter(([known]) => isAdded || known !== key), [key, value]],
        tricks: [...draft.tricks, `${cut(key)}=${cut(value)} in the query`],
      }),
  );
}

function pathTrick(places: number[]): fc.Arbitrary<Trick> {
  return fc.tuple(fc.constantFrom(...places), hostile.hostilePiece).map(
    ([at, piece]): Trick =>
      draft => ({
        ...draft,
        segments: draft.segments.with(at, piece),
        tricks: [...draft.tricks, `${cut(piece)} in the address`],
      }),
  );
}

const headerTrick: fc.Arbitrary<Trick> = hostile.hostileHeader.map(
  ([name, value]): Trick =>
    draft => ({
      ...draft,
      headers: { ...draft.headers, [name]: value },
      tricks: [...draft.tricks, `${name}: ${cut(value)}`],
    }),
);

/** A header comes twice: with two values, or with one. */
const doubledTrick: fc.Arbitrary<Trick> = hostile.doubledHeader.map(
  (again): Trick =>
    draft => ({
      ...draft,
      // One that would not be there is there twice all the same.
      headers: again.first === undefined ? draft.headers : { [again.name]: again.first, ...draft.headers },
      again: [...draft.again, { name: again.name, ...(again.second === undefined ? {} : { value: again.second }) }],
      tricks: [...draft.tricks, `${again.name} twice, ${again.second === undefined ? "the same" : cut(again.second)}`],
    }),
);

const methodTrick: fc.Arbitrary<Trick> = fc.constantFrom(...hostile.METHODS).map(
  (method): Trick =>
    draft => ({
      ...draft,
      method,
      tricks: [...draft.tricks, `the method ${method}`],
    }),
);

/** A body where none is wanted. */
const strayBody: fc.Arbitrary<Trick> = hostile.hostileJson.map(
  (json): Trick =>
    draft => ({
      ...draft,
      body: RAW + json,
      headers: { ...draft.headers, "content-type": "application/json" },
      tricks: [...draft.tricks, "a body that nobody asked for"],
    }),
);

/** The `at`th value within the body (counted round and round) becomes another one; undefined leaves it out. */
function change(draft: Draft, at: number, to: (value: unknown) => unknown, trick: string): Draft {
  const places = placesIn(draft.body);
  const place = places[at % places.length] ?? [];
  return { ...draft, body: changed(draft.body, place, to), tricks: [...draft.tricks, trick] };
}

type Place = readonly (string | number)[];

function placesIn(value: unknown, place: Place = []): Place[] {
  if (!isRecord(value) && !Array.isArray(value)) return [place];
  const inside = Object.keys(value).flatMap(key =>
    placesIn((value as Record<string, unknown>)[key], [...place, Array.isArray(value) ? Number(key) : key]),
  );
  return place.length > 0 ? [place, ...inside] : inside;
}

function changed(value: unknown, [key, ...rest]: Place, to: (value: unknown) => unknown): unknown {
  if (key === undefined) return to(value);
  if (Array.isArray(value)) {
    return value.flatMap((item, at) => (at === key ? [changed(item, rest, to)].filter(v => v !== undefined) : [item]));
  }
  // Entries, so that a field named __proto__ stays one.
  return Object.fromEntries(
    Object.entries(value as object).map(([name, field]) => [name, name === key ? changed(field, rest, to) : field]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function finish({ sender, method, segments, query, headers, again, body, finish, tricks }: Draft): Finished {
  const search = query.map(([name, value]) => `${name}=${value}`).join("&");
  const canHaveBody = method !== "GET" && method !== "HEAD" && method !== "get";
  const json = body === undefined || !canHaveBody ? undefined : toJson(body);
  // Whoever is promised a body that does not come waits for it (slow-requests.test.ts).
  const sentAgain = again.filter(
    ({ name }) => json !== undefined || !/^(content-length|transfer-encoding)$/.test(name),
  );
  return {
    ...{ sender, method, headers, again: sentAgain, tricks },
    path: `/${segments.join("/")}${search ? `?${search}` : ""}`,
    ...(json === undefined ? {} : { body: finish(json) }),
  };
}

/** Every RAW text, with its quotes, becomes the JSON that it holds. */
function toJson(body: unknown): string {
  const json = JSON.stringify(body) ?? "null";
  return json.replace(/"\\u0001raw:((?:[^"\\]|\\.)*)"/gs, (_, text: string) => JSON.parse(`"${text}"`) as string);
}

function inserted(json: string, bytes: readonly number[], where: number): Uint8Array<ArrayBuffer> {
  const all = [...new TextEncoder().encode(json)];
  return Uint8Array.from(all.toSpliced(Math.floor(where * all.length), 0, ...bytes));
}

function cut(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
