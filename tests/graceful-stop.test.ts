// SIGTERM under load: what was accepted is finished and answered, the rest refused, and the process ends with 0 within ten
// seconds, also where a request is stuck. (Streams and waiting pulls: sync-stream.test.ts; a second signal: start.test.ts.)

import { expect, setDefaultTimeout, test } from "bun:test";
import { type Api, createApi, type Member } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { callKeyed, expectEachOnce, type Keyed, keyedPublish, keyedTransfer, sendKeyed } from "./keyed-requests.ts";
import { startServer } from "./server.ts";
import { holdLock } from "./support.ts";

setDefaultTimeout(60_000);

const CLIENTS = 32;
const STOP_MS_MAX = 10_000;

type Outcome = { request: Keyed; status: number | "refused" };

/** A client that publishes and pays until the server is gone, and puts the outcomes of all that it has sent into `outcomes`. */
async function keepAsking(baseUrl: string, outcomes: Outcome[], member: Member, payee: Member): Promise<void> {
  for (let no = 1; ; no++) {
    const request = no % 2 === 0 ? keyedTransfer(member, payee) : keyedPublish(member);
    try {
      outcomes.push({ request, status: (await sendKeyed(baseUrl, request)).status });
    } catch {
      outcomes.push({ request, status: "refused" });
      return;
    }
  }
}

/** The keys under which something was done. */
async function keysDone({ sql }: Api): Promise<Set<string>> {
  const rows = await sql<{ key: string }[]>`SELECT key FROM idempotency_records`;
  return new Set(rows.map(({ key }) => key));
}

for (const afterAnswers of [CLIENTS, 150, 400]) {
  test(`a stop after ${afterAnswers} answers under load answers what it has accepted, and has done nothing else`, async () => {
    const api = await createApi();
    const server = await startServer({ DATABASE_URL: api.url });
    const members = await Promise.all(Array.from({ length: CLIENTS }, () => api.register()));
    const outcomes: Outcome[] = [];
    const asking = members.map((member, no) =>
      keepAsking(server.baseUrl, outcomes, member, members[(no + 1) % CLIENTS] ?? member),
    );
    while (outcomes.length < afterAnswers) await Bun.sleep(1);
    const stoppedMs = performance.now();
    server.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(performance.now() - stoppedMs).toBeLessThan(STOP_MS_MAX);

    await Promise.all(asking);
    expect(outcomes.filter(({ status }) => status !== 201 && status !== 503 && status !== "refused")).toEqual([]);
    const answered = outcomes.filter(({ status }) => status === 201).map(({ request }) => request.key);
    expect(answered.length).toBeGreaterThanOrEqual(afterAnswers);
    // Neither is an answer without its work, nor work without its answer.
    expect([...(await keysDone(api))].sort()).toEqual(answered.sort());
    // Whoever got no answer asks another server, and everything is there once.
    const requests = outcomes.map(({ request }) => request);
    for (const { request, status } of outcomes) {
      if (status !== 201) expect((await callKeyed(api, request)).status).toBe(201);
    }
    await expectEachOnce(api.sql, requests);
    await expectBalancedBooks(api.sql);
  });
}

test("a request that is stuck does not keep the server: it ends with 0 within ten seconds, and nothing was done", async () => {
  const api = await createApi();
  const [alice, bob] = [await api.register(), await api.register()];
  const server = await startServer({ DATABASE_URL: api.url });
  const release = await holdLock(api.sql, tx => tx`SELECT FROM users WHERE id = ${alice.id} FOR UPDATE`);
  const outcomes: Outcome[] = [];
  const stuck = keepAsking(server.baseUrl, outcomes, alice, bob);
  await Bun.sleep(300);
  const stoppedMs = performance.now();
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
  expect(performance.now() - stoppedMs).toBeLessThan(STOP_MS_MAX);
  await stuck;
  expect(outcomes.map(({ status }) => status)).toEqual(["refused"]);
  await release();
  // PostgreSQL notices that the client is gone when it has waited for the lock, or does the work all the same; the retry
  // finds out which.
  const requests = outcomes.map(({ request }) => request);
  for (const request of requests) expect((await callKeyed(api, request)).status).toBe(201);
  await expectEachOnce(api.sql, requests);
  await expectBalancedBooks(api.sql);
});
