// PostgreSQL is restarted in order under load (`pg_ctl restart -m fast`, as an upgrade of it does): every connection is told
// 57P01. Clients that got no good answer ask again with their keys.

import { expect, setDefaultTimeout, test } from "bun:test";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { createPool } from "../src/db.ts";
import { findBinaries } from "../src/embedded/binaries.ts";
import { findPlace } from "../src/embedded/place.ts";
import { CLEAN } from "../src/embedded/postmaster.ts";
import { openEmbedded } from "../src/embedded.ts";
import { createApi, type Member } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { expectEachOnce, type Keyed, keyedPublish, keyedTransfer, sendKeyed } from "./keyed-requests.ts";
import { createFolder, startServer } from "./server.ts";
import { DATA_FOLDER } from "./support.ts";

setDefaultTimeout(90_000);

const CLIENTS = 16;
const RESTARTS = 3;
/** A tenth of a second, on two cores that have other work. */
const BACK_MS_MAX = 15_000;

const restartLog = (dataDir: string) => join(findPlace(dataDir).data, "restart.log");

/** As an administrator would, and not as the server does that watches an embedded one. */
async function restartPostgres(dataDir: string): Promise<void> {
  const place = findPlace(dataDir);
  const program = join(dirname(findBinaries(place).postgres), "pg_ctl");
  const args = ["restart", "--mode=fast", "--wait", `--pgdata=${place.data}`, `--log=${restartLog(dataDir)}`];
  await promisify(execFile)(program, args, { ...place.account, ...CLEAN });
}

/** What clients were answered. A 503 without Retry-After, or any other refusal, is kept as wrong. */
type Seen = { done: Keyed[]; unavailable: number; wrong: string[] };

/** One client: asks until it is told to stop, each request until its answer is a good one. */
async function keepAsking(baseUrl: string, seen: Seen, isOver: () => boolean, member: Member, payee: Member) {
  for (let no = 0; !isOver(); no++) {
    const request = no % 2 === 0 ? keyedPublish(member) : keyedTransfer(member, payee);
    for (;;) {
      const { status, headers, text } = await sendKeyed(baseUrl, request);
      if (status === 201) break;
      seen.unavailable++;
      if (status !== 503 || headers.get("retry-after") !== "1") seen.wrong.push(`${status} ${text}`);
      await Bun.sleep(50);
    }
    seen.done.push(request);
  }
}

test("a restart in order under load: 503 meanwhile, back by itself, and what was asked again is done once", async () => {
  const dataDir = createFolder(DATA_FOLDER);
  await using opened = new AsyncDisposableStack();
  const embedded = await openEmbedded({ dataDir });
  opened.defer(() => embedded.close());
  const server = await startServer({
    DATABASE_URL: embedded.serverUrl,
    DATABASE_OWNER_URL: embedded.url,
    RATE_LIMIT_PER_MINUTE: "0",
    LOG_LEVEL: "warn",
  });
  const sql = createPool(embedded.url, { max: 1, application: "extrophi tests" });
  opened.defer(() => sql.end({ timeout: 1 }));
  const api = await createApi({}, { sql, url: embedded.url });
  const members = await Promise.all(Array.from({ length: CLIENTS }, () => api.register()));
  const seen: Seen = { done: [], unavailable: 0, wrong: [] };
  let isOver = false;
  const clients = members.map((member, no) =>
    keepAsking(server.baseUrl, seen, () => isOver, member, members[(no + 1) % CLIENTS] ?? member),
  );
  const answered = async (more: number) => {
    for (const until = seen.done.length + more; seen.done.length < until; ) await Bun.sleep(5);
  };
  for (let no = 0; no < RESTARTS; no++) {
    await answered(100);
    // Everybody's statements are under way when it comes: they wait behind this lock, which ends with its connection.
    await sql.unsafe("BEGIN; SELECT FROM users ORDER BY id FOR UPDATE");
    await Bun.sleep(100);
    const before = seen.unavailable;
    const restarted = restartPostgres(dataDir);
    for (let isBack = false; !isBack; await Bun.sleep(20)) {
      expect((await fetch(`${server.baseUrl}/healthz`)).status).toBe(200);
      isBack = await Promise.race([restarted.then(() => true), Bun.sleep(1).then(() => false)]);
    }
    const backMs = performance.now();
    await answered(CLIENTS);
    expect(performance.now() - backMs).toBeLessThan(BACK_MS_MAX);
    expect(seen.unavailable - before).toBeGreaterThan(0);
  }
  await answered(100);
  isOver = true;
  await Promise.all(clients);
  expect(seen.wrong).toEqual([]);
  const role = new URL(embedded.serverUrl).username;
  const [row] = await sql<{ connections: number }[]>`
    SELECT count(*)::int AS connections FROM pg_stat_activity WHERE usename = ${role} AND application_name = 'extrophi'`;
  expect(row?.connections).toBeLessThanOrEqual(10);
  await expectEachOnce(sql, seen.done);
  await expectBalancedBooks(sql);
  expect(await server.stop()).toBe(0);
  // Each refusal has its reason in the log, which is always the database. What the server does by itself may have met it as well.
  const logged = [...server.stdout().matchAll(/^\{"level":(\d+).*?"code":"(\w+)".*/gm)];
  expect(logged.filter(([, level, code]) => level !== "40" || !/^(57P|CONNECTION_|ECONN)/.test(code ?? ""))).toEqual(
    [],
  );
  expect(logged.filter(([line]) => line.includes('"request_id"')).length).toBe(seen.unavailable);
  // 57P01, in PostgreSQL's words.
  const told = [findPlace(dataDir).log, restartLog(dataDir)].map(path => readFileSync(path, "utf8")).join("");
  expect(told.match(/FATAL: +terminating connection due to administrator command/g)?.length).toBeGreaterThan(RESTARTS);
});
