// The files of the embedded PostgreSQL: made by initdb on the first start, checked on every later one.

import { spawn } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { StartError } from "../start-error.ts";
import type { Binaries } from "./binaries.ts";
import { createLink, type Place } from "./place.ts";
import { CLEAN, lastWords } from "./postmaster.ts";

/** The superuser and the database, both. */
export const NAME = "extrophi";

/** Written to postgresql.conf once, so that an operator can change them there or with ALTER SYSTEM. */
const SETTINGS = {
  shared_buffers: "256MB",
  max_connections: "100",
  max_wal_size: "2GB",
  checkpoint_timeout: "15min",
  random_page_cost: "1.1",
  jit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  // Neither failing rows nor statements in the log: they hold e-mail addresses, hashes and unpublished text.
  log_error_verbosity: "terse",
  log_min_error_statement: "panic",
};

/** For tests, whose data may be lost in a power cut, and whose many servers share one PostgreSQL. */
const FAST_SETTINGS = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "400" };

/** Makes the data directory where there is none, and checks the one that is there. Call inside the lock. Throws StartError. */
export async function prepareCluster(place: Place, binaries: Binaries, durable: boolean): Promise<void> {
  if (isAbsent(place.data)) await createCluster(place, binaries, durable);
  else checkCluster(place, binaries);
  createLink(place);
}

/** The superuser's password. Throws StartError where the file is gone. */
export function readPassword(place: Place): string {
  try {
    return readFileSync(place.password, "utf8").trim();
  } catch {
    throw new StartError(
      `The password of the embedded PostgreSQL can't be read from ${place.password}. Bring the file back from a backup, or set DATA_DIR to another folder to start with an empty database. Nothing was changed.`,
    );
  }
}

function isAbsent(data: string): boolean {
  return !existsSync(data) || readdirSync(data).length === 0;
}

function checkCluster({ data }: Place, { major }: Binaries): void {
  const versionFile = join(data, "PG_VERSION");
  if (!existsSync(versionFile)) {
    throw new StartError(
      `The folder ${data} is there, but it is no PostgreSQL data directory (it has no PG_VERSION). Move it away, or set DATA_DIR to another folder. Nothing was changed.`,
    );
  }
  const found = readFileSync(versionFile, "utf8").trim();
  if (found === major) return;
  throw new StartError(
    `The data in ${data} were written by PostgreSQL ${found}; this server brings PostgreSQL ${major}, which can't read them. Dump them with the programs of PostgreSQL ${found} (pg_dump) and restore the dump into a new database, let a PostgreSQL ${found} serve them and set DATABASE_URL, or set DATA_DIR to another folder to start with an empty database. Nothing was changed.`,
  );
}

/** Made under another name and renamed when complete: a start that is killed halfway leaves nothing that looks like data. */
async function createCluster(place: Place, binaries: Binaries, durable: boolean): Promise<void> {
  const prefix = `${place.data}.new-`;
  removeAll(prefix);
  const unfinished = mkdtempSync(prefix);
  const passwordFile = `${unfinished}.password`;
  const password = crypto.getRandomValues(new Uint8Array(24)).toHex();
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (place.account) {
    for (const path of [unfinished, passwordFile]) chownSync(path, place.account.uid, place.account.gid);
  }
  try {
    await runInitdb(place, binaries.initdb, unfinished, passwordFile, durable);
    rmSync(place.password, { force: true });
    writeFileSync(place.password, `${password}\n`, { mode: 0o600 });
    renameSync(unfinished, place.data);
  } finally {
    removeAll(prefix);
  }
}

/** What an initdb left that was killed. One may still be writing there, so this can fail and is done again next time. */
function removeAll(prefix: string): void {
  for (const name of readdirSync(dirname(prefix))) {
    if (!name.startsWith(basename(prefix))) continue;
    try {
      rmSync(join(dirname(prefix), name), { recursive: true, force: true });
    } catch {}
  }
}

async function runInitdb(place: Place, program: string, data: string, passwordFile: string, durable: boolean) {
  const settings = Object.entries({ ...SETTINGS, ...(durable ? {} : FAST_SETTINGS) });
  const child = spawn(
    program,
    [
      `--pgdata=${data}`,
      `--username=${NAME}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      // PostgreSQL's own C.UTF-8: the same order and case rules on every system, also where libc has no such locale.
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--no-instructions",
      ...(durable ? [] : ["--no-sync"]),
      ...settings.flatMap(([name, value]) => ["--set", `${name}=${value}`]),
    ],
    { ...place.account, ...CLEAN, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", chunk => (output += chunk));
  const failure = await new Promise<string | undefined>(resolve => {
    child.once("error", error => resolve(error.message));
    child.once("close", code => resolve(code === 0 ? undefined : `exit code ${code}`));
  });
  if (failure === undefined) return;
  throw new StartError(
    `PostgreSQL's data directory could not be made in ${place.home} (initdb: ${failure}). ${lastWords(output)}If its programs don't run on this system, set DATABASE_URL to a PostgreSQL that runs already.`,
  );
}
