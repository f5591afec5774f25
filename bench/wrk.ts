// Runs wrk with load.lua against the server, and refuses figures that rest on anything but 2xx answers.

import { join } from "node:path";
import { z } from "zod";
import type { Sql } from "../src/db.ts";
import type { Stage, Target } from "./stage.ts";

/** A measurement that does not count, with the reason. */
export class VoidRow extends Error {}

/** The server does not have what a row measures. */
export class NotAvailable extends Error {}

/** What load.lua can send. */
export type Mode = "publish" | "publish100" | "cite" | "hot" | "balance";

/** Ledger entries that an answered request has written. */
const ENTRIES_A_REQUEST: Readonly<Record<Mode, number>> = { publish: 1, publish100: 100, cite: 2, hot: 2, balance: 0 };

export type WrkRun = { target: Target; mode: Mode; connections: number };

const TIMEOUT_S = 20;
const SCRIPT = join(import.meta.dir, "load.lua");

const result = z.object({
  answers: z.number(),
  seconds: z.number(),
  p50_ms: z.number(),
  p99_ms: z.number(),
  refused: z.number(),
  broken: z.number(),
  free_no: z.number(),
});
export type WrkResult = z.output<typeof result>;

/**
 * Loads the server for one turn. Throws VoidRow where an answer was an error or did not come, or where the database
 * does not hold what was answered.
 */
export async function runWrk(stage: Stage, { target, mode, connections }: WrkRun): Promise<WrkResult> {
  const { server, sql } = target;
  const entriesBefore = await countEntries(sql);
  const threads = String(Math.min(2, connections));
  const child = Bun.spawn(
    [
      stage.tools.wrk,
      ...["-t", threads, "-c", String(connections), "-d", `${stage.turnSeconds}s`],
      ...["--timeout", `${TIMEOUT_S}s`, "-s", SCRIPT, server.baseUrl],
      ...["--", mode, stage.authorsFile, String(stage.nextNo), threads],
    ],
    { env: { PATH: process.env.PATH }, stdout: "pipe", stderr: "inherit" },
  );
  const [output, exitCode] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (exitCode !== 0 || line === undefined) throw new Error(`wrk ended with ${exitCode}:\n${output}`);
  const figures = result.parse(JSON.parse(line));
  stage.nextNo = figures.free_no;
  if (figures.refused > 0 || figures.broken > 0) {
    throw new VoidRow(
      `of ${figures.answers} answers ${figures.refused} were errors, and ${figures.broken} did not come. ${server.lastWords()}`,
    );
  }
  const written = (await countEntries(sql)) - entriesBefore;
  if (written < figures.answers * ENTRIES_A_REQUEST[mode]) {
    throw new VoidRow(`${figures.answers} requests were answered, but only ${written} ledger entries were written.`);
  }
  return figures;
}

async function countEntries(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: string }[]>`SELECT sum(entry_count) AS count FROM users`;
  return Number(row?.count);
}

/** Answers a second. */
export async function measureAnswers(stage: Stage, run: WrkRun): Promise<number> {
  const { answers, seconds } = await runWrk(stage, run);
  return answers / seconds;
}

/** Throws NotAvailable where the server has no such operation. */
export async function requireOperation({ server }: Target, method: "GET" | "POST", path: string, key: string) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const { status } = await fetch(server.baseUrl + path, { method, headers, body: method === "POST" ? "{}" : null });
  if (status === 404) throw new NotAvailable(`the server answers 404 to ${method} ${path}`);
}
