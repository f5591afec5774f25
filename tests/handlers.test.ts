// What a request costs before its handler sees it.

import { expect, test } from "bun:test";
import { createApiWithoutDatabase } from "./api-support.ts";

test("neither cookies nor headers of a request are taken apart where no route asks for them", () => {
  const { routes } = createApiWithoutDatabase().app;
  const handlers = routes.map(route => ({ path: `${route.method} ${route.path}`, code: String(route.compile()) }));
  expect(handlers.length).toBeGreaterThan(50);
  expect(handlers.filter(({ code }) => /parseCookie|headers\.toJSON/.test(code)).map(({ path }) => path)).toEqual([]);
});
