// The judge: from the journals of rounds and the database, whether every answered request is there exactly once, every
// retry got the first answer, and the books are right. It believes neither clients nor server, but sees what that says of
// everybody's totals.

import type { Sql } from "../../../src/db.ts";
import type { Actor } from "../asked.ts";
import { readJournals } from "../journal.ts";
import { readMoment, readTables } from "./actual.ts";
import { judgeBooks, judgeSchema, readTotal } from "./books.ts";
import type { Finding } from "./finding.ts";
import { judgeHistory, readHistories } from "./history.ts";
import { countKills, type KillCounts } from "./kills.ts";
import { promisedBy } from "./promised.ts";
import { compareTables } from "./rows.ts";
import { judgeStats } from "./stats.ts";

/** What is judged: the database, and a server that says what each account's entries add up to. */
export type Subject = Readonly<{
  sql: Sql;
  url: string;
  /** Everybody who has entries. */
  accounts: readonly Actor[];
  /** `GET /api/stats` with a key. */
  askForStats: (key: string) => Promise<Response>;
}>;

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
export async function judge(subject: Subject, opening: Opening, folders: readonly string[]): Promise<Judgement> {
  const { sql, url } = subject;
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
  findings.push(...(await judgeStats(subject)));
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
