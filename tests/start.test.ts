// The server as a process: what it prints, what it refuses and how, how it stops, and who it dies with.

import { expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Sql } from "../src/db.ts";
import { isAlive } from "../src/processes.ts";
import { createFolder, startProgram, startServer } from "./server.ts";
import { createTestDatabase, DATA_FOLDER, emptyDatabase, holdLock, PROJECT } from "./support.ts";

setDefaultTimeout(60_000);

const dataDir = createFolder(DATA_FOLDER);

/** The postmaster of the folder's PostgreSQL, which must be running. */
function postmasterPid(): number {
  return Number(readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[0]);
}

async function until(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  for (const deadline = performance.now() + timeoutMs; !condition(); await Bun.sleep(10)) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
  }
}

test("the first start prints where to look and the admin's key; `bun run start` stops everything at SIGTERM and exits 0", async () => {
  const server = startProgram(["run", "start"], { env: { DATA_DIR: dataDir, PORT: "0" } });
  const [, baseUrl] = await server.waitFor(/Server +(http:\S+)/);
  expect((await fetch(`${baseUrl}/healthz`)).status).toBe(200);
  expect(server.stdout()).toContain(`${baseUrl}/admin`);
  expect(server.stdout()).toContain(`${baseUrl}/openapi`);
  expect(server.stdout()).toContain(dataDir);
  await server.waitFor(/API key +\S+/);

  const postmaster = postmasterPid();
  const stopped = performance.now();
  expect(await server.stop()).toBe(0);
  expect(performance.now() - stopped).toBeLessThan(10_000);
  expect(isAlive(postmaster)).toBe(false);
  await expect(fetch(`${baseUrl}/healthz`)).rejects.toThrow();
});

test("the key is shown once", async () => {
  const server = await startServer({ DATA_DIR: dataDir });
  expect(server.stdout()).not.toContain("API key");
  expect(await server.stop()).toBe(0);
});

test("the server dies with the process that launched it", async () => {
  const launcher = startProgram(["run", "start"], { env: { DATA_DIR: dataDir, PORT: "0" } });
  const [, baseUrl] = await launcher.waitFor(/Server +(http:\S+)/);
  const postmaster = postmasterPid();
  launcher.kill("SIGKILL");
  await until(() => !isAlive(postmaster));
  await expect(fetch(`${baseUrl}/healthz`)).rejects.toThrow();
});

test("killed, it starts again on the same data", async () => {
  const killed = await startServer({ DATA_DIR: dataDir });
  killed.kill("SIGKILL");
  await killed.exited;
  const next = await startServer({ DATA_DIR: dataDir });
  expect((await fetch(`${next.baseUrl}/healthz`)).status).toBe(200);
  const postmaster = postmasterPid();
  expect(await next.stop()).toBe(0);
  expect(isAlive(postmaster)).toBe(false);
});

test("while only PostgreSQL is dead the server answers 503, and it is back within 5 s by itself", async () => {
  const server = await startServer({ DATA_DIR: dataDir });
  expect((await fetch(`${server.baseUrl}/readyz`)).status).toBe(200);
  process.kill(postmasterPid(), "SIGKILL");
  const killedAt = performance.now();
  const seen = new Set<number>();
  for (let last = 0; last !== 200 || seen.size < 2; await Bun.sleep(5)) {
    last = (await fetch(`${server.baseUrl}/readyz`)).status;
    seen.add(last);
    expect((await fetch(`${server.baseUrl}/healthz`)).status).toBe(200);
    expect(performance.now() - killedAt).toBeLessThan(5_000);
  }
  expect([...seen].sort()).toEqual([200, 503]);
  expect(await server.stop()).toBe(0);
});

/** Until a statement in this database waits for a lock. */
async function untilSomebodyWaits(sql: Sql): Promise<void> {
  const find = () => sql`
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1`;
  while ((await find()).length === 0) await Bun.sleep(20);
}

test("a stop finishes the requests that were accepted and refuses new ones; a second signal ends it at once", async () => {
  const database = await createTestDatabase();
  for (const signals of [1, 2]) {
    const server = await startServer({ DATABASE_URL: database.url });
    // /readyz reads this table, so it waits.
    const release = await holdLock(database.sql, tx => tx`LOCK TABLE schema_metadata IN ACCESS EXCLUSIVE MODE`);
    const accepted = fetch(`${server.baseUrl}/readyz`).then(
      response => response.status,
      () => "cut",
    );
    await untilSomebodyWaits(database.sql);
    server.kill("SIGTERM");
    await Bun.sleep(600);
    if (signals === 1) {
      await expect(fetch(`${server.baseUrl}/healthz`)).rejects.toThrow();
      await release();
      expect(await accepted).toBe(200);
      expect(await server.exited).toBe(0);
    } else {
      server.kill("SIGTERM");
      expect(await server.exited).toBe(1);
      expect(await accepted).toBe("cut");
      await release();
    }
  }
});

