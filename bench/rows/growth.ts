// Row 7: does publishing slow down as the ledger grows?

import { openSizes } from "../large.ts";
import type { Measured } from "../rows.ts";
import type { Stage, Target } from "../stage.ts";
import { takeTurns } from "../turns.ts";
import { measureAnswers } from "../wrk.ts";

/** Row 7. The small ledger is the reference. */
export async function growth(stage: Stage): Promise<Measured> {
  const { large, small } = await openSizes(stage);
  const publish = (target: Target) => () => measureAnswers(stage, { target, mode: "publish", connections: 256 });
  return takeTurns(stage.rounds, { ours: publish(large), reference: publish(small) });
}
