// The two databases of `bun run bench-pages`, each with a server of its own and somebody who is signed in.

import { existsSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { findEmbeddedUrl } from "../../src/embedded.ts";
import { StartError } from "../../src/start-error.ts";
import { CHEAP_BCRYPT, startServer } from "../server.ts";
import { openPool } from "../stage.ts";
import { type Side, signInAsAdmin } from "./measure.ts";
import { listPlaces } from "./places.ts";

const PROJECT = resolve(import.meta.dir, "../..");
const SEED = 1;

/** Opens a database of this size in a folder, made where it is missing. Throws StartError. */
export async function openSide(folder: string, size: { users: number; entries: number }): Promise<Side> {
  const dataDir = join(folder, `${size.users}-users-${size.entries}-entries`);
  if (!existsSync(dataDir)) {
    // One that was not finished is made again.
    const unfinished = `${dataDir}-unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    await seed(unfinished, size);
    renameSync(unfinished, dataDir);
  }
  const server = await startServer(folder, { DATA_DIR: dataDir, ...CHEAP_BCRYPT });
  const url = findEmbeddedUrl(dataDir);
  if (!url) throw new StartError(`The database in ${dataDir} does not run. ${server.lastWords()}`);
  const sql = openPool(url);
  const cookie = await signInAsAdmin(server, sql);
  // Nobody has looked at any page yet.
  await sql`DELETE FROM ledger_days`;
  await sql`DELETE FROM attribution_reports`;
  return { server, sql, cookie, places: await listPlaces(sql) };
}

/** Stops the server of a side, and with it the database. */
export async function closeSide({ server, sql }: Side): Promise<void> {
  await sql.end();
  await server.stop();
}

async function seed(dataDir: string, { users, entries }: { users: number; entries: number }): Promise<void> {
  console.error(`Making ${entries.toLocaleString("en")} ledger entries …`);
  const sizes = ["--users", users, "--entries", entries, "--seed", SEED, "--keys", 0].map(String);
  const child = Bun.spawn([process.execPath, "src/commands/seed-demo.ts", ...sizes], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: dataDir },
    stdio: ["ignore", 2, 2],
  });
  if ((await child.exited) !== 0) throw new StartError("The demo could not be made.");
}
