// The process of the server: configuration, database, migrations, listening, signals. Whatever was
// opened is closed in the opposite order, also where the start fails halfway.

import { lookup } from "node:dns/promises";
import { createApp } from "./app.ts";
import { formatBanner } from "./banner.ts";
import { isForPeople, messageOf } from "./command.ts";
import { type Config, readConfig } from "./config.ts";
import { openDatabase } from "./database.ts";
import { createPool } from "./db.ts";
import { watchLauncher } from "./launcher.ts";
import { createLogger } from "./log.ts";
import { actsAsOwner } from "./migrate/server-role.ts";
import { applyMigrations } from "./migrate.ts";
import { takeNoArguments } from "./no-arguments.ts";
import { onStopSignal } from "./signals.ts";
import { StartError } from "./start-error.ts";
import { openTracing } from "./tracing/open.ts";
import { ensureAdmin } from "./users/ensure-admin.ts";

/** Parts of the ten seconds that a stop may take: for requests that were accepted, for the pool, and for all. */
const HTTP_STOP_MS = 5_000;
const POOL_STOP_S = 1;
const STOP_MS = 9_500;
const FAIL_MS = 1_000;

/** One Ctrl-C arrives twice: from the terminal, and passed on by `bun run`. */
const SAME_SIGNAL_MS = 500;

takeNoArguments(`Usage: bun run start

Starts the database where DATABASE_URL is unset, applies the migrations, makes the first admin, and serves until Ctrl-C.
Everything is set by environment variables, such as PORT=3001; README.md lists them.`);

const opened = new AsyncDisposableStack();
let stoppingSince: number | undefined;
const started = start().catch(fail);

onStopSignal(stop);
watchLauncher(stop);

async function start(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger(config.logLevel);

  const database = await openDatabase(config, { supervise: true, log });
  opened.defer(() => database.close());
  const { applied, version } = await applyMigrations(database.ownerUrl, { serverUrl: database.url });
  if (applied.length > 0) log.info({ applied, version }, "migrations applied");

  const sql = createPool(database.url);
  opened.defer(() => sql.end({ timeout: POOL_STOP_S }));
  const tracing = await openTracing(config, { sql, log });
  opened.defer(() => tracing?.close());
  // Listens before there is an admin: where the port is taken, no key has been made that nobody gets to see.
  const stopping = new AbortController();
  const port = await listen(config, createApp({ config, sql, log, tracing, stopping: stopping.signal }), stopping);
  const admin = await ensureAdmin({ sql, config, log });
  const isOwner = await actsAsOwner(sql);
  if (isOwner) log.warn("the role of DATABASE_URL owns the tables; see docs/operations.md, A role for the server");
  process.stdout.write(formatBanner({ config, port, dataDir: database.dataDir, isOwner, admin }));
}

/** Returns the port, which the system chooses where the configured one is 0. Throws StartError. */
async function listen(
  { host, port }: Config,
  app: ReturnType<typeof createApp>,
  stopping: AbortController,
): Promise<number> {
  try {
    // With reusePort, Elysia's default, a second server would silently share the port.
    app.listen({ hostname: host, port, reusePort: false, development: false });
  } catch (error) {
    throw new StartError(await explainListen(error as NodeJS.ErrnoException, host, port));
  }
  opened.defer(async () => {
    stopping.abort();
    await Promise.race([app.stop(), Bun.sleep(HTTP_STOP_MS)]);
    // What goes on regardless is cut.
    await app.server?.stop(true);
  });
  return app.server?.port ?? port;
}

async function explainListen({ code, message }: NodeJS.ErrnoException, host: string, port: number): Promise<string> {
  // For a name that nobody has, the code is whatever the process met last.
  if (!(await isKnown(host))) {
    return `No machine has the name ${host}. Set HOST to an address of this machine: 127.0.0.1 for itself alone, 0.0.0.0 for all that it has.`;
  }
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} on ${host} is taken by another program, perhaps by a server that runs already. Stop that one, or choose another port: PORT=${port + 1} bun run start`;
    case "EACCES":
      return `Port ${port} may not be used by this user. Choose one above 1023: PORT=3000 bun run start`;
    case "EADDRNOTAVAIL":
      return `This machine has no address ${host} to listen on. Set HOST to one that it has, or to 0.0.0.0 for all.`;
    default:
      return `The server can't listen on ${host}, port ${port}: ${message}`;
  }
}

/** Whether a host leads to an address; an IPv6 one may stand in brackets. */
function isKnown(host: string): Promise<boolean> {
  return lookup(host.replace(/^\[(.*)\]$/, "$1")).then(
    () => true,
    () => false,
  );
}

/** Stops in order and ends the process; asked for a second time, it ends at once. */
async function stop(): Promise<void> {
  if (stoppingSince !== undefined) {
    if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(1);
    return;
  }
  stoppingSince = performance.now();
  setTimeout(() => process.exit(1), STOP_MS);
  await started;
  await opened.disposeAsync();
  process.exit(0);
}

async function fail(error: unknown): Promise<void> {
  console.error(isForPeople(error) ? messageOf(error) : error);
  stoppingSince = performance.now();
  await opened.disposeAsync();
  // Ends by itself, so that `bun --watch` goes on waiting for a change; the timer is for what might still be open.
  process.exitCode = 1;
  setTimeout(() => process.exit(), FAIL_MS).unref();
}
