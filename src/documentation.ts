// `GET /openapi`: the description of the API for people, a page without script that needs no other host.

import { Elysia } from "elysia";
import { DocumentationPage } from "../views/pages/documentation.tsx";
import { sections } from "./openapi/introduction.ts";
import type { Description } from "./openapi.ts";
import { page } from "./reply.ts";
import type { Services } from "./services.ts";

/** The route of the page. It is made anew for each address that the server is reached at. */
export function documentationRoutes({ baseUrlOf }: Services, describe: Description) {
  return new Elysia({ name: "documentation" }).get(
    "/openapi",
    async ({ request }) => page(request, await DocumentationPage({ document: describe(baseUrlOf(request)), sections })),
    { detail: { hide: true } },
  );
}
