// A short run of the fuzzer over everything (`bun run test:fuzz` for a long one), and the proof that it would see what it
// looks for: each planted fault must be found, as what it is.

import { expect, setDefaultTimeout, test } from "bun:test";
import { Elysia } from "elysia";
import { z } from "zod";
import { answers } from "../src/contract.ts";
import { Problem } from "../src/problem.ts";
import { type Api, createApi } from "./api-support.ts";
import { readArguments } from "./fuzz/arguments.ts";
import { formatReport } from "./fuzz/report.ts";
import { attemptsAt } from "./fuzz/requests.ts";
import { fuzz } from "./fuzz/run.ts";
import { targetsOf } from "./fuzz/targets.ts";

setDefaultTimeout(300_000);

const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 1_000);
const SEED = Number(process.env.FUZZ_SEED ?? 20261122);

test(`${REQUESTS} hostile requests get no 5xx, no answer that is not documented, and nothing internal`, async () => {
  const report = await fuzz(await createApi(), { requests: REQUESTS, seed: SEED });
  expect(report.findings).toEqual([]);
  const shallow = [...report.operations].filter(([, { succeeded, refused }]) => succeeded === 0 || refused === 0);
  expect(shallow.map(([name]) => name)).toEqual([]);
});

const word = z.object({ word: z.string() });
const open = { security: [] };
const good = answers({ 200: word }, [401, 403, 404, 422, 429]);

/** Routes that each do one thing that must never happen. */
function plant(api: Api): void {
  const { sql, app } = api;
  const json = (value: unknown, init: ResponseInit = {}) =>
    new Response(JSON.stringify(value), { ...init, headers: { "content-type": "application/json" } });
  const internal = "/srv/project/src/db.ts";
  app.use(
    new Elysia({ name: "planted" })
      .get("/api/planted/crash", () => Promise.reject(new Error("boom")), { response: good, detail: open })
      .get("/api/planted/teapot", () => json({ word: "tea" }, { status: 418 }), { response: good, detail: open })
      .get("/api/planted/shape", () => json({ word: 5 }), { response: good, detail: open })
      .get("/api/planted/type", () => new Response("<b>word</b>", { headers: { "content-type": "text/html" } }), {
        ...{ response: good, detail: open },
      })
      .get("/api/planted/stack", () => ({ word: `Error\n    at open (${internal}:12:5)` }), {
        ...{ response: good, detail: open },
      })
      .get("/api/planted/table", () => Promise.reject(new Problem("not-found", { detail: "no row in users_pkey" })), {
        response: good,
        detail: open,
      })
      .get(
        "/api/planted/other",
        async () => {
          const [user] = await sql<{ email: string }[]>`SELECT email FROM users WHERE email LIKE 'user-%' LIMIT 1`;
          return { word: user?.email ?? "" };
        },
        { response: good, detail: open },
      )
      .get("/api/planted/unguarded", () => ({ word: "for anybody" }), { response: good })
      .post(
        "/api/planted/books",
        async () => {
          await sql`UPDATE users SET bio = 'touched' WHERE id = (SELECT id FROM users ORDER BY created_at DESC LIMIT 1)`;
          throw new Problem("not-found");
        },
        { response: good, detail: open },
      ),
  );
}

test.each([
  ["crash", "5xx"],
  ["teapot", "undocumented"],
  ["shape", "undocumented"],
  ["type", "undocumented"],
  ["stack", "leak"],
  ["table", "leak"],
  ["other", "leak"],
  ["unguarded", "access"],
  ["books", "books"],
])("the judge sees a planted fault: %s", async (fault, kind) => {
  const api = await planted;
  const verb = fault === "books" ? "post" : "get";
  const only = [`${verb}Planted${fault.charAt(0).toUpperCase()}${fault.slice(1)}`];
  const report = await fuzz(api, { requests: 65 * 40, seed: SEED, only });
  expect(report.findings.map(found => found.kind)).toContain(kind as "5xx");
  expect(formatReport(report, { seed: SEED, seconds: 1 })).toContain(`${kind}, `);
});

const planted = createApi().then(api => {
  plant(api);
  return api;
});

test("a seed makes the same requests, whichever operations are asked for", async () => {
  const { body: document } = await (await planted).call<Parameters<typeof targetsOf>[0]>("GET", "/openapi/json");
  const [, second] = targetsOf(document);
  if (!second) throw new Error("there are no operations");
  const { components } = document as Parameters<typeof targetsOf>[0] & {
    components: Parameters<typeof attemptsAt>[1];
  };
  const make = (seed: number) => JSON.stringify(attemptsAt(second, components, 20, seed));
  expect(make(1)).toBe(make(1));
  expect(make(1)).not.toBe(make(2));
});

test("its arguments are read, and wrong ones refused with the help", () => {
  expect(readArguments(["--requests", "100", "--seed", "7", "--operation", "getCard"])).toEqual({
    ...{ requests: 100, seed: 7, only: ["getCard"] },
  });
  expect(readArguments([])).toMatchObject({ requests: 20_000, only: [] });
  for (const wrong of [["--requests", "0"], ["--seed", "x"], ["more"], ["--nothing"]]) {
    expect(() => readArguments(wrong)).toThrow("Usage: bun run test:fuzz");
  }
});
