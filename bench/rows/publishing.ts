// Rows 1, 4, 5, 11 and 12: publishing, on many connections and on few, and what it leaves in memory.

import { measureLatencyMs, measureRate } from "../pgbench.ts";
import { compareWithReference, resetReference, scriptOf } from "../reference.ts";
import type { Measured } from "../rows.ts";
import type { Stage } from "../stage.ts";
import { takeTurns } from "../turns.ts";
import { measureAnswers, runWrk } from "../wrk.ts";

const MANY = 256;
const CARDS_A_REQUEST = 100;
/** Enough that one request is read while another is written. */
const HUNDREDS_AT_ONCE = 16;
const MEGABYTE = 1_000_000;
const MEMORY_LIMIT_MB = 250;

/** Row 1. Notes the server's memory for row 11. */
export async function publish(stage: Stage): Promise<Measured> {
  const measured = await compareWithReference(stage, "publish", () => publishMany(stage));
  stage.residentBytes = stage.main.server.residentBytes();
  return measured;
}

function publishMany(stage: Stage): Promise<number> {
  return measureAnswers(stage, { target: stage.main, mode: "publish", connections: MANY });
}

/** Row 4. */
export async function publishOnOne(stage: Stage): Promise<Measured> {
  await resetReference(stage);
  return takeTurns(stage.rounds, {
    ours: async () => (await runWrk(stage, { target: stage.main, mode: "publish", connections: 1 })).p50_ms,
    reference: () => measureLatencyMs(stage, { script: scriptOf("publish"), url: stage.bareUrl, clients: 1 }),
  });
}

/** Row 5. */
export async function publishOnEight(stage: Stage): Promise<Measured> {
  await resetReference(stage);
  return takeTurns(stage.rounds, {
    ours: () => measureAnswers(stage, { target: stage.main, mode: "publish", connections: 8 }),
    reference: () => measureRate(stage, { script: scriptOf("publish"), url: stage.bareUrl, clients: 8 }),
  });
}

/** Row 11. Brings the load of row 1 where that row has not been measured. */
export async function memory(stage: Stage): Promise<Measured> {
  if (stage.residentBytes === undefined) {
    for (let round = 1; round <= stage.rounds; round++) await publishMany(stage);
    stage.residentBytes = stage.main.server.residentBytes();
  }
  return { ours: stage.residentBytes / MEGABYTE, reference: MEMORY_LIMIT_MB };
}

/** Row 12. */
export function publishHundred(stage: Stage): Promise<Measured> {
  const run = { target: stage.main, mode: "publish100", connections: HUNDREDS_AT_ONCE } as const;
  return compareWithReference(stage, "publish", async () => (await measureAnswers(stage, run)) * CARDS_A_REQUEST);
}
