// PostgreSQL refuses to run as root. Where this process is root, PostgreSQL gets a system user of its
// own; an ordinary user runs it as itself.

import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { StartError } from "../start-error.ts";

/** The system user that PostgreSQL runs as, in the form that `spawn` takes. */
export type Account = { uid: number; gid: number };

/** Users that a system may have for PostgreSQL already (the second one is macOS's), and the one that is made otherwise. */
const OWN_NAME = "extrophi";
const NAMES = ["postgres", "_postgres", OWN_NAME];

/** util-linux, Debian's adduser and BusyBox's: whichever the system has. */
const WAYS_TO_CREATE = [
  ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", OWN_NAME],
  ["adduser", "--system", "--group", "--no-create-home", OWN_NAME],
  ["adduser", "-S", "-D", "-H", OWN_NAME],
];

/** The account for PostgreSQL with its data in `data`, or undefined where it runs as the present user. Throws StartError. */
export function findAccount(data: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(data, { throwIfNoEntry: false });
  // The owner of existing data stays, even where a user named `postgres` has appeared since.
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return NAMES.map(lookUp).find(Boolean) ?? create();
}

/** Whether the account can enter a folder: the system itself is asked, because ACLs and mounts have a say too. */
export function canEnter(account: Account, folder: string): boolean {
  return (
    spawnSync("/bin/sh", ["-c", 'cd -- "$1"', "sh", folder], { ...account, cwd: "/", stdio: "ignore" }).status === 0
  );
}

function lookUp(name: string): Account | undefined {
  const [uid, gid] = ["-u", "-g"].map(flag => spawnSync("id", [flag, name], { encoding: "utf8" }));
  return uid?.status === 0 && gid?.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined;
}

function create(): Account {
  for (const [command = "", ...args] of WAYS_TO_CREATE) {
    if (spawnSync(command, args, { stdio: "ignore" }).status !== 0) continue;
    const account = lookUp(OWN_NAME);
    if (account) return account;
  }
  throw new StartError(
    "PostgreSQL refuses to run as root, and this system let no user be made for it: there is none named `postgres`, and neither useradd nor adduser worked. Start as an ordinary user, make a user named `postgres`, or set DATABASE_URL to a PostgreSQL that runs already.",
  );
}
