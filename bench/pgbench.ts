// Runs pgbench: the reference's transactions, or a SELECT on the server's own tables.

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Stage } from "./stage.ts";
import { median } from "./turns.ts";

export type PgbenchRun = {
  /** Path of the script, in bench/. */
  script: string;
  url: string;
  clients: number;
};

/** Transactions a second. Throws where one failed. */
export async function measureRate(stage: Stage, run: PgbenchRun): Promise<number> {
  const output = await runPgbench(stage, run, []);
  const rate = Number(/^tps = ([\d.]+)/m.exec(output)?.[1]);
  const failed = /number of failed transactions: (\d+)/.exec(output)?.[1] ?? "0";
  if (!rate || failed !== "0") throw new Error(`pgbench did not get through:\n${output}`);
  return rate;
}

/** The median of the transactions' latencies, in milliseconds. */
export async function measureLatencyMs(stage: Stage, run: PgbenchRun): Promise<number> {
  const prefix = "pgbench-log";
  const isLog = (name: string) => name.startsWith(prefix);
  await runPgbench(stage, run, ["--log", `--log-prefix=${join(stage.folder, prefix)}`]);
  const logs = readdirSync(stage.folder)
    .filter(isLog)
    .map(name => join(stage.folder, name));
  // The third word of a line is the latency in microseconds.
  const latencies = logs.flatMap(log =>
    readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map(line => Number(line.split(" ")[2]) / 1000),
  );
  for (const log of logs) rmSync(log);
  return median(latencies);
}

async function runPgbench(stage: Stage, { script, url, clients }: PgbenchRun, more: string[]): Promise<string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const child = Bun.spawn(
    [
      stage.tools.pgbench,
      ...["-n", "-M", "prepared", "-j", String(Math.min(2, clients)), "-c", String(clients)],
      ...["-T", String(stage.turnSeconds), "-f", script, ...more],
    ],
    {
      // Not as arguments: the list of processes shows those.
      env: {
        PATH: process.env.PATH,
        PGHOST: hostname,
        PGPORT: port,
        PGUSER: username,
        PGPASSWORD: password,
        PGDATABASE: pathname.slice(1),
      },
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [output, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exitCode !== 0) throw new Error(`pgbench ended with ${exitCode}:\n${errors}`);
  return output;
}
