// The operations of a document, and which of them a request leads to.

import type { OpenApiDocument, Operation } from "../../src/openapi/model.ts";

/** `name` is `POST /api/publish`. */
export type Target = { name: string; method: string; path: string; operation: Operation };

/** In the order of the document. */
export function targetsOf({ paths }: Pick<OpenApiDocument, "paths">): Target[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...{ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, operation },
    })),
  );
}

/** Finds where a request leads: a trick may have taken it to another operation, or to none. */
export function createFinder(targets: readonly Target[]): (method: string, address: string) => Target | undefined {
  const routes = targets
    .map(target => ({
      target,
      variables: target.path.split("{").length,
      pattern: new RegExp(`^${target.path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}/?$`),
    }))
    // `/api/keys/rotate` before `/api/keys/{id}`.
    .sort((a, b) => a.variables - b.variables);
  return (method, address) => {
    const wanted = method === "HEAD" ? "GET" : method;
    const path = pathOf(address);
    return routes.find(route => route.target.method === wanted && route.pattern.test(path))?.target;
  };
}

/** The path of an address, as whoever sends it makes it of `..` and the like, and Bun's fetch of slashes at its start. */
export function pathOf(address: string): string {
  return new URL(`http://localhost${address}`).pathname.replace(/^\/+/, "/");
}
