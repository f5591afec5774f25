// The disk of PostgreSQL is full (SQLSTATE 53100): what writes is answered 503, what reads goes on, nothing is half done, and
// with room again everything works by itself. The disk is a real one of its own, where a user may mount.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { createPool, isUnavailable, type Sql } from "../src/db.ts";
import { createApi, type Member } from "./api-support.ts";
import { askAll, type Calls, calls, untilBack } from "./away-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import {
  callKeyed,
  expectEachOnce,
  expectNothingDone,
  type Keyed,
  keyedPublish,
  keyedTransfer,
  sendKeyed,
} from "./keyed-requests.ts";
import { createFolder, type Server, startServer } from "./server.ts";

setDefaultTimeout(90_000);

/** A second or two, and ten where eight of these run at once: PostgreSQL is started again and again until it succeeds. */
const BACK_MS_MAX = 40_000;

/** A file system in memory on DATA_DIR that ends with the server, in a namespace that nobody else sees. */
const MOUNTING =
  process.getuid?.() === 0
    ? ["unshare", "--mount"]
    : ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount"];
const onDiskOf = (megabytes: number) => [
  ...MOUNTING,
  ...["bash", "-c", `mount -t tmpfs -o size=${megabytes}m tmpfs "$DATA_DIR" && exec "$0" "$@"`],
];

function canMount(): boolean {
  if (Bun.which("unshare") === null) return false;
  const env = { PATH: process.env.PATH ?? "", DATA_DIR: "/tmp" };
  return Bun.spawnSync([...onDiskOf(1), "true"], { env, stderr: "ignore" }).success;
}

/** Writes until the file system takes no more. Returns what makes room again. */
function fill(folder: string): () => void {
  const path = `${folder}/filler`;
  const file = openSync(path, "w");
  for (const bytes of [1_048_576, 4_096, 1]) {
    try {
      for (;;) writeSync(file, Buffer.alloc(bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
  closeSync(file);
  return () => rmSync(path);
}

/** The superuser's address of the embedded database there, which its programs find in its own namespace only. */
function urlOf(dataDir: string): string {
  const password = readFileSync(`${dataDir}/postgres.password`, "utf8").trim();
  const port = readFileSync(`${dataDir}/postgres/postmaster.pid`, "utf8").split("\n")[3];
  return `postgres://extrophi:${password}@127.0.0.1:${port}/extrophi`;
}

/** Text that can't be compressed, so that a table needs pages for it. */
const bulk = () => `${crypto.getRandomValues(new Uint8Array(24_000)).toBase64()}\n`;

describe.skipIf(!canMount())("a full disk:", () => {
  let server: Server;
  let disk: string;
  let sql: Sql;
  let ask: Calls;
  let alice: Member;
  let bob: Member;

  beforeAll(async () => {
    const DATA_DIR = createFolder();
    const env = { DATA_DIR, RATE_LIMIT_PER_MINUTE: "0", LOG_LEVEL: "warn" };
    server = await startServer(env, { within: onDiskOf(256) });
    disk = `/proc/${server.pid}/root${DATA_DIR}`;
    const url = urlOf(disk);
    sql = createPool(url, { max: 2, application: "extrophi tests" });
    const api = await createApi({}, { sql, url });
    [alice, bob] = [await api.register(), await api.register()];
    ask = calls({ api, alice, bob }, server.baseUrl);
    expect((await askAll(ask)).map(({ status }) => status)).toEqual([200, 200, 201, 201, 200]);
  });
  afterAll(async () => {
    await sql?.end({ timeout: 1 });
  });

  /** Sends them one after the other, and gives those that were refused, which must be in the way of a database that is away. */
  async function refusedOf(requests: Iterable<Keyed>): Promise<Keyed[]> {
    const refused: Keyed[] = [];
    for (const request of requests) {
      const { status, headers, body } = await sendKeyed(server.baseUrl, request);
      if (status === 201) continue;
      expect([status, body.type, headers.get("retry-after")]).toEqual([503, "/problems/unavailable", "1"]);
      refused.push(request);
    }
    return refused;
  }

  async function expectDoneOnceNow(requests: readonly Keyed[]): Promise<void> {
    await untilBack(ask, BACK_MS_MAX);
    expect(await refusedOf(requests)).toEqual([]);
    await expectEachOnce(sql, requests);
    await expectBalancedBooks(sql);
  }

  test("tables find no room: what writes is 503, what reads goes on, and with room again each is done once", async () => {
    // The log of changes has begun a file whose size is fixed: it is the tables that need room.
    await sql`SELECT pg_switch_wal()`;
    await sql`CHECKPOINT`;
    const makeRoom = fill(disk);
    const requests = Array.from({ length: 60 }, (_, no) =>
      no % 4 === 3 ? keyedTransfer(alice, bob) : keyedPublish(no % 2 === 0 ? alice : bob, bulk()),
    );
    const refused = await refusedOf(requests);
    expect(refused.length).toBeGreaterThan(30);
    expect(await Promise.all([ask.balance(), ask.ledger()])).toMatchObject([{ status: 200 }, { status: 200 }]);
    expect([await ask.health(), await ask.ready()]).toEqual([200, 200]);
    await expectNothingDone(sql, refused);
    await expectBalancedBooks(sql);
    expect(server.stdout()).toContain('"code":"53100"');
    expect(server.stdout()).not.toContain('"level":50');
    makeRoom();
    await expectDoneOnceNow(requests);
  });

  test("the log of changes finds no room: PostgreSQL ends, everything is 503, and with room again it is back and each is done once", async () => {
    const makeRoom = fill(disk);
    const fillSegments = async () => {
      for (;;) await sql`SELECT pg_logical_emit_message(true, 'test', 'begins a file'), pg_switch_wal()`;
    };
    expect(await fillSegments().catch(isUnavailable)).toBe(true);
    const requests = Array.from({ length: 10 }, (_, no) =>
      no % 2 === 0 ? keyedPublish(alice) : keyedTransfer(alice, bob),
    );
    expect(await refusedOf(requests)).toEqual(requests);
    expect([await ask.health(), await ask.ready()]).toEqual([200, 503]);
    makeRoom();
    await expectDoneOnceNow(requests);
    // Its own log, on the same disk, had no room for more than this.
    expect(readFileSync(`${disk}/postgres.log`, "utf8")).toContain("automatic recovery in progress");
    expect(await server.stop()).toBe(0);
  });
});

// Where nobody may mount, too: the error is then a trigger's, and no disk's.
test("a table that finds no room (53100): 503 with Retry-After for all that shared the commit, nothing is half done, and each is done once later", async () => {
  const api = await createApi();
  const [alice, bob] = [await api.register(), await api.register()];
  await api.sql.unsafe(`
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER no_room AFTER INSERT ON idempotency_records FOR EACH ROW EXECUTE FUNCTION no_room()`);
  const requests = Array.from({ length: 20 }, (_, no) =>
    no % 2 === 0 ? keyedPublish(alice) : keyedTransfer(alice, bob),
  );
  for (const { status, headers, body } of await Promise.all(requests.map(request => callKeyed(api, request)))) {
    expect([status, body.type, headers.get("retry-after")]).toEqual([503, "/problems/unavailable", "1"]);
  }
  await expectNothingDone(api.sql, requests);
  await api.sql`DROP TRIGGER no_room ON idempotency_records`;
  for (const request of requests) expect((await callKeyed(api, request)).status).toBe(201);
  await expectEachOnce(api.sql, requests);
  await expectBalancedBooks(api.sql);
});
