// Row 8: a page of the ledger costs the same wherever it is and however long the ledger is.

import { hashSync } from "bcryptjs";
import { z } from "zod";
import { generateKey, keyPrefix } from "../../src/auth/key.ts";
import { openSizes } from "../large.ts";
import type { Figure, Measured } from "../rows.ts";
import type { Stage, Target } from "../stage.ts";
import { median, takeTurns } from "../turns.ts";
import { requireOperation } from "../wrk.ts";
import { nearestToLimit } from "./parts.ts";

const PAGE = 50;
const PAGES_DEEP = 10_000;
/** The way down goes by the longest pages there are. */
const STRIDE = 200;
const SAMPLES = 40;

const list = z.object({ next_cursor: z.string().nullable() });

type Reader = { large: Record<string, string>; small: Record<string, string> };
/** How far down a cursor leads, in pages of the usual length. */
type Depth = { cursor: string; pages: number };
type Place = { target: Target; path: string; headers: Record<string, string> };

/** Row 8. */
export async function pages(stage: Stage): Promise<Measured> {
  const { large, small, adminKey } = await openSizes(stage);
  await requireOperation(large, "GET", "/api/ledger", adminKey);
  await requireOperation(large, "GET", "/api/admin/ledger", adminKey);
  const busiest = { large: bearer(await takeOver(large)), small: bearer(await takeOver(small)) };
  const admin = { large: bearer(adminKey), small: bearer(adminKey) };
  const session = { large: await signIn(large, adminKey), small: await signIn(small, adminKey) };
  const hasPages = await isThere({ target: small, path: "/admin/ledger", headers: session.small });

  const own = await findCursor({ target: large, path: "/api/ledger", headers: busiest.large });
  const all = await findCursor({ target: large, path: "/api/admin/ledger", headers: admin.large });
  const compare = (path: string, reader: Reader, deep: Depth) =>
    comparePages(stage, path, reader, deep, { large, small });
  return nearestToLimit([
    ...(await compare("/api/ledger", busiest, own)),
    ...(await compare("/api/admin/ledger", admin, all)),
    ...(hasPages ? await compare("/admin/ledger", session, all) : []),
  ]);
}

async function comparePages(
  stage: Stage,
  path: string,
  reader: Reader,
  { cursor, pages }: Depth,
  { large, small }: { large: Target; small: Target },
): Promise<Figure[]> {
  const first = { target: large, path, headers: reader.large };
  const figures = await takeTurns(stage.rounds, {
    first: () => measurePageMs(first),
    deep: () => measurePageMs({ ...first, path: `${path}?cursor=${encodeURIComponent(cursor)}` }),
    small: () => measurePageMs({ target: small, path, headers: reader.small }),
  });
  return [
    {
      name: `${path}: ${pages.toLocaleString("en")} pages deep against first`,
      ours: figures.deep,
      reference: figures.first,
    },
    { name: `${path}: large against small`, ours: figures.first, reference: figures.small },
  ];
}

/** The median time of a page, in milliseconds. */
async function measurePageMs(place: Place): Promise<number> {
  const times: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const askedMs = performance.now();
    await get(place);
    times.push(performance.now() - askedMs);
  }
  return median(times);
}

/** Goes down 10,000 pages of the usual length, or as far as there is something, and gives the place. */
async function findCursor(place: Place): Promise<Depth> {
  let cursor: string | undefined;
  let strides = 0;
  for (; strides < (PAGES_DEEP * PAGE) / STRIDE; strides++) {
    const query = `?limit=${STRIDE}${cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
    const { next_cursor } = list.parse(JSON.parse(await get({ ...place, path: place.path + query })));
    if (next_cursor === null) break;
    cursor = next_cursor;
  }
  if (cursor === undefined) throw new Error(`${place.path} has a single page`);
  return { cursor, pages: (strides * STRIDE) / PAGE };
}

/** Versions without admin pages are measured by their API alone. */
async function isThere({ target, path, headers }: Place): Promise<boolean> {
  const { status } = await fetch(target.server.baseUrl + path, { headers, redirect: "manual" });
  return status === 200;
}

async function get({ target, path, headers }: Place): Promise<string> {
  const response = await fetch(target.server.baseUrl + path, { headers, redirect: "manual" });
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
  return response.text();
}

function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}

/** Gives the account with the longest ledger a key that we know. */
async function takeOver({ sql }: Target): Promise<string> {
  const key = generateKey();
  await sql`
    UPDATE users SET api_key_hash = ${hashSync(key, 4)}, api_key_prefix = ${keyPrefix(key)}, account_key_id = uuid_v7()
    WHERE id = (SELECT id FROM users WHERE is_active AND role = 'member' ORDER BY entry_count DESC LIMIT 1)`;
  return key;
}

/** The cookie of a session on the admin pages. */
async function signIn({ server, sql }: Target, key: string): Promise<Record<string, string>> {
  const [admin] = await sql`SELECT username FROM users WHERE api_key_prefix = ${keyPrefix(key)}`;
  const response = await fetch(`${server.baseUrl}/sign-in`, {
    method: "POST",
    headers: { origin: server.baseUrl, "sec-fetch-site": "same-origin" },
    body: new URLSearchParams({ username: String(admin?.username), api_key: key }),
    redirect: "manual",
  });
  return {
    cookie: response.headers
      .getSetCookie()
      .map(cookie => cookie.split(";")[0])
      .join("; "),
  };
}