test("a busy port is named, with the way to another, and PostgreSQL does not stay behind", async () => {
  const other = createServer();
  await new Promise<void>(resolve => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as { port: number };
  const server = startProgram(["src/main.ts"], { env: { DATA_DIR: dataDir, PORT: String(port) } });
  expect(await server.exited).toBe(1);
  expect(server.stderr()).toContain(`Port ${port}`);
  expect(server.stderr()).toContain("PORT=");
  expect(server.stderr().trim()).not.toContain("\n");
  expect(existsSync(join(dataDir, "postgres/postmaster.pid"))).toBe(false);
  other.close();
});

test("a HOST that is no machine's name is told of as that, whatever listening says of it", async () => {
  const { url } = await createTestDatabase();
  for (const host of ["no-such-machine.invalid", "256.1.1.1", "http://localhost"]) {
    const server = startProgram(["src/main.ts"], { env: { DATABASE_URL: url, HOST: host, PORT: "0" } });
    expect(await server.exited).toBe(1);
    expect(server.stderr()).toContain(`No machine has the name ${host}`);
    expect(server.stderr()).toContain("Set HOST to");
    expect(server.stderr()).not.toMatch(/E[A-Z]{5}/);
  }
});

test("every bad variable is named, and no secret's value", async () => {
  const env = { PORT: "http", DATABASE_URL: "mysql://me:secret@db/x", BCRYPT_COST: "99", LOG_LEVEL: "loud" };
  const server = startProgram(["src/main.ts"], { env });
  expect(await server.exited).toBe(1);
  for (const name of Object.keys(env)) expect(server.stderr()).toContain(name);
  expect(server.stderr()).not.toContain("secret");
  expect(server.stderr()).not.toContain("    at ");
});

test("with DATABASE_URL nothing of its own is started, and no password is printed", async () => {
  const database = await emptyDatabase();
  const unused = join(createFolder(), "data");
  const server = await startServer({ DATABASE_URL: database.url, DATA_DIR: unused });
  expect((await fetch(`${server.baseUrl}/healthz`)).status).toBe(200);
  expect(existsSync(unused)).toBe(false);
  expect(await server.stop()).toBe(0);
  const { host, password } = new URL(database.url);
  expect(server.stdout()).toContain(host);
  if (password) expect(server.stdout() + server.stderr()).not.toContain(password);
});

test("a database that can't be reached is told in one line", async () => {
  const server = startProgram(["src/main.ts"], {
    env: { DATABASE_URL: "postgres://me:secret@127.0.0.1:1/x", PORT: "0" },
  });
  expect(await server.exited).toBe(1);
  expect(server.stderr()).toContain("127.0.0.1:1");
  expect(server.stderr()).not.toContain("secret");
  expect(server.stderr().trim()).not.toContain("\n");
});

test("a terminal that is closed does not end a server that has no output there, as under nohup", async () => {
  const database = await emptyDatabase();
  const server = await startServer({ DATABASE_URL: database.url });
  server.kill("SIGHUP");
  await Bun.sleep(200);
  expect((await fetch(`${server.baseUrl}/healthz`)).status).toBe(200);
});

test("a fresh clone installs its packages by itself and then does what was asked", async () => {
  const clone = cloneProject();
  for (const installs of [true, false]) {
    const command = startProgram(["run", "database-url"], { cwd: clone, env: { DATABASE_URL: "postgres://db/x" } });
    expect(await command.exited).toBe(0);
    expect(command.stdout()).toBe("postgres://db/x\n");
    expect(command.stderr().includes("Installing")).toBe(installs);
  }
});

test("packages that can't be installed are explained", async () => {
  const clone = cloneProject();
  writeFileSync(join(clone, ".npmrc"), "registry=http://127.0.0.1:1/\nfetch-retries=0\n");
  const env = {
    BUN_CONFIG_REGISTRY: "http://127.0.0.1:1/",
    BUN_CONFIG_HTTP_RETRY_COUNT: "0",
    BUN_INSTALL_CACHE_DIR: join(clone, "cache"),
  };
  const server = startProgram(["run", "start"], { cwd: clone, env });
  expect(await server.exited).toBe(1);
  expect(server.stderr()).toContain("The packages could not be installed");
});

/** The project without node_modules. */
function cloneProject(): string {
  const clone = createFolder();
  for (const path of ["package.json", "bun.lock", "bunfig.toml", "patches", "src"]) {
    cpSync(join(PROJECT, path), join(clone, path), { recursive: true });
  }
  return clone;
}
