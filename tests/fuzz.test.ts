// A short run of the fuzzer over everything (`bun run test:fuzz` for a long one), and the proof that it would see what it
// looks for: each planted fault must be found, as what it is.

import { expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Elysia } from "elysia";
import { z } from "zod";
import { answers } from "../src/contract.ts";
import { Problem } from "../src/problem.ts";
import { type Api, createApi } from "./api-support.ts";
import { readArguments } from "./fuzz/arguments.ts";
import type { Attempt } from "./fuzz/attempt.ts";
import { formatReport } from "./fuzz/report.ts";
import { attemptsAt } from "./fuzz/requests.ts";
import { fuzz } from "./fuzz/run.ts";
import { send } from "./fuzz/send.ts";
import { targetsOf } from "./fuzz/targets.ts";

setDefaultTimeout(300_000);

const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 1_000);
const SEED = Number(process.env.FUZZ_SEED ?? 20261123);

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
      .get(
        "/api/planted/doubled",
        // Takes the first key of two.
        ({ request }) => {
          const [first] = (request.headers.get("authorization") ?? "").split(", ");
          if (!/^Bearer ext_\w+$/.test(first ?? "") || first?.includes("ext_Docs"))
            throw new Problem("unauthenticated");
          return { word: "twice" };
        },
        { response: good },
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

/** The fuzzer sees most faults among a few requests; these it meets with one sender, or one pair of headers, only. */
const REQUESTS_OF: Readonly<Record<string, number>> = { unguarded: 2_600, doubled: 2_600 };

test.each([
  ["crash", "5xx"],
  ["teapot", "undocumented"],
  ["shape", "undocumented"],
  ["type", "undocumented"],
  ["stack", "leak"],
  ["table", "leak"],
  ["other", "leak"],
  ["unguarded", "access"],
  ["doubled", "ambiguous"],
  ["books", "books"],
])("the judge sees a planted fault: %s", async (fault, kind) => {
  const api = await planted;
  const verb = fault === "books" ? "post" : "get";
  const only = [`${verb}Planted${fault.charAt(0).toUpperCase()}${fault.slice(1)}`];
  const report = await fuzz(api, { requests: REQUESTS_OF[fault] ?? 160, seed: SEED, only });
  expect(report.findings.map(found => found.kind)).toContain(kind as "5xx");
  expect(formatReport(report, { seed: SEED, seconds: 1 })).toContain(`${kind}, `);
});

const planted = createApi().then(api => {
  plant(api);
  return api;
});

test("a header that comes twice arrives as two lines", async () => {
  const came: string[] = [];
  const server = createServer(socket => {
    socket.on("data", bytes => {
      came.push(bytes.toString("latin1"));
      socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n4\r\nword\r\n1\r\ns\r\n0\r\n\r\n");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const names = [
    "authorization",
    "idempotency-key",
    "content-type",
    "content-length",
    "host",
    "x-forwarded-for",
    "cookie",
  ];
  const headers = {
    "idempotency-key": "one",
    "content-type": "application/json",
    "x-forwarded-for": "::1",
    cookie: "a=b",
  };
  const attempt: Attempt = {
    ...{ operation: "POST /x", index: 0, tricks: [], sender: "owner", method: "POST", path: "/x", headers, body: "{}" },
    again: names.map((name, at) => (at % 2 ? { name } : { name, value: "other" })),
  };
  const reply = await send({ baseUrl, attempt, key: "k" });
  expect([reply.status, reply.text, reply.headers.get("x-a")]).toEqual([200, "words", "b"]);
  const lines = (came[0] ?? "").split("\r\n").filter(line => line.includes(": "));
  for (const name of names) {
    expect([name, lines.filter(line => line.startsWith(`${name}: `)).length]).toEqual([name, 2]);
  }
  expect(lines.filter(line => line.startsWith("idempotency-key"))).toEqual([
    "idempotency-key: one",
    "idempotency-key: one",
  ]);
  server.close();
});

test("an operation that there is not is refused, with those that there are", async () => {
  const asked = fuzz(await planted, { requests: 1, seed: 1, only: ["getCard", "getCrad"] });
  expect(asked).rejects.toThrow(/^There is no operation getCrad\. There are: .*\bgetCard\b/);
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
