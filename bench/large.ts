// The databases of rows 7 and 8: one with a large ledger and one with a small one, made by seed-demo, each with a
// server of its own.

import { join, resolve } from "node:path";
import { insertAuthors, makeAuthors, verifyKeys } from "./authors.ts";
import { CHEAP_BCRYPT, startServer } from "./server.ts";
import { createDatabase, openPool, type Stage, type Target } from "./stage.ts";
import { NotAvailable } from "./wrk.ts";

const PROJECT = resolve(import.meta.dir, "..");
const SEED = 1;
const SMALL_ENTRIES = 10_000;
const ENTRIES_A_USER = 1_000;
const ADMIN_NO = 900_000;

export type Sizes = { large: Target; small: Target; adminKey: string };

const made = new WeakMap<Stage, Promise<Sizes>>();

/** Makes both at the first call. Throws NotAvailable where the data can't be made. */
export function openSizes(stage: Stage): Promise<Sizes> {
  const sizes = made.get(stage) ?? makeSizes(stage);
  made.set(stage, sizes);
  return sizes;
}

/** Stops the servers, where there are any. */
export async function closeSizes(stage: Stage): Promise<void> {
  const sizes = await made.get(stage)?.catch(() => undefined);
  for (const { server, sql } of sizes ? [sizes.large, sizes.small] : []) {
    await server.stop();
    await sql.end();
  }
}

async function makeSizes(stage: Stage): Promise<Sizes> {
  const admins = await makeAuthors(1);
  const make = async (name: string, entries: number) => {
    const url = await createDatabase(stage.main.sql, stage.main.url, name);
    console.error(`Making ${entries.toLocaleString("en")} ledger entries …`);
    await seed(url, entries);
    const sql = openPool(url);
    await insertAuthors(sql, stage.authors, { name: "author" });
    await insertAuthors(sql, admins, { name: "bench-admin", role: "admin" }, ADMIN_NO);
    const server = await startServer(stage.folder, { DATABASE_URL: url, ...CHEAP_BCRYPT });
    await verifyKeys(server, stage.authors);
    return { server, sql, url };
  };
  const small = await make("bench_small", SMALL_ENTRIES);
  return { small, large: await make("bench_large", stage.entries), adminKey: admins[0]?.key ?? "" };
}

async function seed(url: string, entries: number): Promise<void> {
  const script = join(PROJECT, "src/commands/seed-demo.ts");
  if (!(await Bun.file(script).exists())) throw new NotAvailable("there is no seed-demo");
  const users = Math.max(10, Math.round(entries / ENTRIES_A_USER));
  const sizes = ["--users", users, "--entries", entries, "--seed", SEED].map(String);
  const child = Bun.spawn([process.execPath, script, ...sizes], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL: url },
    stdio: ["ignore", 2, 2],
  });
  if ((await child.exited) !== 0) throw new NotAvailable("seed-demo failed");
}
