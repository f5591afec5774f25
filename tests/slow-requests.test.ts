// Who sends a request slowly, or never to its end, is cut off. A file of its own, since it waits for half a minute while
// other files run.

import { expect, setDefaultTimeout, test } from "bun:test";
import { createApi, listen } from "./api-support.ts";
import { END, exchange, get, keyOf } from "./raw-support.ts";

setDefaultTimeout(120_000);

test("who sends slowly is cut off: a head after some 10 s, a whole request after some 30 s, and nothing is logged as an error", async () => {
  const api = await createApi();
  const { port, stop } = listen(api);
  const payer = await api.register();
  const post = `POST /api/publish HTTP/1.1\r\nHost: localhost\r\n${keyOf(payer)}Content-Type: application/json\r\n`;
  const startedMs = performance.now();
  const heads = [
    exchange(port, ""),
    exchange(port, "GET / HTTP/1.1\r\nHost: lo"),
    exchange(port, "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ", { more: "a", everyMs: 1_000 }),
    exchange(port, "GET / HTTP/1.1\r\nHost: localhost\r\n", { more: "X-A: b\r\n", everyMs: 3_000 }),
  ];
  const bodies = [
    exchange(port, `${post}Content-Length: 1000\r\n\r\n{`),
    exchange(port, `${post}Content-Length: 1000\r\n\r\n{`, { more: " ", everyMs: 1_000 }),
    exchange(port, `${post}Transfer-Encoding: chunked\r\n\r\n`, { more: "1\r\n \r\n", everyMs: 1_000 }),
    exchange(port, get("/healthz").replace(END, "")),
  ];
  // Others are served meanwhile.
  expect((await exchange(port, get("/healthz"))).statuses).toEqual([200]);
  for (const { statuses, seconds } of await Promise.all(heads)) {
    expect(statuses).toEqual([]);
    expect(seconds).toBeWithin(5, 25);
  }
  for (const { seconds } of await Promise.all(bodies)) expect(seconds).toBeWithin(20, 50);
  expect(performance.now() - startedMs).toBeLessThan(60_000);
  expect(api.logs.filter(line => line.includes('"level":50'))).toEqual([]);
  await stop();
});
