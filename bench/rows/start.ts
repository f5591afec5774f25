// Row 10: how long the server takes to start, with a database that runs and with everything to be made.

import { join } from "node:path";
import type { Measured } from "../rows.ts";
import { startServer } from "../server.ts";
import type { Stage } from "../stage.ts";
import { takeTurns } from "../turns.ts";
import { nearestToLimit } from "./parts.ts";

const LIMIT_MS = 400;
const LIMIT_EMPTY_MS = 3_000;

/** Row 10. */
export async function start({ folder, rounds, main }: Stage): Promise<Measured> {
  const measureStart = async (env: Record<string, string>) => {
    const server = await startServer(folder, env);
    await server.stop();
    return server.startMs;
  };
  let empty = 0;
  const { existing, embedded } = await takeTurns(rounds, {
    existing: () => measureStart({ DATABASE_URL: main.url }),
    embedded: () => measureStart({ DATA_DIR: join(folder, `empty-${++empty}`) }),
  });
  return nearestToLimit([
    { name: "with DATABASE_URL", ours: existing, reference: LIMIT_MS },
    { name: "embedded and empty", ours: embedded, reference: LIMIT_EMPTY_MS },
  ]);
}
