// Works through the batches of a check on the connections of its snapshot.

import type { Tx } from "../../db.ts";
import type { Batch } from "./batches.ts";
import type { Checker } from "./checker.ts";
import type { Snapshot } from "./snapshot.ts";
import { addSupply, countSupply, type SupplyByType } from "./supply.ts";

/** `done` is the share of the work, from 0 to 1, by estimated cost; `entries` are those checked so far. */
export type Progress = Readonly<{ done: number; entries: number }>;

/** Makes the checks of all batches, each batch on whichever connection is free, and returns what was counted. */
export async function runBatches(
  snapshot: Snapshot,
  batches: readonly Batch[],
  checker: Checker,
  onProgress: (progress: Progress) => void,
): Promise<{ entries: number; supply: SupplyByType }> {
  const total = batches.reduce((sum, { cost }) => sum + cost, 0);
  let [spent, entries] = [0, 0];
  let supply: SupplyByType = {};
  // All connections take from this one iterator.
  const queue = batches.values();
  const work = async (tx: Tx) => {
    for (const { cost, rows } of queue) {
      for await (const some of rows(tx)) {
        await checker.check(tx, some);
        if (some.of !== "entries") continue;
        const counted = await countSupply(tx, some);
        entries += counted.entries;
        supply = addSupply(supply, counted.byType);
      }
      spent += cost;
      onProgress({ done: total > 0 ? spent / total : 1, entries });
    }
  };
  await Promise.all(snapshot.map(work));
  return { entries, supply };
}
