// Where the embedded PostgreSQL lives: normally in DATA_DIR. Where DATA_DIR lies behind a folder that
// PostgreSQL's own user can't enter (root's home, say), it lives under /var/lib and DATA_DIR holds a link.

import { accessSync, constants, existsSync, lstatSync, mkdirSync, readlinkSync, statSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { reasonOf, StartError } from "../start-error.ts";
import { type Account, canEnter, findAccount } from "./account.ts";

/** Where root keeps what PostgreSQL's user must reach and can't reach in the user's own folders. */
export const SYSTEM_FOLDER = "/var/lib/extrophi";

/** Paths of one embedded PostgreSQL, all absolute, and the user that it runs as (undefined: the present one). */
export type Place = {
  home: string;
  data: string;
  password: string;
  log: string;
  lock: string;
  leases: string;
  /** DATA_DIR/postgres where that is only a link to `data`. */
  link: string | undefined;
  account: Account | undefined;
};

/** Finds the place for a DATA_DIR and creates its folders, but no data. Throws StartError. */
export function findPlace(dataDir: string): Place {
  const dir = resolve(dataDir);
  createWritable(dir);
  const data = join(dir, "postgres");
  const linked = findLink(data);
  if (linked && !existsSync(linked)) {
    throw new StartError(
      `${data} is a link to ${linked}, where PostgreSQL kept its data, and there is nothing. Bring the data back from a backup, or remove the link to start with an empty database. Nothing was changed.`,
    );
  }
  const account = findAccount(linked ?? data);
  if (linked) return placeIn(dirname(linked), account, data);
  if (!account || canEnter(account, dir)) return placeIn(dir, account, undefined);
  if (lstatSync(data, { throwIfNoEntry: false })) {
    throw new StartError(
      `PostgreSQL can't reach its data in ${data}: it runs as the owner of that folder (user id ${account.uid}), and a folder above may be entered by others only. Open the way for that user, or set DATA_DIR to another folder. Nothing was changed.`,
    );
  }
  const home = join(SYSTEM_FOLDER, Bun.hash(dir).toString(36));
  createWritable(home);
  return placeIn(home, account, data);
}

/** Makes the link that tells people where the data are. Call once the data exist. */
export function createLink(place: Place): void {
  if (place.link && !findLink(place.link)) symlinkSync(place.data, place.link);
}

function placeIn(home: string, account: Account | undefined, link: string | undefined): Place {
  const file = (suffix: string) => join(home, `postgres${suffix}`);
  return {
    home,
    data: file(""),
    password: file(".password"),
    log: file(".log"),
    lock: file(".lock"),
    leases: file(".leases"),
    link,
    account,
  };
}

/** The target of a link into SYSTEM_FOLDER; links that a person made to elsewhere are folders like any other. */
function findLink(path: string): string | undefined {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined;
  const target = resolve(dirname(path), readlinkSync(path));
  return target.startsWith(`${SYSTEM_FOLDER}/`) ? target : undefined;
}

function createWritable(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const file = findFile(folder);
    if (file) {
      throw new StartError(
        `The data can't be kept in ${folder}, since ${file} is a file. Set DATA_DIR to a folder, or to a name that nothing has yet. Nothing was changed.`,
      );
    }
    throw new StartError(
      `The folder for the data, ${folder}, can't be written (${reasonOf(error)}). Make it writable for the user who starts the server, or set DATA_DIR to a folder that is. Nothing was changed.`,
    );
  }
}

/** What stands at an absolute path, or on the way to it, and is no folder. */
function findFile(path: string): string | undefined {
  if (existsSync(path)) return statSync(path).isDirectory() ? undefined : path;
  return path === dirname(path) ? undefined : findFile(dirname(path));
}
