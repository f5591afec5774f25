// Where a crash test takes place: a temporary folder with an embedded PostgreSQL and a server of its own, and accounts
// whose keys it knows. All of it is gone in the end, however it ends.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey } from "../../src/auth/key.ts";
import { createPool, type Sql } from "../../src/db.ts";
import { openEmbedded } from "../../src/embedded.ts";
import { StartError } from "../../src/start-error.ts";
import { freePort } from "../free-port.ts";
import type { Actor } from "./asked.ts";
import { killPostgres, type ServerProcess, ServerStarter } from "./programs.ts";

/** What is planted on purpose (plants/), none of it in an honest run. */
export type LivePlant = Readonly<{
  /** Settings of PostgreSQL. */
  settings?: Readonly<Record<string, string>>;
  /** Another program in place of the server, relative to the project. */
  script?: string;
  /** Done to the schema before the clients come. */
  prepare?: (sql: Sql) => Promise<void>;
  keyOfRetry?: (key: string, attempt: number) => string;
}>;

export type Stage = Readonly<{
  folder: string;
  dataDir: string;
  /** The folder of a round's journals; "final" for what comes after all rounds. */
  journalsOf(round: number | "final"): string;
  url: string;
  sql: Sql;
  starter: ServerStarter;
  writers: readonly Actor[];
  operator: Actor;
  plant: LivePlant;
}> & { server: ServerProcess; close(): Promise<void> };

/** Limits are for one client at a time; these are many, from one address. bcrypt costs as little as it can. */
const SERVER_ENV = {
  LOG_LEVEL: "warn",
  RATE_LIMIT_PER_MINUTE: "0",
  AUTH_FAILURES_PER_MINUTE: "0",
  REGISTRATIONS_PER_HOUR: "0",
  PUBLISH_REWARDS_PER_DAY: "0",
  BCRYPT_COST: "4",
};

/** Builds everything, with `writers` accounts, in a new folder of `parent`. Throws StartError. */
export async function openStage(writers: number, plant: LivePlant = {}, parent = tmpdir()): Promise<Stage> {
  const folder = mkdtempSync(join(parent, "extrophi-crash-"));
  // PostgreSQL may run as another user, who has to reach it.
  chmodSync(folder, 0o755);
  const dataDir = join(folder, "data");
  const adminKey = generateKey();
  const env = { ...SERVER_ENV, DATA_DIR: dataDir, ADMIN_API_KEY: adminKey };
  const starter = new ServerStarter(folder, env, plant.script ?? "src/main.ts", freePort());
  // In this order: the last one out stops PostgreSQL, and that is this process when its server is gone.
  const endServer = () => starter.killSync();
  process.once("exit", endServer);
  const embedded = await openEmbedded({ dataDir });
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  const sql = createPool(embedded.url, { max: 2, application: "extrophi crash test" });
  await setUp(sql, dataDir, plant);

  const server = await starter.start();
  const adminId = await findAdmin(sql);
  const names = Array.from({ length: writers }, (_, no) => `writer-${String(no + 1).padStart(3, "0")}`);
  const register = (name: string) => registerAccount(starter.baseUrl, adminKey, name);
  const accounts = await Promise.all(names.map(register));
  await plant.prepare?.(sql);
  // Whatever is planted, the accounts are there.
  await sql`CHECKPOINT`;
  const stage: Stage = {
    ...{ folder, dataDir, url: embedded.url, sql, starter, server, plant, writers: accounts },
    journalsOf: round => join(folder, "journals", String(round).padStart(5, "0")),
    operator: { id: adminId, name: "admin", key: adminKey },
    async close() {
      starter.killSync();
      await sql.end({ timeout: 1 });
      await embedded.close();
      remove();
      for (const listener of [endServer, remove]) process.off("exit", listener);
    },
  };
  return stage;
}

/** Makes sure that commits are durable, or whatever a plant wants in place of that. */
async function setUp(sql: Sql, dataDir: string, { settings = {} }: LivePlant): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    await sql.unsafe(`ALTER SYSTEM SET ${name} = '${value}'`);
  }
  if (Object.keys(settings).length > 0) {
    // Some of them count from the next start on only, which is the server's.
    killPostgres(dataDir);
    return;
  }
  const [row] = await sql`SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`;
  if (row?.fsync !== "on" || row.commit !== "on") throw new Error("fsync and synchronous_commit must be on");
}

/** The server takes requests a moment before it has made its admin. */
async function findAdmin(sql: Sql): Promise<string> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await Bun.sleep(5)) {
    const [admin] = await sql<{ id: string }[]>`SELECT id FROM users WHERE username = 'admin'`;
    if (admin) return admin.id;
  }
  throw new StartError("The server made no admin.");
}

async function registerAccount(baseUrl: string, adminKey: string, username: string): Promise<Actor> {
  const response = await fetch(`${baseUrl}/api/users`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ username, email: `${username}@example.org` }),
  });
  if (response.status !== 201) throw new Error(`registering answers ${response.status}: ${await response.text()}`);
  const { user, api_key } = (await response.json()) as { user: { id: string }; api_key: string };
  return { id: user.id, name: username, key: api_key };
}
