// Other processes of this machine: whether one is alive, when it started (a process id alone is reused
// after a while) and who its parent is. Linux is read from /proc, elsewhere `ps` is asked.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

export type ProcessInfo = {
  parent: number;
  name: string;
  /** The same for the whole life of a process, different for the next one with its id, also after a reboot. */
  started: string;
};

/** Whether a process runs. A dead one that its parent has not reaped yet (a zombie) does not. Cheap on every system. */
export function isAlive(pid: number): boolean {
  if (process.platform === "linux") return findProcess(pid) !== undefined;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The process with this id, or undefined where none is running. */
export function findProcess(pid: number): ProcessInfo | undefined {
  return process.platform === "linux" ? fromProc(pid) : fromPs(pid);
}

let bootId: string | undefined;

function fromProc(pid: number): ProcessInfo | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // `pid (name) state ppid …`: the name may hold spaces and parentheses, so the last one counts.
  const nameEnd = stat.lastIndexOf(")");
  const fields = stat.slice(nameEnd + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  bootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
  const ticksSinceBoot = fields[19];
  return {
    parent: Number(fields[1]),
    name: stat.slice(stat.indexOf("(") + 1, nameEnd),
    started: `${bootId}.${ticksSinceBoot}`,
  };
}

const PS_LINE = /^\s*(\d+)\s+(\S+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*\S)/;

function fromPs(pid: number): ProcessInfo | undefined {
  const ps = spawnSync("ps", ["-o", "ppid=,stat=,lstart=,comm=", "-p", String(pid)], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
  });
  const [, parent, state, started, command] = PS_LINE.exec(ps.stdout) ?? [];
  if (!parent || !state || !started || !command || state.startsWith("Z")) return undefined;
  return {
    parent: Number(parent),
    name: command.slice(command.lastIndexOf("/") + 1),
    started: started.replace(/\W+/g, "."),
  };
}
