// How long pages take in two databases that take turns, as a browser would ask for them.

import { hashSync } from "bcryptjs";
import { generateKey, keyPrefix } from "../../src/auth/key.ts";
import type { Sql } from "../../src/db.ts";
import type { Server } from "../server.ts";
import { median } from "../turns.ts";
import type { Place } from "./places.ts";

/** What the first answers pay for: plans, and pages of the database that nobody has read yet. */
const WARMING = 3;
/** Ratios of less than this are those of a clock, not of a page. */
const RATIO_MAX = 1.3;
const CHEAPEST_COST = 4;
const TRIES_MAX = 100;

export type Side = { server: Server; sql: Sql; places: readonly Place[]; cookie: string };

export type PageFigure = {
  name: string;
  /** Medians in milliseconds. */
  small: number;
  big: number;
  ratio: number;
  goalMs: number;
  met: boolean;
};

/** Measures each page in both databases, `samples` times each, in turns. Throws where a page is not answered with 200. */
export async function measurePages(small: Side, big: Side, samples: number): Promise<PageFigure[]> {
  const figures: PageFigure[] = [];
  for (const [no, place] of big.places.entries()) {
    const smallPath = small.places[no]?.path ?? "";
    const times = { small: [] as number[], big: [] as number[] };
    for (let sample = -WARMING; sample < samples; sample++) {
      const [smallMs, bigMs] = [await askMs(small, smallPath), await askMs(big, place.path)];
      if (sample < 0) continue;
      times.small.push(smallMs);
      times.big.push(bigMs);
    }
    figures.push(judgePage(place, median(times.small), median(times.big)));
  }
  return figures;
}

/** Whether a page keeps its limit, and is no slower than the same page of a small database. */
export function judgePage({ name, goalMs }: Pick<Place, "name" | "goalMs">, small: number, big: number): PageFigure {
  const ratio = big / small;
  return { name, small, big, ratio, goalMs, met: big <= goalMs && ratio <= RATIO_MAX };
}

/** The first answer of each page, in milliseconds: what nobody has warmed up. */
export async function measureFirst(side: Side, place: Place): Promise<number> {
  return askMs(side, place.path);
}

async function askMs({ server, cookie }: Side, path: string): Promise<number> {
  const askedMs = performance.now();
  const response = await fetch(server.baseUrl + path, {
    headers: { cookie, "accept-encoding": "gzip" },
    redirect: "manual",
    // Unpacking is the browser's work.
    decompress: false,
  });
  await response.arrayBuffer();
  // A search that finds one thing leads to it.
  if (response.status !== 200 && response.status !== 303) throw new Error(`${path} answered ${response.status}`);
  return performance.now() - askedMs;
}

/** The cookie of a session of the first admin, who gets a key that we know. */
export async function signInAsAdmin(server: Server, sql: Sql): Promise<string> {
  const key = generateKey();
  const hash = hashSync(key, CHEAPEST_COST);
  const give = () => sql<{ username: string }[]>`
    UPDATE users SET api_key_hash = ${hash}, api_key_prefix = ${keyPrefix(key)}, account_key_id = uuid_v7()
    WHERE id = (SELECT id FROM users WHERE role = 'admin' AND is_active ORDER BY id LIMIT 1)
    RETURNING username`;
  // The server listens first, and then makes its admin.
  let [admin] = await give();
  for (let tries = 0; admin === undefined && tries < TRIES_MAX; tries++) {
    await Bun.sleep(100);
    [admin] = await give();
  }
  const response = await fetch(`${server.baseUrl}/sign-in`, {
    method: "POST",
    headers: { origin: server.baseUrl, "sec-fetch-site": "same-origin" },
    body: new URLSearchParams({ username: admin?.username ?? "", api_key: key }),
    redirect: "manual",
  });
  const cookie = response.headers.getSetCookie()[0]?.split(";")[0];
  if (response.status !== 303 || cookie === undefined)
    throw new Error(`signing in was answered with ${response.status}`);
  return cookie;
}
