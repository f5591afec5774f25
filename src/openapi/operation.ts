// One route as an operation of the document: what it takes, and every answer that it can give.

import { z } from "zod";
import { isMonitored } from "../monitored.ts";
import { EXAMPLE_HASH, EXAMPLE_ID } from "./fields.ts";
import type { Answer, JsonSchema, Operation, Parameter, Reference } from "./model.ts";
import { type OperationNote, operations } from "./operations.ts";
import { headersOf, refusalOf } from "./refusals.ts";
import { sampleOf } from "./samples.ts";
import type { Schemas } from "./schemas.ts";

/** What is read of a route. Its `detail` may hold any part of the operation, which then counts. */
export type Route = {
  method: string;
  path: string;
  hooks: {
    body?: unknown;
    query?: unknown;
    params?: unknown;
    response?: unknown;
    detail?: Partial<Operation> & { hide?: boolean };
  };
};

/** The operation of a route; the named shapes that it uses are collected in `schemas`. */
export function describeOperation({ method, path, hooks }: Route, schemas: Schemas): Operation {
  const { hide: _, ...detail } = hooks.detail ?? {};
  const note = operations[`${method} ${path}`];
  const parameters = [
    ...parametersOf("path", hooks.params, schemas, namesIn(path)),
    ...parametersOf("query", hooks.query, schemas),
    ...headerParametersOf(hooks.response, note),
    ...(detail.parameters ?? []),
    { $ref: "#/components/parameters/X-Request-Id" },
  ];
  return {
    operationId: note?.id ?? nameOf(method, path),
    tags: [],
    summary: `${method} ${path}`,
    ...detail,
    parameters,
    ...(hooks.body instanceof z.ZodType ? { requestBody: describeBody(hooks.body, schemas, note) } : {}),
    responses: merge(describeAnswers({ method, path, hooks }, schemas, note), detail.responses ?? {}),
  };
}

/** Parameters that several operations take. */
export const PARAMETERS: Readonly<Record<string, Parameter>> = {
  "X-Request-Id": {
    name: "X-Request-Id",
    in: "header",
    required: false,
    description: "An id of your own for the request; one that is not of this form is replaced.",
    schema: { type: "string", pattern: "^[A-Za-z0-9._:-]{1,128}$" },
  },
  "If-Match": {
    name: "If-Match",
    in: "header",
    required: true,
    description: "The ETag of the version that was read, or `*` for any.",
    schema: { type: "string" },
    example: `"${EXAMPLE_HASH}"`,
  },
  "Idempotency-Key": {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description: "Makes a repetition harmless: a new key for each new request, the same one when it is sent again.",
    schema: { type: "string", pattern: "^[ -~]{1,200}$" },
    example: EXAMPLE_ID,
  },
};

function parametersOf(place: "path" | "query", schema: unknown, schemas: Schemas, names: string[] = []): Parameter[] {
  const object = schema instanceof z.ZodType ? schemas.toJsonSchema(schema, "input") : {};
  const properties = { ...Object.fromEntries(names.map(name => [name, { type: "string" }])), ...object.properties };
  return Object.entries<JsonSchema>(properties).map(([name, { description, examples, ...form }]) => ({
    name,
    in: place,
    required: place === "path" || (object.required?.includes(name) ?? false),
    ...(description || place === "path" ? { description: description ?? "Which one." } : {}),
    schema: form,
    ...(examples && place === "path" ? { example: examples[0] } : {}),
  }));
}

function headerParametersOf(response: unknown, note: OperationNote | undefined): (Parameter | Reference)[] {
  const found: (Parameter | Reference)[] = [];
  if (isByStatus(response) && "428" in response) found.push({ $ref: "#/components/parameters/If-Match" });
  if (note?.idempotency === "optional") found.push({ $ref: "#/components/parameters/Idempotency-Key" });
  if (note?.idempotency === "required") {
    found.push({ ...(PARAMETERS["Idempotency-Key"] as Parameter), required: true });
  }
  return found;
}

type RequestBody = NonNullable<Operation["requestBody"]>;

function describeBody(body: z.ZodType, schemas: Schemas, note: OperationNote | undefined): RequestBody {
  const schema = schemas.toJsonSchema(body, "input");
  const example = note?.example ?? sampleOf(schema, { schemas: schemas.components });
  return { required: true, content: { "application/json": { schema, example } } };
}

function describeAnswers(
  { method, path, hooks: { response, detail } }: Route,
  schemas: Schemas,
  note: OperationNote | undefined,
): Operation["responses"] {
  const listed = isByStatus(response) ? response : {};
  const needsKey = detail?.security?.every(way => Object.keys(way).length > 0) ?? true;
  const statuses = new Set([
    ...Object.keys(listed).map(Number),
    // Whatever a route lists: its key is looked at, a body that came is read, and the server may be in trouble.
    ...(needsKey && detail?.security?.length !== 0 ? [401, 403] : []),
    ...(isMonitored(path) ? [] : [429]),
    400,
    ...(method === "GET" ? [] : [413, 415, 422]),
    ...[500, 503],
  ]);
  return Object.fromEntries(
    [...statuses].map(status => [
      status,
      status >= 400 ? refusalOf(status, note) : describeSuccess(status, listed[status], schemas, note),
    ]),
  );
}

const SUCCESS: Readonly<Record<number, string>> = { 200: "Done.", 201: "Created.", 204: "Done; there is no body." };

function describeSuccess(
  status: number,
  answer: z.ZodType | undefined,
  schemas: Schemas,
  note: OperationNote | undefined,
): Answer {
  const own = [...(note?.gives ?? []), ...(note?.idempotency ? ["Idempotency-Replayed"] : [])];
  const headers = {
    ...headersOf(status),
    ...Object.fromEntries(own.map(name => [name, { $ref: `#/components/headers/${name}` }])),
  };
  const description = SUCCESS[status] ?? "Done.";
  if (!answer || answer instanceof z.ZodVoid) return { description, headers };
  const schema = schemas.toJsonSchema(answer, "output");
  const example = note?.answers?.[status] ?? sampleOf(schema, { schemas: schemas.components });
  return { description, headers, content: { "application/json": { schema, example } } };
}

/** What a route says itself, over what was found out; other forms of the same answer come beside. */
function merge(found: Operation["responses"], said: Operation["responses"]): Operation["responses"] {
  const merged = { ...found };
  for (const [status, answer] of Object.entries(said)) {
    const before = found[status];
    const { headers, content } = before && !("$ref" in before) ? before : { headers: headersOf(Number(status)) };
    merged[status] =
      "$ref" in answer
        ? answer
        : {
            ...answer,
            headers: { ...headers, ...answer.headers },
            ...(content || answer.content ? { content: { ...content, ...answer.content } } : {}),
          };
  }
  return merged;
}

function isByStatus(response: unknown): response is Record<string, z.ZodType> {
  return typeof response === "object" && response !== null && !(response instanceof z.ZodType);
}

function namesIn(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
}

/** `GET /api/cards/:id/graph` without a name of its own becomes `getCardsByIdGraph`. */
function nameOf(method: string, path: string): string {
  const words = path
    .replace(/^\/api/, "")
    .replaceAll(":", "by/")
    .split(/[^A-Za-z]+/)
    .filter(Boolean);
  return method.toLowerCase() + words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
