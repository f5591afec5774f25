// `GET /openapi/json`: the description of the API for programs. The page for people is in documentation.ts.

import { type AnyElysia, Elysia } from "elysia";
import { z } from "zod";
import { answers } from "./contract.ts";
import { describeApi } from "./openapi/document.ts";
import type { OpenApiDocument } from "./openapi/model.ts";
import type { Services } from "./services.ts";

/** Gives the document of an app as seen at a base address. */
export type Description = (baseUrl: string) => OpenApiDocument;

/** The description is made when it is first asked for: by then `app` gives the app with all its routes. */
export function createDescription(app: () => AnyElysia): Description {
  let description: Omit<OpenApiDocument, "servers"> | undefined;
  return baseUrl => {
    description ??= describeApi(app().routes);
    return { ...description, servers: [{ url: baseUrl, description: "This server" }] };
  };
}

/** The route of the document. */
export function openapiRoutes({ baseUrlOf }: Services, describe: Description) {
  return new Elysia({ name: "openapi" }).get("/openapi/json", ({ request }) => describe(baseUrlOf(request)), {
    response: answers({ 200: z.looseObject({ openapi: z.string() }) }, []),
    detail: { tags: ["System"], summary: "This document, OpenAPI 3.1", security: [] },
  });
}
