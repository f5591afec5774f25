// The reference, "one by one": bare.sql and its pgbench scripts, in a database of their own.

import { join } from "node:path";
import { measureRate } from "./pgbench.ts";
import { openPool, type Stage } from "./stage.ts";
import { type Side, takeTurns } from "./turns.ts";

export type Transaction = "publish" | "cite" | "hot";

/** The best of these counts. */
const CLIENTS = [8, 32, 64] as const;

/** The script of one of the reference's transactions. */
export function scriptOf(transaction: Transaction): string {
  return join(import.meta.dir, `bare-${transaction}.pgbench`);
}

/** Fills the reference's database anew. */
export async function resetReference({ bareUrl }: Stage): Promise<void> {
  const sql = openPool(bareUrl);
  try {
    await sql.unsafe(await Bun.file(join(import.meta.dir, "bare.sql")).text()).simple();
    await sql`VACUUM (ANALYZE)`;
  } finally {
    await sql.end();
  }
}

/** Lets the server and the reference take turns. `reference` is the best of its numbers of clients, in transactions a second. */
export async function compareWithReference(
  stage: Stage,
  transaction: Transaction,
  ours: Side,
): Promise<{ ours: number; reference: number }> {
  await resetReference(stage);
  const withClients = (clients: number) => () =>
    measureRate(stage, { script: scriptOf(transaction), url: stage.bareUrl, clients });
  const { ours: median, ...references } = await takeTurns(stage.rounds, {
    ours,
    ...Object.fromEntries(CLIENTS.map(clients => [`${clients} clients`, withClients(clients)])),
  });
  return { ours: median, reference: Math.max(...Object.values<number>(references)) };
}
