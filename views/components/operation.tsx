// One operation of the API: what it is for, what it takes, a command that calls it, and what it answers.

import { Html } from "@kitajs/html";
import {
  type Answer,
  type MediaType,
  type OpenApiDocument,
  type Operation,
  type Parameter,
  resolve,
} from "../../src/openapi/model.ts";
import { FieldTable, fieldsOf, Json, TypeOf } from "./schema.tsx";
import { Prose } from "./text.tsx";

/** An operation with its address. `method` is in lower case, as in the document. */
export type Call = { method: string; path: string; operation: Operation };

/** The method, marked by its kind; the word itself is always there. */
export function Method({ method }: { method: string }) {
  return (
    <span class={`method ${method}`} safe>
      {method.toUpperCase()}
    </span>
  );
}

export function OperationSection({ call, document }: { call: Call; document: OpenApiDocument }) {
  const { method, path, operation } = call;
  const { components } = document;
  const parameters = operation.parameters.map(parameter => resolve<Parameter>(parameter, components));
  // The same for all calls, and told about at the top.
  const own = parameters.filter(({ name }) => name !== "X-Request-Id");
  const [bodyType, body] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  return (
    <article id={operation.operationId} aria-labelledby={`${operation.operationId}-title`}>
      <h3 id={`${operation.operationId}-title`}>
        <a href={`#${operation.operationId}`} safe>
          {operation.summary}
        </a>
      </h3>
      <p class="address">
        <Method method={method} /> <code>{breakable(path) as "safe"}</code>
      </p>
      {operation.description ? <Prose text={operation.description} /> : ""}
      <p class="access" safe>
        {accessOf(operation.security ?? document.security)}
      </p>
      {own.length > 0 ? <FieldTable caption="Parameters" fields={own.map(toField)} /> : ""}
      {body?.schema ? (
        <FieldTable caption={`Body (${bodyType})`} fields={fieldsOf(resolve(body.schema, components))} />
      ) : (
        ""
      )}
      <h4>Example</h4>
      <pre tabindex="0">
        <code safe>{curlOf(call, parameters, document.servers[0]?.url ?? "", body)}</code>
      </pre>
      <Answers operation={operation} document={document} />
    </article>
  );
}

function Answers({ operation, document }: { operation: Operation; document: OpenApiDocument }) {
  const answers = Object.entries(operation.responses).map(
    ([status, answer]) => [status, resolve<Answer>(answer, document.components)] as const,
  );
  const refusals = answers.filter(([status]) => Number(status) >= 400);
  return (
    <>
      <h4>Answers</h4>
      {answers
        .filter(([status]) => Number(status) < 400)
        .map(([status, answer]) => (
          <GoodAnswer status={status} answer={answer} />
        ))}
      <details class="refusals">
        <summary safe>{`Problems: ${refusals.map(([status]) => status).join(", ")}`}</summary>
        <ul>
          {refusals.map(([status, answer]) => (
            <li>
              <span class="status" safe>
                {status}
              </span>{" "}
              {kindsOf(answer).map(({ slug, title }, index) => (
                <>
                  {index > 0 ? " or " : ""}
                  <a href={`/problems/${slug}`} safe>
                    {title}
                  </a>
                </>
              ))}
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}

function GoodAnswer({ status, answer }: { status: string; answer: Answer }) {
  const contents = Object.entries(answer.content ?? {});
  const headers = Object.keys(answer.headers ?? {}).filter(name => name !== "X-Request-Id");
  return (
    <>
      <p>
        <span class="status good" safe>
          {status}
        </span>{" "}
        {Html.escapeHtml(answer.description) as "safe"}
        {contents.map(([type, { schema }], index) => (
          <>
            {index > 0 ? "; " : " "}
            {Html.escapeHtml(type) as "safe"}
            {schema ? <>: {TypeOf({ schema }) as "safe"}</> : ""}
          </>
        ))}
        {headers.length > 0 ? <span safe>{`. With ${headers.join(", ")}.`}</span> : ""}
      </p>
      {contents.map(([, { example }]) =>
        example === undefined ? (
          ""
        ) : (
          <details>
            <summary safe>{`Example of ${status}`}</summary>
            <Json value={example} />
          </details>
        ),
      )}
    </>
  );
}

/** The kinds of problems behind one status, from the examples of their documents. */
function kindsOf({ content }: Answer): { slug: string; title: string }[] {
  const { example, examples } = content?.["application/problem+json"] ?? {};
  const values = examples ? Object.values(examples).map(({ value }) => value) : [example];
  return (values as { type: string; title: string }[]).map(({ type, title }) => ({
    slug: type.split("/").at(-1) ?? "",
    title,
  }));
}

function accessOf(security: Record<string, string[]>[]): string {
  const scopes = security.flatMap(way => Object.values(way).flat());
  if (security.length === 0) return "Open to anybody.";
  if (security.some(way => Object.keys(way).length === 0)) return "With an API key, or without where that is allowed.";
  return scopes.length > 0 ? `Needs an API key with the scope ${scopes.join(", ")}.` : "Needs an API key.";
}

function toField({ name, in: place, required, description, schema }: Parameter) {
  const described = description ? { ...schema, description } : schema;
  return { name, note: required ? `${place}, required` : place, schema: described };
}

/** A long path may be broken after each of its parts. */
function breakable(path: string): string {
  return Html.escapeHtml(path).replaceAll("/", "/<wbr>");
}

/** A command for a shell in which KEY holds an API key. Where a call works without one, it goes without. */
function curlOf({ method, path, operation }: Call, parameters: Parameter[], base: string, body?: MediaType): string {
  const isOpen = operation.security && !operation.security.every(way => Object.keys(way).length > 0);
  const textOf = ({ example, schema }: Parameter) => String(example ?? schema.default ?? schema.enum?.[0] ?? "text");
  const needed = (place: string) => parameters.filter(({ in: where, required }) => where === place && required);
  const filled = needed("path").reduce((text, each) => text.replace(`{${each.name}}`, textOf(each)), path);
  const query = needed("query").map(each => `${each.name}=${encodeURIComponent(textOf(each))}`);
  const lines = [
    `curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${quote(base + filled + (query.length > 0 ? `?${query.join("&")}` : ""))}`,
    ...(isOpen || operation.security?.length === 0 ? [] : ['-H "Authorization: Bearer $KEY"']),
    ...needed("header").map(each => `-H ${quote(`${each.name}: ${textOf(each)}`)}`),
    ...(body ? ["-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(body.example, null, 2))}`] : []),
  ];
  return lines.join(" \\\n  ");
}

/** A text as one word of a shell. */
function quote(text: string): string {
  return /^[\w./:?=&%@-]+$/.test(text) && !text.includes("&") ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
