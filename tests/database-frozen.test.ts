// The database is frozen: it takes connections and says nothing. A file of its own, since it waits for half a minute while
// other files run.

import { expect, setDefaultTimeout, test } from "bun:test";
import { createApi } from "./api-support.ts";
import { askAll, untilBack, withGate } from "./away-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { expectEachOnce, keyedPublish, keyedTransfer, sendKeyed } from "./keyed-requests.ts";

setDefaultTimeout(90_000);

test("a frozen database: 503 before its client's connection is closed, and what was asked while it was frozen is done once, when it is asked again", async () => {
  const api = await createApi();
  const callers = { api, alice: await api.register(), bob: await api.register() };
  const { alice, bob } = callers;
  const requests = [alice, bob].flatMap(member => [
    keyedPublish(member),
    keyedTransfer(member, member === bob ? alice : bob),
  ]);
  await withGate(callers, async (gate, ask, server) => {
    gate.silence();
    const startedMs = performance.now();
    const answers = askAll(ask);
    const unanswered = requests.map(request => sendKeyed(server.baseUrl, request));
    while (performance.now() - startedMs < 20_000) {
      const askedMs = performance.now();
      expect(await ask.health()).toBe(200);
      expect(performance.now() - askedMs).toBeLessThan(2_000);
      await Bun.sleep(1_000);
    }
    for (const { status, headers } of [...(await answers), ...(await Promise.all(unanswered))]) {
      expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
    }
    expect(performance.now() - startedMs).toBeLessThan(29_000);
    gate.open();
    await untilBack(ask);
    for (const request of requests) expect((await sendKeyed(server.baseUrl, request)).status).toBe(201);
    expect((await askAll(ask)).map(({ status }) => status)).toEqual([200, 200, 201, 201, 200]);
    expect(gate.connections()).toBeLessThanOrEqual(10);
  });
  await expectEachOnce(api.sql, requests);
  await expectBalancedBooks(api.sql);
});
