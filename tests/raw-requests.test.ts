// Requests that no HTTP client sends, written byte by byte: each is answered with a refusal or taken in one sure meaning,
// and nothing of it moves money twice or in somebody else's name. (Who sends slowly: slow-requests.test.ts.)

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi, listen, type Member } from "./api-support.ts";
import { balanceOf } from "./operator-support.ts";
import { END, exchange as exchangeWith, get, keyOf } from "./raw-support.ts";

setDefaultTimeout(120_000);

let api: Api;
let port: number;
let stop: () => Promise<void>;
let payer: Member;
let payee: Member;
beforeAll(async () => {
  api = await createApi();
  [payer, payee] = [await api.register(), await api.register()];
  ({ port, stop } = listen(api));
});
afterAll(() => stop());

const exchange = (bytes: string) => exchangeWith(port, bytes);

describe("what is no HTTP", () => {
  const garbage = String.fromCharCode(...Array.from({ length: 400 }, (_, at) => (at * 7919) % 256));
  test.each<[string, string, number[]]>([
    ["a method that does not exist", `FOO / HTTP/1.1\r\nHost: localhost\r\n${END}\r\n`, []],
    ["a method in lower case", `get / HTTP/1.1\r\nHost: localhost\r\n${END}\r\n`, []],
    ["bytes without sense", garbage, [400]],
    ["the beginning of TLS", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", [400]],
    ["the beginning of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]],
    ["HTTP/0.9", "GET /healthz\r\n", [505]],
    ["no Host", "GET /healthz HTTP/1.1\r\n\r\n", [400]],
    ["two Hosts", `GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n${END}\r\n`, [400]],
    ["a Host that is HTML", `GET /healthz HTTP/1.1\r\nHost: <script>\r\n${END}\r\n`, [400]],
    ["NUL in a header", get("/healthz", "X-A: a\0b\r\n"), [400]],
    ["a header without a colon", get("/healthz", "nonsense\r\n"), [400]],
    ["a space before the colon", get("/healthz", "X-A : b\r\n"), [400]],
    ["a header over two lines", get("/healthz", "X-A: a\r\n b\r\n"), [400]],
    ["a space in the address", get("/api/me x"), [505]],
    ["NUL in the address", get("/api/\0me"), [505]],
    ["a fragment in the address", get("/healthz#x"), [404]],
    ["two slashes before the path", get("//healthz"), [404]],
    ["three slashes before the path", get("///openapi/json"), [404]],
    ["no slash", get("healthz"), [400]],
    ["Latin-1 in the address", get("/cards/\xe9\xff"), [404]],
    ["bytes that are no UTF-8 as the key", get("/api/me", "Authorization: Bearer \xff\xc0\x80\r\n"), [401]],
    ["bytes that are no UTF-8 as the id", get("/healthz", "X-Request-Id: \xff\xc0\r\n"), [200]],
    ["TRACE, which would show headers", `TRACE /api/me HTTP/1.1\r\nHost: localhost\r\n${END}\r\n`, [405]],
    ["CONNECT, which would be a tunnel", `CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n${END}\r\n`, [404]],
  ])("is refused: %s", async (_, bytes, statuses) => {
    const answer = await exchange(bytes);
    expect(answer.statuses).toEqual(statuses);
    expect(answer.text).not.toContain("evil");
    if (answer.text.includes("problem+json")) expect(answer.text.toLowerCase()).toContain("x-request-id");
  });
});

describe("a flood of headers", () => {
  test.each<[string, string, number[]]>([
    ["198 headers, the last number that is taken", get("/healthz", "X-A: a\r\n".repeat(196)), [200]],
    ["199 headers", get("/healthz", "X-A: a\r\n".repeat(197)), [431]],
    ["15 KB in one", get("/healthz", `X-A: ${"a".repeat(15_000)}\r\n`), [200]],
    ["1,000 headers", get("/healthz", "X-A: a\r\n".repeat(1_000)), [431]],
    ["64 KB in one", get("/healthz", `X-A: ${"a".repeat(65_536)}\r\n`), [431]],
    ["an address of 100 KB", get(`/${"a".repeat(100_000)}`), [431]],
  ])("ends where it is too much: %s", async (_, bytes, statuses) => {
    expect((await exchange(bytes)).statuses).toEqual(statuses);
  });
});

describe("a transfer whose headers say two things", () => {
  let no = 0;
  const transfer = (
    headers: string,
    { key = keyOf(payer), body = transferBody(), chunked = false, type = "application/json" } = {},
  ) => {
    const sent = chunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
    return `POST /api/transfers HTTP/1.1\r\nHost: localhost\r\n${END}${key}Content-Type: ${type}\r\nIdempotency-Key: raw ${++no}\r\n${headers}\r\n${sent}`;
  };
  const transferBody = () => JSON.stringify({ to_user: payee.name, amount: "0.01" });
  const length = () => `Content-Length: ${transferBody().length}\r\n`;

  test.each<[string, () => string, number]>([
    ["two keys", () => transfer(length() + keyOf(payee)), 401],
    ["the same key twice", () => transfer(length() + keyOf(payer)), 401],
    ["two types", () => transfer(`${length()}Content-Type: text/plain\r\n`), 415],
    [
      "two types, the first with a parameter",
      () => transfer(`${length()}Content-Type: text/plain\r\n`, { type: "application/json; charset=utf-8" }),
      415,
    ],
    ["the same type twice", () => transfer(`${length()}Content-Type: application/json\r\n`), 415],
    ["two Hosts", () => transfer(`${length()}Host: evil.example\r\n`), 400],
    ["the same Host twice", () => transfer(`${length()}Host: localhost\r\n`), 400],
    ["two lengths", () => transfer(`${length()}Content-Length: 3\r\n`), 400],
    ["a length and chunks", () => transfer(`${length()}Transfer-Encoding: chunked\r\n`, { chunked: true }), 400],
    ["an unknown encoding", () => transfer("Transfer-Encoding: xchunked\r\n", { chunked: true }), 400],
    ["a chunk of no size", () => transfer("Transfer-Encoding: chunked\r\n"), 400],
    ["a negative length", () => transfer("Content-Length: -1\r\n"), 400],
    ["a length that is a word", () => transfer("Content-Length: all\r\n"), 400],
    ["a length with a sign", () => transfer(length().replace(": ", ": +")), 400],
    ["a length beyond 64 bits", () => transfer("Content-Length: 18446744073709551617\r\n"), 400],
    ["a length of 9 MB", () => transfer("Content-Length: 9000000\r\n"), 413],
    ["a length of 200 MB", () => transfer("Content-Length: 200000000\r\n"), 413],
    ["an Idempotency-Key that is no UTF-8", () => transfer(`${length()}Idempotency-Key: \xff\xc0\r\n`), 422],
  ])("moves nothing: %s", async (_, bytes, status) => {
    const before = await balanceOf(api, payer.id);
    expect((await exchange(bytes())).statuses).toEqual([status]);
    expect(await balanceOf(api, payer.id)).toBe(before);
    expect(await balanceOf(api, payee.id)).not.toBe("");
  });

  test("in chunks and with a length of its own is taken", async () => {
    expect((await exchange(transfer("Transfer-Encoding: chunked\r\n", { chunked: true }))).statuses).toEqual([201]);
    expect((await exchange(transfer(length() + length()))).statuses).toEqual([201]);
  });

  test("of its Idempotency-Key has one key, with a comma in it", async () => {
    const twice = transfer(`${length()}Idempotency-Key: second\r\n`);
    const before = Number(await balanceOf(api, payer.id));
    for (const replayed of [false, true]) {
      const answer = await exchange(twice);
      expect([answer.statuses, /idempotency-replayed: true/i.test(answer.text)]).toEqual([[201], replayed]);
    }
    expect(before - Number(await balanceOf(api, payer.id))).toBeCloseTo(0.01);
  });
});

test("a body does not become a second request", async () => {
  const inner = get("/api/me", keyOf(payer));
  const outer = `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${END}Content-Length: ${inner.length}\r\n\r\n${inner}`;
  const answer = await exchange(outer);
  expect(answer.statuses).toEqual([200]);
  expect(answer.text).not.toContain(payer.name);
});
