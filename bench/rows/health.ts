// Row 9: does the server go on answering while it computes bcrypt?

import { insertAuthors, makeAuthors, verifyKeys } from "../authors.ts";
import type { Measured } from "../rows.ts";
import { startServer } from "../server.ts";
import type { Stage } from "../stage.ts";
import { quantile, takeTurns } from "../turns.ts";

const KEYS = 100;
const USUAL_COST = 10;
const LIMIT_MS = 25;
/** Asked by the clock and not one after the other: a stall must not keep the questions from coming. */
const ASK_EVERY_MS = 5;

/** Row 9. Each turn has a server of its own, for which all keys are new. */
export async function healthWhileVerifying(stage: Stage): Promise<Measured> {
  const { folder, rounds, main } = stage;
  const callers = await makeAuthors(KEYS, USUAL_COST);
  await insertAuthors(main.sql, callers, { name: "newcomer" }, stage.authors.length + 1);
  const { ours } = await takeTurns(rounds, {
    ours: async () => {
      const server = await startServer(folder, { DATABASE_URL: main.url });
      try {
        return await measureP99Ms(`${server.baseUrl}/healthz`, () => verifyKeys(server, callers, KEYS));
      } finally {
        await server.stop();
      }
    },
  });
  return { ours, reference: LIMIT_MS };
}

/** The latency under which 99 of 100 answers came while `work` went on. */
async function measureP99Ms(url: string, work: () => Promise<void>): Promise<number> {
  const latencies: number[] = [];
  const ask = async () => {
    const askedMs = performance.now();
    await (await fetch(url)).text();
    latencies.push(performance.now() - askedMs);
  };
  const asked: Promise<void>[] = [];
  const timer = setInterval(() => asked.push(ask()), ASK_EVERY_MS);
  await work();
  clearInterval(timer);
  await Promise.all(asked);
  return quantile(latencies, 0.99, Math.ceil);
}
