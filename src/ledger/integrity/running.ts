// How far checks are that run right now, in whichever process: each says so in the name of its connection, which
// everybody sees at once and which is gone with the connection. A row would be seen when the check commits, and stay
// where its process was killed.

import type { Sql, Tx } from "../../db.ts";
import type { Progress } from "./run.ts";

export type RunningCheck = Readonly<{
  what: "new" | "all";
  started_at: string;
  /** The share of the work, from 0 to 1. */
  done: number;
}>;

const PREFIX = "extrophi check";
const NAME = /^extrophi check (new|all) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (\d{1,3})%$/;
const ANNOUNCED_EVERY_MS = 500;
const LISTED_MAX = 10;

/** Returns what tells everybody of the progress of a check in this transaction, until its end. */
export function announceCheck(tx: Tx, what: RunningCheck["what"], startedAt: string): (progress: Progress) => void {
  const second = startedAt.replace(/\.\d+Z$/, "Z");
  let announcedMs = Number.NEGATIVE_INFINITY;
  const announce = ({ done }: Progress) => {
    const nowMs = performance.now();
    if (nowMs - announcedMs < ANNOUNCED_EVERY_MS) return;
    announcedMs = nowMs;
    const name = `${PREFIX} ${what} ${second} ${Math.floor(done * 100)}%`;
    // Where it fails so does the next statement of the transaction, and that is waited for.
    tx`SELECT set_config('application_name', ${name}, true)`.execute().catch(() => {});
  };
  announce({ done: 0, entries: 0 });
  return announce;
}

/** The checks that run on this database, the oldest first. */
export async function listRunningChecks(sql: Sql): Promise<RunningCheck[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT application_name AS name FROM pg_stat_activity
    WHERE datname = current_database() AND starts_with(application_name, ${PREFIX}) LIMIT ${LISTED_MAX}`;
  return rows
    .flatMap(({ name }): RunningCheck[] => {
      const [, what, started_at, percent] = NAME.exec(name) ?? [];
      return started_at ? [{ what: what === "all" ? "all" : "new", started_at, done: Number(percent) / 100 }] : [];
    })
    .sort((a, b) => (a.started_at < b.started_at ? -1 : 1));
}
