// Who is using the embedded PostgreSQL: one small file for each user, named after its process, with the
// port that it relies on inside. The last one out stops PostgreSQL; a process that died does not count.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProcess } from "../processes.ts";

let taken = 0;

/** Registers this process as a user of the port and returns the file that stands for it. Call inside the lock. */
export function takeLease(folder: string, port: number): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${process.pid}-${findProcess(process.pid)?.started}-${taken++}`);
  writeFileSync(file, String(port));
  return file;
}

/** The ports that living processes rely on (one entry for each lease); leases of dead ones are removed. Call inside the lock. */
export function listLeasedPorts(folder: string): number[] {
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder).flatMap(name => {
    const file = join(folder, name);
    const [pid, started] = name.split("-");
    if (findProcess(Number(pid))?.started === started) return [Number(readFileSync(file, "utf8"))];
    rmSync(file, { force: true });
    return [];
  });
}
