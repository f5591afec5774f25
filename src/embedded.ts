// The PostgreSQL that starts when DATABASE_URL is unset. Processes that share a data directory share one
// instance: the first one in starts it, the last one out stops it, and what was killed is taken over.

import { existsSync, rmSync } from "node:fs";
import postgres from "postgres";
import { findBinaries } from "./embedded/binaries.ts";
import { NAME, prepareCluster, readPassword } from "./embedded/cluster.ts";
import { listLeasedPorts, takeLease } from "./embedded/leases.ts";
import { withLock, withLockSync } from "./embedded/lock.ts";
import { findPlace, type Place } from "./embedded/place.ts";
import {
  findPostmaster,
  PortTaken,
  type Postmaster,
  startPostmaster,
  stopPostmaster,
  stopPostmasterSync,
} from "./embedded/postmaster.ts";
import { ensureServerLogin, serverUrlOf } from "./embedded/server-login.ts";
import { isAlive } from "./processes.ts";
import { StartError } from "./start-error.ts";

export type EmbeddedOptions = {
  dataDir: string;
  /** Start PostgreSQL again, on the same port, whenever it dies. For processes that run long. */
  supervise?: boolean;
  /** False only for tests: faster, and the data don't survive a power cut. */
  durable?: boolean;
  /** Told about deaths and restarts. */
  log?: { info(message: string): void; error(fields: object, message: string): void };
};

/**
 * A use of the embedded PostgreSQL: the superuser's address and that of the server's role, where the data are, and `close`,
 * after which the last one out has stopped it.
 */
export type Embedded = { url: string; serverUrl: string; dataDir: string; close(): Promise<void> };

const WATCH_MS = 250;
const POLL_MS = 10;
const PORT_TRIES_MAX = 20;
const CREATE_TRIES_MAX = 50;

/** Takes part in the embedded PostgreSQL of a folder, starting it where it does not run. Throws StartError. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const place = findPlace(options.dataDir);
  const durable = options.durable ?? true;
  const { url, lease } = await withLock(place.lock, async () => {
    try {
      const postmaster = await ensureRunning(place, durable);
      const url = urlOf(place, postmaster);
      await ensureDatabase(url, place);
      await ensureServerLogin(url);
      return { url, lease: takeLease(place.leases, postmaster.port) };
    } catch (error) {
      await stopUnused(place);
      throw error;
    }
  });

  const stopWatching = options.supervise ? watch(place, durable, options.log) : () => {};
  const onExit = () => {
    if (existsSync(place.home)) withLockSync(place.lock, 1_000, () => leaveSync(place, lease));
  };
  process.once("exit", onExit);
  let closed: Promise<void> | undefined;
  const close = () => {
    stopWatching();
    process.off("exit", onExit);
    // PostgreSQL ends by itself where somebody has removed its folder.
    closed ??= existsSync(place.home) ? withLock(place.lock, () => leave(place, lease)) : Promise.resolve();
    return closed;
  };
  return { url, serverUrl: serverUrlOf(url), dataDir: place.home, close };
}

/** The superuser's address of the instance in a folder where it runs and takes connections; starts nothing. */
export function findEmbeddedUrl(dataDir: string): string | undefined {
  const place = findPlace(dataDir);
  const running = findPostmaster(place.data);
  return running?.status === "ready" ? urlOf(place, running) : undefined;
}

function urlOf(place: Place, { port }: Postmaster): string {
  return `postgres://${NAME}:${readPassword(place)}@127.0.0.1:${port}/${NAME}`;
}

/** The running instance, or a fresh start. Call inside the lock. */
async function ensureRunning(place: Place, durable: boolean): Promise<Postmaster> {
  for (let found = findPostmaster(place.data); found; found = findPostmaster(place.data)) {
    if (found.status === "ready") return found;
    if (found.status === "stopping") await stopPostmaster(found);
    else await Bun.sleep(POLL_MS);
  }
  const binaries = findBinaries(place);
  await prepareCluster(place, binaries, durable);
  // Those who use it expect it where it was.
  const [fixedPort] = listLeasedPorts(place.leases);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startPostmaster(place, binaries.postgres, fixedPort ?? choosePort());
    } catch (error) {
      if (!(error instanceof PortTaken) || fixedPort || attempt >= PORT_TRIES_MAX) throw error;
    }
  }
}

/**
 * Not part of initdb: a first start that was killed in between is completed here. The statement of the killed process
 * may still be running, and then collides with ours.
 */
async function ensureDatabase(url: string, place: Place): Promise<void> {
  for (let attempt = 1; !(await canConnect(url, place)); attempt++) {
    const maintenance = postgres(url.replace(/\w+$/, "postgres"), CLIENT);
    try {
      await maintenance`CREATE DATABASE ${maintenance(NAME)}`;
    } catch (error) {
      if (attempt >= CREATE_TRIES_MAX) throw error;
      await Bun.sleep(100);
    } finally {
      await maintenance.end();
    }
  }
}

const CLIENT = { max: 1, connect_timeout: 10, fetch_types: false, onnotice: () => {} };

async function canConnect(url: string, place: Place): Promise<boolean> {
  const sql = postgres(url, CLIENT);
  try {
    await sql`SELECT 1`;
    return true;
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "3D000") return false;
    if (code !== "28P01") throw error;
    throw new StartError(
      `The embedded PostgreSQL refuses the password in ${place.password}. Bring back the file that belongs to the data in ${place.data}, or set DATA_DIR to another folder. Nothing was changed.`,
    );
  } finally {
    await sql.end();
  }
}

/** Brings PostgreSQL back when it dies. Returns what ends the watch. */
function watch(place: Place, durable: boolean, log: EmbeddedOptions["log"]): () => void {
  let known = findPostmaster(place.data)?.pid;
  let busy = false;
  let stopped = false;
  const timer = setInterval(async () => {
    if (busy || (known && isAlive(known))) return;
    busy = true;
    try {
      await withLock(place.lock, async () => {
        if (!stopped) known = (await ensureRunning(place, durable)).pid;
      });
      if (!stopped) log?.info("PostgreSQL had died and runs again");
    } catch (error) {
      log?.error({ err: error }, "PostgreSQL has died and can't be started");
      await Bun.sleep(1_000);
    } finally {
      busy = false;
    }
  }, WATCH_MS);
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}

async function leave(place: Place, lease: string): Promise<void> {
  rmSync(lease, { force: true });
  await stopUnused(place);
}

async function stopUnused(place: Place): Promise<void> {
  const postmaster = findUnused(place);
  if (postmaster) await stopPostmaster(postmaster);
}

function leaveSync(place: Place, lease: string): void {
  rmSync(lease, { force: true });
  const postmaster = findUnused(place);
  if (postmaster) stopPostmasterSync(postmaster);
}

/** The postmaster where nobody has a lease any more. */
function findUnused(place: Place): Postmaster | undefined {
  return listLeasedPorts(place.leases).length === 0 ? findPostmaster(place.data) : undefined;
}

/** Below the ports that systems give to outgoing connections: one of those could sit on ours while PostgreSQL restarts. */
function choosePort(): number {
  return 20_000 + Math.floor(Math.random() * 12_000);
}
