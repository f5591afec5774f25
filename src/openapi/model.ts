// The parts of an OpenAPI 3.1 document that this server writes and its documentation page reads.

/** A JSON Schema (2020-12), with the keywords that occur here. */
export type JsonSchema = {
  $ref?: string;
  type?: string | string[];
  description?: string;
  examples?: readonly unknown[];
  default?: unknown;
  const?: unknown;
  enum?: readonly unknown[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  propertyNames?: JsonSchema;
  additionalProperties?: boolean | JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
};

export type Reference = { $ref: string };

export type Parameter = {
  name: string;
  in: "path" | "query" | "header";
  required: boolean;
  description?: string;
  schema: JsonSchema;
  example?: unknown;
};

export type Header = { description: string; required?: boolean; schema: JsonSchema };
export type MediaType = { schema?: JsonSchema; example?: unknown; examples?: Record<string, { value: unknown }> };

export type Answer = {
  description: string;
  headers?: Record<string, Header | Reference>;
  content?: Record<string, MediaType>;
};

export type Operation = {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  /** Missing: an API key. An empty list: nothing. */
  security?: Record<string, string[]>[];
  parameters: (Parameter | Reference)[];
  requestBody?: { required: boolean; content: Record<string, MediaType> };
  responses: Record<string, Answer | Reference>;
};

export type Method = "get" | "put" | "post" | "delete" | "patch";

export type Components = {
  schemas: Record<string, JsonSchema>;
  responses: Record<string, Answer>;
  parameters: Record<string, Parameter>;
  headers: Record<string, Header>;
  securitySchemes: Record<string, { type: string; scheme: string; bearerFormat: string; description: string }>;
};

export type OpenApiDocument = {
  openapi: string;
  info: { title: string; version: string; summary: string; description: string; license: Record<string, string> };
  servers: { url: string; description: string }[];
  security: Record<string, string[]>[];
  tags: { name: string; description: string }[];
  paths: Record<string, Partial<Record<Method, Operation>>>;
  components: Components;
};

/** What a reference within the document names; anything else is given back as it is. */
export function resolve<T extends object>(part: T | Reference, components: Components): T {
  if (!("$ref" in part) || typeof part.$ref !== "string") return part as T;
  const [kind, name] = part.$ref.split("/").slice(-2) as [keyof Components, string];
  return components[kind][name] as T;
}
