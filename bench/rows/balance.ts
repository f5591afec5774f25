// Row 6: reading a balance, against the SELECT that it takes.

import { join } from "node:path";
import { measureRate } from "../pgbench.ts";
import type { Measured } from "../rows.ts";
import type { Stage } from "../stage.ts";
import { takeTurns } from "../turns.ts";
import { measureAnswers, requireOperation } from "../wrk.ts";

const SCRIPT = join(import.meta.dir, "../balance.pgbench");

/** Row 6. */
export async function readBalance(stage: Stage): Promise<Measured> {
  await requireOperation(stage.main, "GET", "/api/balance", stage.authors[0]?.key ?? "");
  return takeTurns(stage.rounds, {
    ours: () => measureAnswers(stage, { target: stage.main, mode: "balance", connections: 64 }),
    reference: () => measureRate(stage, { script: SCRIPT, url: stage.main.url, clients: 16 }),
  });
}
