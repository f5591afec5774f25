// The judge: from the journals of rounds and the database, whether every answered request is there exactly once, every
// retry got the first answer, and the books are right. It believes neither clients nor server.

import type { Sql } from "../../../src/db.ts";
import { readJournals } from "../journal.ts";
import { readMoment, readTables } from "./actual.ts";
import { judgeBooks, judgeSchema, readTotal } from "./books.ts";
import type { Finding } from "./finding.ts";
import { judgeHistory, readHistories } from "./history.ts";
import { countKills, type KillCounts } from "./kills.ts";
import { promisedBy } from "./promised.ts";
import { compareTables } from "./rows.ts";

/** Where a judgement begins: a moment with nothing under way, and what all balances added up to then. */
export type Opening = Readonly<{ since: string; total: string }>;

export type Judgement = Readonly<{
  findings: Finding[];
  /** Requests, each of them sent once or more often. */
  requests: number;
  sendings: number;
  /** Requests that were done, as their answers say. */
  answered: number;
  refused: number;
  /** Answers that were replays of the first one. */
  replays: number;
  kills: KillCounts;
}>;

export async function openJudgement(sql: Sql): Promise<Opening> {
  return { since: await readMoment(sql), total: (await readTotal(sql)).balances };
}

/** `folders` hold the journals of all that happened since the opening. Nothing may be under way. */
export async function judge(sql: Sql, url: string, opening: Opening, folders: readonly string[]): Promise<Judgement> {
  const recorded = folders.map(readJournals);
  const findings: Finding[] = recorded.flatMap(({ faults }) =>
    faults.map(detail => ({ kind: "journal" as const, detail })),
  );
  const lines = recorded.flatMap(({ lines }) => lines);
  const histories = [...readHistories(lines, findings).values()];
  findings.push(...histories.flatMap(judgeHistory));
  const promised = promisedBy(histories, findings);
  findings.push(...compareTables(promised, await readTables(sql, opening.since)));
  findings.push(...(await judgeBooks(sql, opening.total, promised)));
  findings.push(...(await judgeSchema(url)));
  const kills = countKills(lines, histories, findings);
  return {
    findings,
    requests: histories.length,
    sendings: histories.reduce((sum, { sent }) => sum + sent.length, 0),
    answered: histories.filter(({ success }) => success).length,
    refused: histories.filter(({ success, to }) => !success && to !== undefined).length,
    replays: histories.reduce((sum, { answers }) => sum + answers.filter(({ isReplayed }) => isReplayed).length, 0),
    kills,
  };
}
