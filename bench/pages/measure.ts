// How long pages take in two databases that take turns, as a browser would ask for them.

import { hashSync } from "bcryptjs";
import { generateKey, keyPrefix } from "../../src/auth/key.ts";
import type { Sql } from "../../src/db.ts";
import type { Server } from "../server.ts";
import { median } from "../turns.ts";
import type { Place } from "./places.ts";

/** What the first answers pay for: plans, and blocks that nobody has read yet. */
const WARMING = 3;
const RATIO_MAX = 1.3;
/** What is not further apart is the same. */
const SAME_MS = 1;
const CHEAPEST_COST = 4;
const TRIES_MAX = 100;

/** A database with its server, pages and a session. */
export type Side = { server: Server; sql: Sql; places: readonly Place[]; cookie: string };

/** Medians in milliseconds; `small` is undefined where there is nothing to compare with. */
export type PageFigure = Readonly<{
  name: string;
  small: number | undefined;
  big: number;
  /** Whether the page of the small database has as much to show. */
  isAlike: boolean;
  goalMs: number;
  met: boolean;
}>;

/** The pages that the first visitor waits for: neither sums nor reports are there yet. */
export async function measureFirst(big: Side, name: string): Promise<PageFigure> {
  const place = big.places.find(place => place.name === name);
  if (!place) throw new Error(`there is no page "${name}"`);
  const { ms } = await ask(big, place.path);
  return judgePage({ name: `${name}, the first time`, goalMs: place.goalMs }, { big: ms });
}

/** Measures a page in both databases, `samples` times each, in turns. Throws where it is not answered. */
export async function measurePage(small: Side, big: Side, no: number, samples: number): Promise<PageFigure> {
  const [place, smallPlace] = [big.places[no], small.places[no]];
  if (!place || !smallPlace) throw new Error(`there is no page ${no}`);
  const times = { small: [] as number[], big: [] as number[] };
  let isAlike = true;
  for (let sample = -WARMING; sample < samples; sample++) {
    const [few, many] = [await ask(small, smallPlace.path), await ask(big, place.path)];
    isAlike = few.rows >= many.rows;
    if (sample < 0) continue;
    times.small.push(few.ms);
    times.big.push(many.ms);
  }
  return judgePage(place, { small: median(times.small), big: median(times.big), isAlike });
}

/** Whether a page keeps its limit, and takes no longer than a page of a small database that shows as much. */
export function judgePage(
  { name, goalMs }: Pick<Place, "name" | "goalMs">,
  { small, big, isAlike = true }: { small?: number; big: number; isAlike?: boolean },
): PageFigure {
  const isAsQuick = small === undefined || !isAlike || big <= Math.max(small * RATIO_MAX, small + SAME_MS);
  return { name, small, big, isAlike, goalMs, met: big <= goalMs && isAsQuick };
}

/** The time until the whole answer is there, and the rows of the tables in it. */
async function ask({ server, cookie }: Side, path: string): Promise<{ ms: number; rows: number }> {
  const askedMs = performance.now();
  const response = await fetch(server.baseUrl + path, {
    headers: { cookie, "accept-encoding": "gzip" },
    redirect: "manual",
    // Unpacking is the browser's work.
    decompress: false,
  });
  const body = new Uint8Array(await response.arrayBuffer());
  const ms = performance.now() - askedMs;
  // A search that finds one thing leads to it.
  if (response.status !== 200 && response.status !== 303) throw new Error(`${path} answered ${response.status}`);
  const isPacked = response.headers.get("content-encoding") === "gzip";
  const html = new TextDecoder().decode(isPacked ? Bun.gunzipSync(body) : body);
  return { ms, rows: html.split("<tr").length };
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
