// Databases for tests, on one PostgreSQL that all test processes share: an embedded one of their own, or the
// one that DATABASE_URL names.

import { accessSync, constants, readdirSync, readFileSync, statfsSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { createPool, type Sql, sqlState, type Tx } from "../src/db.ts";
import { ensureServerLogin, serverUrlOf } from "../src/embedded/server-login.ts";
import { type Embedded, openEmbedded } from "../src/embedded.ts";
import { applyMigrations } from "../src/migrate.ts";
import { findProcess } from "../src/processes.ts";

export const PROJECT = resolve(import.meta.dir, "..");

/** Linux keeps this folder in memory. Containers often have 64 MB of it, which is too little for a run. */
const MEMORY_FOLDER = "/dev/shm";
const MEMORY_BYTES_MIN = 3 * 2 ** 30;

/** Where the data of tests' PostgreSQLs lie: a database is a thousand files, made and removed in a fourth of the time in memory. */
export const DATA_FOLDER = hasMemory() ? MEMORY_FOLDER : tmpdir();

function hasMemory(): boolean {
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    return bavail * bsize >= MEMORY_BYTES_MIN;
  } catch {
    return false;
  }
}

/** A database of one test file. It is dropped after the file's last test; `drop` does it earlier. */
export type TestDatabase = { url: string; sql: Sql; drop(): Promise<void> };

/** A database with all migrations applied: a copy of a template that is migrated once for each state of migrations/. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { admin } = await openInstance();
  return createDatabase(await ensureTemplate(admin));
}

/**
 * A server has few connections, and many test files share one: they give back quickly what they don't use. And tests write
 * more in one statement than any request does.
 */
const TEST_POOL = { application: "extrophi tests", idle_s: 3, statementMs: 60_000 };

/** A pool of the server's own role on a test database, as a server has it. Closed after the file's last test. */
export function createServerPool(url: string): Sql {
  const pool = createPool(serverUrlOf(url), TEST_POOL);
  serverPools.add(pool);
  return pool;
}

/** A database with nothing in it. */
export function emptyDatabase(): Promise<TestDatabase> {
  return createDatabase("template0");
}

/** The shared embedded PostgreSQL, kept between runs, for whoever wants to hold it open over many test files. */
export function openTestInstance(): Promise<Embedded> {
  const checkout = Bun.hash(PROJECT).toString(36);
  return openEmbedded({
    dataDir: join(DATA_FOLDER, `extrophi-test-${userInfo().uid}-${checkout}`),
    durable: false,
  });
}

/** Drops what this file created and gives the shared PostgreSQL back. Called by preload.ts after each file. */
export async function closeTestDatabases(): Promise<void> {
  await Promise.all([...serverPools].map(pool => pool.end({ timeout: 1 })));
  serverPools.clear();
  await Promise.all([...created].map(database => database.drop()));
  if (!instance) return;
  const { admin, close } = await instance;
  instance = undefined;
  await admin.end();
  await close();
}

type Instance = { url: string; admin: Sql; close(): Promise<void> };

let instance: Promise<Instance> | undefined;
const created = new Set<TestDatabase>();
const serverPools = new Set<Sql>();

function openInstance(): Promise<Instance> {
  instance ??= connect();
  return instance;
}

async function connect(): Promise<Instance> {
  const given = process.env.DATABASE_URL;
  const { url, close } = given ? { url: given, close: async () => {} } : await openTestInstance();
  const admin = createPool(url, { max: 2, application: "extrophi tests" });
  await dropLeftovers(admin);
  return { url, admin, close };
}

const TEST_PREFIX = "extrophi_test";
const TEMPLATE_PREFIX = "extrophi_template";

/** The name tells whose it is, so that the databases of a killed run can be recognised. */
function nameDatabase(): string {
  return `${TEST_PREFIX}_${process.pid}_${markOf(process.pid)}_${Math.random().toString(36).slice(2, 10)}`;
}

