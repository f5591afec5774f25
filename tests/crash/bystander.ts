// A bystander: goes through what the clients leave out, above all calls that take a transaction of several statements, so
// that kills meet those as well. Its answers are not judged but for their status.

import type { Random } from "../../src/demo/random.ts";
import type { Actor } from "./asked.ts";
import { type Journal, now } from "./journal.ts";

export type BystanderOptions = Readonly<{
  baseUrl: string;
  operator: Actor;
  random: Random;
  journal: Journal;
}>;

const ANSWER_MS_MAX = 20_000;
const PAUSE_MS_MAX = 20;

/** Calls until `isOver`. Whatever is neither done nor 503 goes into the journal. */
export async function watchAsBystander(options: BystanderOptions, isOver: () => boolean): Promise<void> {
  const { baseUrl, operator, random, journal } = options;
  const calls: readonly [method: string, path: string, body?: object][] = [
    ["GET", "/api/admin/ledger?type=bonus&limit=5"],
    ["GET", "/api/admin/users?q=writer"],
    ["GET", "/api/admin/integrity"],
    ["GET", "/api/stats"],
    ["PATCH", "/api/me", { bio: "Watches." }],
    ["POST", "/api/admin/users/nobody/deactivate", { reason: "There is no such account." }],
    ["GET", "/healthz"],
  ];
  while (!isOver()) {
    const [method, path, body] = random.pick(calls);
    try {
      const response = await fetch(baseUrl + path, {
        method,
        headers: { authorization: `Bearer ${operator.key}`, "content-type": "application/json" },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      const text = await response.text();
      const { status } = response;
      const isExplained =
        status < 300 || (status === 503 && path !== "/healthz") || (status === 404 && method === "POST");
      if (!isExplained) {
        await journal.write({ type: "odd", at: now(), what: `${status} for ${method} ${path}: ${text.slice(0, 200)}` });
      }
    } catch {
      // The server is being killed, or away.
    }
    await Bun.sleep(random.below(PAUSE_MS_MAX));
  }
}
