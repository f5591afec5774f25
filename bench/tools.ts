// The two programs that make the load: pgbench for the reference and wrk for the server.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../src/start-error.ts";

export type Tools = { pgbench: string; wrk: string };

/** Debian's versions of PostgreSQL; its /usr/bin/pgbench is a script that looks for them. */
const DEBIAN_POSTGRES = "/usr/lib/postgresql";

/** Finds both programs in a PATH. Throws StartError that names what is missing and where it comes from. */
export function findTools(path = process.env.PATH ?? ""): Tools {
  const pgbench = Bun.which("pgbench", { PATH: [...debianFolders(), path].join(":") });
  const wrk = Bun.which("wrk", { PATH: path });
  if (pgbench && wrk) return { pgbench, wrk };
  const missing = [
    ...(pgbench ? [] : ["pgbench (Debian: postgresql or postgresql-contrib)"]),
    ...(wrk ? [] : ["wrk (Debian: wrk)"]),
  ];
  throw new StartError(
    `The benchmark needs ${missing.join(" and ")}: not found. Install what is missing, and try again.`,
  );
}

/** Newest first. */
function debianFolders(): string[] {
  try {
    const versions = readdirSync(DEBIAN_POSTGRES).sort((a, b) => Number(b) - Number(a));
    return versions.map(version => join(DEBIAN_POSTGRES, version, "bin"));
  } catch {
    return [];
  }
}
