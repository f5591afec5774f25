// Whether an answer may be what came: no failure of the server, nothing that the document does not know, and nothing of
// the server's inside.

import Ajv2020 from "ajv/dist/2020.js";
import { type Answer, type Header, type OpenApiDocument, resolve } from "../../src/openapi/model.ts";
import { problems } from "../../src/problem.ts";
import type { Attempt, Reply } from "./attempt.ts";
import type { Leaks } from "./leaks.ts";
import { pathOf, type Target } from "./targets.ts";

/** What is wrong with an answer: of which kind, and what exactly. */
export type Finding = {
  kind: "5xx" | "undocumented" | "leak" | "access" | "ambiguous" | "books" | "no answer";
  what: string;
};

/** Text that is in the document's form is in this one, where a format is a promise. */
const FORMATS = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  date: /^\d{4}-\d\d-\d\d$/,
  uri: (text: string) => URL.canParse(text),
  email: /^[^\s@]+@[^\s@]+$/,
};

export type Circumstances = {
  /** Where the request led. */
  target: Target | undefined;
  /** The private texts of whoever asked. */
  own: readonly string[];
};

/** What is wrong with the answer to an attempt. */
export type Judge = (attempt: Attempt, reply: Reply, circumstances: Circumstances) => Finding[];

export function createJudge(document: OpenApiDocument, leaks: Leaks): Judge {
  const ajv = new Ajv2020({ strict: false, formats: FORMATS });
  ajv.addSchema({ ...document, $id: "openapi" });
  const validators = new Map<string, ReturnType<typeof ajv.compile>>();
  function fits(name: string, schema: object, value: unknown): string | undefined {
    const validate = validators.getOrInsertComputed(name, () =>
      ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/'))),
    );
    return validate(value) ? undefined : ajv.errorsText(validate.errors);
  }

  function* judgeDocumented({ operation }: Target, attempt: Attempt, reply: Reply): Iterable<string> {
    const { status, headers, text } = reply;
    const given = operation.responses[status];
    if (!given) return yield `${status} is not among the answers of ${operation.operationId}`;
    const answer = resolve<Answer>(given, document.components);
    for (const [name, header] of Object.entries(answer.headers ?? {})) {
      const { required, schema } = resolve<Header>(header, document.components);
      const value = headers.get(name);
      if (required && value === null) yield `${status} without the header ${name}`;
      if (value !== null && schema.type === "integer" && !/^\d+$/.test(value)) yield `${name}: ${value} is no number`;
    }
    const type = headers.get("content-type")?.split(";")[0];
    if (!answer.content || attempt.method === "HEAD") {
      if (text !== "") yield `${status} with a body where there is none: ${text.slice(0, 100)}`;
      return;
    }
    const media = answer.content[type ?? ""];
    if (!media) {
      if (!isPageOfProblem(attempt, status, type)) yield `${status} as ${type}, which is not among its types`;
      return;
    }
    if (!type?.endsWith("json")) return;
    const value = parse(text);
    if (value === undefined) return yield `${status} with a body that is not JSON: ${text.slice(0, 100)}`;
    const fault = media.schema && fits(`${operation.operationId} ${status} ${type}`, media.schema, value);
    if (fault) yield `${status} with another body than its schema: ${fault}`;
    if (status < 400) return;
    const kinds = Object.values(media.examples ?? { only: { value: media.example } }).map(typeOf);
    if (!kinds.includes(typeOf({ value }))) yield `${status} of a kind that is not listed: ${typeOf({ value })}`;
  }

  function* judgeElsewhere(attempt: Attempt, { status, headers, text }: Reply): Iterable<string> {
    if (attempt.method === "OPTIONS" && status === 204) return;
    const path = pathOf(attempt.path);
    // Pages of operators, files and the documentation's page are for browsers, and in no document for programs.
    if (/^\/(admin|sign-in|sign-out|assets|openapi)(\/|$|\.)/.test(path)) return;
    if (![400, 404, 405].includes(status)) return yield `${status} where the document knows no operation`;
    if (status === 405 && !headers.get("allow")) yield "405 without Allow";
    const type = headers.get("content-type")?.split(";")[0];
    if (attempt.method === "HEAD" || isPageOfProblem(attempt, status, type)) return;
    const fault = fits("problem", { $ref: "#/components/schemas/Problem" }, parse(text));
    if (type !== "application/problem+json" || fault) yield `${status} as ${type}: ${fault}`;
  }

  return function judge(attempt, reply, { target, own }) {
    const { status, headers, text } = reply;
    if (reply.failure) return [{ kind: "no answer", what: reply.failure }];
    if (isNoRequest(attempt)) {
      // HTTP itself forbids it: no request, so that nobody answers but the server below the app.
      return status === 400 && text === "" ? [] : [{ kind: "ambiguous", what: `${status} for two lengths` }];
    }
    const ways = target?.operation.security ?? document.security;
    const needsKey = target !== undefined && ways.length > 0 && ways.every(way => Object.keys(way).length > 0);
    const doubled = status < 300 && target ? meantTwice(attempt, target, needsKey) : undefined;
    const found: Finding[] = leaks(attempt, reply, { target, own }).map(what => ({ kind: "leak", what }));
    if (doubled) found.push({ kind: "ambiguous", what: `${status} though ${doubled} came twice` });
    if (status >= 500) found.push({ kind: "5xx", what: `${status} ${text.slice(0, 200)}` });
    const wrong = target ? judgeDocumented(target, attempt, reply) : judgeElsewhere(attempt, reply);
    for (const what of wrong) found.push({ kind: "undocumented", what });
    if (!headers.get("x-request-id")) found.push({ kind: "undocumented", what: `${status} without X-Request-Id` });
    const hasNone = ["nobody", "bad"].includes(attempt.sender) || "authorization" in attempt.headers;
    if (needsKey && hasNone && status !== 401 && status !== 400) {
      found.push({ kind: "access", what: `${status} without a good key` });
    }
    return found;
  };
}

/** Two lengths that contradict each other, or a length and chunks. */
function isNoRequest({ again, body }: Attempt): boolean {
  const length = body === undefined ? undefined : String(Buffer.byteLength(body));
  return again.some(
    ({ name, value }) => name === "transfer-encoding" || (name === "content-length" && (value ?? length) !== length),
  );
}

/** The header that came twice, and of which one had to be chosen; undefined where nothing depends on it. */
function meantTwice({ again, body }: Attempt, { operation }: Target, needsKey: boolean): string | undefined {
  const takesBody = operation.requestBody !== undefined && body !== undefined && body.length > 0;
  const isMeant: Readonly<Record<string, boolean>> = {
    host: true,
    authorization: needsKey,
    "content-type": takesBody,
  };
  return again.map(({ name }) => name).find(name => isMeant[name]);
}

/** Outside of the API, whoever prefers HTML is told what went wrong by a page. */
function isPageOfProblem(attempt: Attempt, status: number, type: string | undefined): boolean {
  return status >= 400 && type === "text/html" && !pathOf(attempt.path).startsWith("/api/");
}

/** The kind of a problem, which must be one of ours with its own status. */
function typeOf({ value }: { value?: unknown }): string {
  const { type = "", status = 0 } = (value ?? {}) as { type?: string; status?: number };
  const known = Object.entries(problems).find(([slug]) => type === `/problems/${slug}`);
  return known?.[1].status === status ? type : `${type} (${status})`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
