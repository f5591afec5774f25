// What a process remembers to be quick has an end: at each limit everything is remembered, and one more makes it forget
// what was wanted least, which is then done anew.

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { BcryptPool } from "../src/auth/bcrypt-pool.ts";
import type { Caller } from "../src/auth/scopes.ts";
import { KeyVerifier } from "../src/auth/verifier.ts";
import { MARKDOWN_CHARACTERS_MAX } from "../src/cards/markdown.ts";
import { MarkdownRenderer } from "../src/cards/markdown-renderer.ts";
import { createLogger } from "../src/log.ts";
import { RateLimit } from "../src/rates/rate-limit.ts";
import { openExporter } from "../src/tracing/exporter.ts";
import { createApi } from "./api-support.ts";
import { startOtlpReceiver } from "./otlp-receiver.ts";

setDefaultTimeout(60_000);

const log = createLogger("silent");

test("20,000 verified keys; the least recently used is verified anew, and is good as ever", async () => {
  const api = await createApi();
  const { key } = await api.register();
  const bcrypt = new BcryptPool(4);
  const verifier = new KeyVerifier(api.pool, bcrypt);
  const caller = (await verifier.verify(key)) as Caller;
  for (let n = 1; n < 20_000; n++) verifier.remember(`key-${n}`, caller);
  expect(verifier.cache.keys).toBe(20_000);
  expect(verifier.recall(key)).toEqual(caller);

  verifier.remember("one-more", caller);
  expect(verifier.cache.keys).toBe(20_000);
  expect([verifier.recall("key-1"), verifier.recall("key-2"), verifier.recall(key)]).toEqual([
    undefined,
    caller,
    caller,
  ]);
  for (let n = 0; n < 20_000; n++) verifier.remember(`another-${n}`, caller);
  expect(verifier.recall(key)).toBeUndefined();
  expect(await verifier.verify(key)).toEqual(caller);
  bcrypt.close();
});

describe("100,000 names of a rate limit", () => {
  const NAMES = 100_000;
  function fill() {
    const limit = new RateLimit("tests", 2, 60_000, () => {});
    for (let n = 0; n < NAMES; n++) limit.count(`name-${n}`);
    return limit;
  }

  test("are counted; the least recently seen is forgotten", () => {
    const limit = fill();
    // Asked for, hence seen.
    expect(limit.count("name-0").remaining).toBe(0);
    expect(limit.blockedForSeconds("name-0")).toBeGreaterThan(0);
    limit.count("one-more");
    expect(limit.blockedForSeconds("name-0")).toBeGreaterThan(0);
    expect(limit.count("name-2").remaining).toBe(0);
    expect(limit.count("name-1").remaining).toBe(1);
  });

  test("are told to other processes, and no more, however long these can't be told", () => {
    const limit = fill();
    for (let n = 0; n < NAMES; n++) limit.count(`later-${n}`);
    const { counts, untold } = limit.unshared();
    expect(counts.length).toBe(NAMES);
    untold();
    for (let n = 0; n < 10; n++) limit.count(`last-${n}`);
    expect(limit.unshared().counts.length).toBe(NAMES);
  });
});

describe("8,000,000 characters of HTML", () => {
  const KEPT_MAX = 8_000_000;
  const renderer = new MarkdownRenderer(log);
  afterAll(() => renderer.close());

  test("are kept; of more, the least recently shown are laid out anew", async () => {
    const textOf = (n: number) => `${n} ${"x".repeat(MARKDOWN_CHARACTERS_MAX - 10)}`;
    const first = await renderer.render(textOf(0));
    const each = renderer.kept.characters;
    const fitting = Math.floor(KEPT_MAX / each);
    for (let n = 1; n < fitting; n++) await renderer.render(textOf(n));
    expect(renderer.kept.texts).toBe(fitting);
    expect(await renderer.render(textOf(0))).toBe(first);

    await renderer.render(textOf(fitting));
    expect(renderer.kept.texts).toBe(fitting);
    expect(renderer.kept.characters).toBeLessThanOrEqual(KEPT_MAX);
    expect(await renderer.render(textOf(0))).toBe(first);
    for (let n = 1; n <= fitting; n++) await renderer.render(textOf(n + fitting));
    const anew = await renderer.render(textOf(0));
    expect(anew).not.toBe(first);
    expect(anew).toEqual(first);
  });
});

test("4096 spans that wait beside those that are being sent; more are dropped, the newest", async () => {
  const WAITING_MAX = 4096;
  /** Taken out of the queue as soon as they are there. */
  const SENT_AT_ONCE = 512;
  const receiver = startOtlpReceiver();
  const { tracer, close } = openExporter({ endpoint: receiver.endpoint, ratio: 1 }, log);
  const end = (count: number) => {
    for (let n = 0; n < count; n++) tracer.startSpan(`span-${n}`).end();
  };
  end(SENT_AT_ONCE + WAITING_MAX + 1);
  while (receiver.spans.length < SENT_AT_ONCE + WAITING_MAX) await Bun.sleep(20);
  // Sends what is left.
  await close();
  const names = new Set(receiver.spans.map(({ name }) => name));
  expect(names.size).toBe(SENT_AT_ONCE + WAITING_MAX);
  expect(names).not.toContain(`span-${SENT_AT_ONCE + WAITING_MAX}`);
  await receiver.stop();
});
