// The OpenAPI document, made from the routes of the app: their schemas are what requests are checked against and
// answers are cut to, so the document can't say anything else than the server does.

import { license, version } from "../../package.json";
import { problemDocument } from "../contract.ts";
import { sections, tags } from "./introduction.ts";
import type { JsonSchema, Method, OpenApiDocument } from "./model.ts";
import { describeOperation, PARAMETERS, type Route } from "./operation.ts";
import { describeProblems, headers, PROBLEM_MEMBERS } from "./refusals.ts";
import { Schemas } from "./schemas.ts";

/** The document of all calls, but for the address of the server. Pages for people are not in it. */
export function describeApi(routes: readonly Route[]): Omit<OpenApiDocument, "servers"> {
  const schemas = new Schemas();
  const paths: OpenApiDocument["paths"] = {};
  for (const route of routes.filter(isCall)) {
    const path = route.path.replace(/:(\w+)\??/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase() as Method]: describeOperation(route, schemas) };
  }
  const used = new Set(Object.values(paths).flatMap(item => Object.values(item).flatMap(operation => operation.tags)));
  return {
    openapi: "3.1.2",
    info: {
      title: "Extrophi Backend",
      version,
      summary: "Publish cards, earn and pay $EXTROPY for them, keep devices in step.",
      description: sections.map(({ title, text }) => `## ${title}\n\n${text}`).join("\n\n"),
      license: { name: license, identifier: license },
    },
    security: [{ apiKey: [] }],
    tags: tags.filter(tag => used.has(tag.name)),
    paths,
    components: {
      schemas: { ...schemas.components, Problem: problemSchema(schemas) },
      responses: describeProblems(),
      parameters: PARAMETERS,
      headers,
      securitySchemes: {
        metricsToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "METRICS_TOKEN",
          description: "What METRICS_TOKEN holds in the server's environment. It opens the metrics and nothing else.",
        },
        apiKey: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "ext_…",
          description: "An account key, or a named key. The names listed with a call are the scopes that it asks for.",
        },
      },
    },
  };
}

/** A page says nothing about itself to a program. */
function isCall({ path, hooks: { detail } }: Route): boolean {
  return !detail?.hide && (path.startsWith("/api/") || detail?.summary !== undefined);
}

/** Some kinds of problems have members of their own beside the common ones, so none is ruled out. */
function problemSchema(schemas: Schemas): JsonSchema {
  schemas.toJsonSchema(problemDocument, "input");
  const { additionalProperties: _, ...schema } = schemas.components.Problem ?? {};
  return { ...schema, properties: { ...schema.properties, ...PROBLEM_MEMBERS } };
}
