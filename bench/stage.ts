// What the rows share: an embedded PostgreSQL with the server's database and the reference's, the server, and
// authors whose keys it knows. All of it lives in a temporary folder and is gone in the end.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPool, type Sql } from "../src/db.ts";
import { findEmbeddedUrl } from "../src/embedded.ts";
import type { Arguments } from "./arguments.ts";
import { type Author, insertAuthors, makeAuthors, verifyKeys, writeAuthorsFile } from "./authors.ts";
import { CHEAP_BCRYPT, type Server, startServer, stopServersSync } from "./server.ts";
import type { Tools } from "./tools.ts";

const AUTHORS = 1000;
const CARDS_EACH = 100;
const NAME = "author";

/** A server, and its database seen from outside. */
export type Target = { server: Server; sql: Sql; url: string };

export type Stage = Readonly<{
  folder: string;
  tools: Tools;
  turnSeconds: number;
  rounds: number;
  entries: number;
  main: Target;
  bareUrl: string;
  authors: readonly Author[];
  authorsFile: string;
}> & {
  /** The first number that no request has had yet (load.lua). */
  nextNo: number;
  /** Noted by row 1 for row 11. */
  residentBytes: number | undefined;
  close(): Promise<void>;
};

/** Builds everything. Throws StartError where the server does not start. */
export async function openStage(
  { turnSeconds, rounds, entries }: Omit<Arguments, "rows" | "json" | "docs">,
  tools: Tools,
): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "extrophi-bench-"));
  // PostgreSQL may run as another user, who has to reach it.
  chmodSync(folder, 0o755);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", () => {
    stopServersSync();
    remove();
  });

  console.error("Starting the server …");
  const dataDir = join(folder, "data");
  const server = await startServer(folder, { DATA_DIR: dataDir, ...CHEAP_BCRYPT });
  const url = findEmbeddedUrl(dataDir);
  if (!url) throw new Error("the embedded PostgreSQL does not run");
  const sql = openPool(url);
  await requireDurable(sql);

  console.error(`Making ${AUTHORS} authors with ${CARDS_EACH} cards each …`);
  const authors = await makeAuthors(AUTHORS);
  const authorsFile = join(folder, "authors");
  await insertAuthors(sql, authors, { name: NAME, cardsEach: CARDS_EACH });
  await writeAuthorsFile(authorsFile, sql, authors, NAME);
  await verifyKeys(server, authors);

  return {
    ...{ folder, tools, turnSeconds, rounds, entries, authors, authorsFile },
    main: { server, sql, url },
    bareUrl: await createDatabase(sql, url, "bench_bare"),
    nextNo: 0,
    residentBytes: undefined,
    async close() {
      await sql.end();
      await server.stop();
      remove();
    },
  };
}

/** Runs `work` with a second server on the main database, which knows all keys. */
export async function withServer<T>(stage: Stage, env: Record<string, string>, work: (target: Target) => Promise<T>) {
  const { sql, url } = stage.main;
  const server = await startServer(stage.folder, { DATABASE_URL: url, ...CHEAP_BCRYPT, ...env });
  try {
    await verifyKeys(server, stage.authors);
    return await work({ server, sql, url });
  } finally {
    await server.stop();
  }
}

/** A pool for the benchmark itself. */
export function openPool(url: string): Sql {
  return createPool(url, { max: 2, application: "extrophi bench" });
}

/** A new database on the same PostgreSQL; returns its address. */
export async function createDatabase(sql: Sql, url: string, name: string): Promise<string> {
  await sql`CREATE DATABASE ${sql(name)}`;
  const created = new URL(url);
  created.pathname = `/${name}`;
  return created.href;
}

/** Figures of a database that may lose commits would mean nothing. */
async function requireDurable(sql: Sql): Promise<void> {
  const [row] = await sql`SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`;
  if (row?.fsync !== "on" || row.commit !== "on") throw new Error("fsync and synchronous_commit must be on");
}