function markOf(pid: number): string | undefined {
  return findProcess(pid)?.started.replace(/\W/g, "_").toLowerCase();
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const { url: instanceUrl, admin } = await openInstance();
  const name = nameDatabase();
  // The other strategy writes the whole copy to the WAL as well: twice the work for a template as small as ours.
  await admin`CREATE DATABASE ${admin(name)} TEMPLATE ${admin(template)} STRATEGY file_copy`;
  const url = inDatabase(instanceUrl, name);
  const sql = createPool(url, TEST_POOL);
  const database: TestDatabase = {
    url,
    sql,
    async drop() {
      if (!created.delete(database)) return;
      await sql.end({ timeout: 1 });
      await admin`DROP DATABASE IF EXISTS ${admin(name)} WITH (FORCE)`;
    },
  };
  created.add(database);
  return database;
}

function inDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** Several test processes arrive at once: the first one builds it, under another name until it is complete. */
async function ensureTemplate(admin: Sql): Promise<string> {
  const name = `${TEMPLATE_PREFIX}_${hashOfMigrations()}`;
  const unfinished = `${name}_unfinished`;
  const { url } = await openInstance();
  const connection = await admin.reserve();
  try {
    await connection`SELECT pg_advisory_lock(hashtext(${TEMPLATE_PREFIX}::text))`;
    const existing = await connection`SELECT 1 FROM pg_database WHERE datname = ${name}::text`;
    if (existing.length === 0) {
      await dropTemplates(connection);
      await connection`CREATE DATABASE ${connection(unfinished)} TEMPLATE template0`;
      await ensureServerLogin(url);
      await applyMigrations(inDatabase(url, unfinished), { serverUrl: serverUrlOf(url) });
      await connection`ALTER DATABASE ${connection(unfinished)} RENAME TO ${connection(name)}`;
    }
  } finally {
    await connection`SELECT pg_advisory_unlock_all()`;
    connection.release();
  }
  return name;
}

/** Those of earlier migrations, and one that was not finished. */
async function dropTemplates(connection: Sql): Promise<void> {
  const rows = await connection<{ datname: string }[]>`
    SELECT datname FROM pg_database WHERE starts_with(datname, ${TEMPLATE_PREFIX}::text) ORDER BY datname LIMIT 1000`;
  for (const { datname } of rows) await connection`DROP DATABASE ${connection(datname)} WITH (FORCE)`;
}

function hashOfMigrations(): string {
  const folder = join(PROJECT, "migrations");
  const files = readdirSync(folder).filter(name => name.endsWith(".sql"));
  const paths = [...files.sort().map(name => join(folder, name)), join(PROJECT, "src/migrate/server-privileges.ts")];
  const texts = paths.map(path => `${path}\n${readFileSync(path, "utf8")}`);
  return Bun.hash(texts.join("\n")).toString(36);
}

/** Databases of runs that were killed. Those that somebody is connected to stay. */
async function dropLeftovers(admin: Sql): Promise<void> {
  const rows = await admin<{ datname: string }[]>`
    SELECT datname FROM pg_database WHERE starts_with(datname, ${`${TEST_PREFIX}_`}::text) ORDER BY datname LIMIT 1000`;
  for (const { datname } of rows) {
    const [, pid, mark] = /^extrophi_test_(\d+)_(\w+)_\w+$/.exec(datname) ?? [];
    if (pid === undefined || markOf(Number(pid)) === mark) continue;
    try {
      await admin`DROP DATABASE IF EXISTS ${admin(datname)}`;
    } catch (error) {
      const inUse = "55006";
      if (sqlState(error) !== inUse) throw error;
    }
  }
}

/** Takes a lock in a transaction of its own; returns, when it is held, what lets it go and waits for the transaction's end. */
export async function holdLock(sql: Sql, take: (tx: Tx) => Promise<unknown>): Promise<() => Promise<void>> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: isHeld, resolve: noteHeld } = Promise.withResolvers<void>();
  const held = sql.begin(async tx => {
    await take(tx);
    noteHeld();
    await released;
  });
  await isHeld;
  return async () => {
    release();
    await held;
  };
}
