// What the router has no route for, though the address exists: HEAD is GET without the body, OPTIONS lists the methods,
// and any other one is told which there are.

import type { AnyElysia } from "elysia";
import { Problem } from "./problem.ts";
import { stateOf } from "./request-state.ts";

/** The answer, `method-not-allowed` with what there is in `Allow`, or undefined where no method has a route at this address. */
export async function answerOtherMethod(app: AnyElysia, request: Request): Promise<Response | Problem | undefined> {
  const allowed = methodsFor(app, new URL(request.url).pathname);
  // Where the method is among them, the address is none of ours after all: it has a fragment, say.
  if (allowed.length === 0 || allowed.includes(request.method)) return undefined;
  if (request.method === "HEAD" && allowed.includes("GET")) {
    return withoutBody(await app.handle(new Request(request.url, { headers: request.headers })));
  }
  const allow = [...new Set([...allowed, ...(allowed.includes("GET") ? ["HEAD"] : [])])].join(", ");
  if (request.method === "OPTIONS") {
    return new Response(null, { status: 204, headers: { allow, "x-request-id": stateOf(request).id } });
  }
  return new Problem("method-not-allowed", { headers: { allow } });
}

/** What HEAD is answered where GET is answered so. */
export async function withoutBody({ status, headers, body }: Response): Promise<Response> {
  await body?.cancel();
  return new Response(null, { status, headers });
}

const patterns = new WeakMap<AnyElysia, { method: string; pattern: RegExp }[]>();

function methodsFor(app: AnyElysia, path: string): string[] {
  let routes = patterns.get(app);
  if (!routes) {
    routes = app.routes.map(({ method, path }) => ({
      method,
      pattern: new RegExp(
        path === "/"
          ? "^/$"
          : `^${path
              .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
              .replace(/:[^/]+/g, "[^/]+")
              .replace(/\*/g, ".*")}/?$`,
      ),
    }));
    patterns.set(app, routes);
  }
  return [...new Set(routes.filter(route => route.pattern.test(path)).map(route => route.method))];
}
