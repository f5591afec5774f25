// Which kills count: something was in flight, and something succeeded afterwards. And what became of what was in flight.

import type { Came, Kill, Line } from "../journal.ts";
import type { Finding } from "./finding.ts";
import type { History } from "./history.ts";

export type KillCounts = {
  server: number;
  postgres: number;
  /** Of those, at a moment of the program's start. */
  inStarts: number;
  /** Requests without a definite answer at kills. */
  inFlight: number;
  /** Of those that were done in the end: how many had been done before the answer got lost. */
  hadBeenDone: number;
};

export function countKills(lines: readonly Line[], histories: readonly History[], findings: Finding[]): KillCounts {
  const counts: KillCounts = { server: 0, postgres: 0, inStarts: 0, inFlight: 0, hadBeenDone: 0 };
  const successes = histories.flatMap(({ success }) => (success ? [success] : []));
  for (const kill of lines.filter((line): line is Kill => line.type === "kill")) {
    const inFlight = histories.filter(({ from, to }) => from < kill.at && (to === undefined || to > kill.at));
    const goesOn = successes.some((success: Came) => success.at > kill.at);
    if (inFlight.length === 0) findings.push({ kind: "kill", detail: `${kill.program}: nothing was in flight` });
    if (!goesOn) findings.push({ kind: "kill", detail: `${kill.program}: nothing succeeded afterwards` });
    if (inFlight.length === 0 || !goesOn) continue;
    if (kill.program === "server") counts.server++;
    else counts.postgres++;
    if (kill.phase === "start") counts.inStarts++;
    counts.inFlight += inFlight.length;
    counts.hadBeenDone += inFlight.filter(({ success }) => success?.isReplayed).length;
  }
  return counts;
}
