// A port for a server that is stopped and started again.

import { StartError } from "../src/start-error.ts";

/** A port that nobody has, below those that systems give to outgoing connections: it must stay free between two servers. */
export function freePort(): number {
  for (let tries = 0; tries < 50; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch {
      // Taken.
    }
  }
  throw new StartError("No free port was found between 20000 and 32000.");
}
