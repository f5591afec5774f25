// A whole crash test: the rounds, each judged when it is over, then a sample of everything asked for once more, and a
// judgement over all of it.

import { join } from "node:path";
import type { Sql } from "../../src/db.ts";
import { Random } from "../../src/demo/random.ts";
import type { Leg } from "./asked.ts";
import { Client } from "./client.ts";
import { Journal, readJournals, type Sent } from "./journal.ts";
import { type Judgement, judge, type Opening, openJudgement } from "./judge/judge.ts";
import { planOf, runRound } from "./round.ts";
import type { Stage } from "./stage.ts";

export type RunOptions = Readonly<{
  rounds: number;
  seed: number;
  clients: number;
  /** Told about each round when it was judged. */
  onRound(no: number, judgement: Judgement): void;
}>;

/** What is left to be judged as a whole. */
export type Recording = Readonly<{ opening: Opening; folders: readonly string[] }>;

const STREAM_SAMPLE = 99;
/** Requests for each round that are asked for again after the last one. */
const SAMPLE_A_ROUND = 5;
/** Movements between two accounts that operators may undo in the next round. */
const MOVEMENTS_MAX = 30;

/** Runs the rounds, up to the first that the judge does not pass. */
export async function runRounds(stage: Stage, options: RunOptions): Promise<Recording> {
  const { rounds, seed, clients, onRound } = options;
  const opening = await openJudgement(stage.sql);
  const folders: string[] = [];
  for (let no = 1; no <= rounds; no++) {
    const roundOpening = await openJudgement(stage.sql);
    await runRound(stage, { no, seed, clients, plan: planOf(no) });
    const folder = stage.journalsOf(no);
    folders.push(folder);
    const judgement = await judge(stage.sql, stage.url, roundOpening, [folder]);
    onRound(no, judgement);
    if (judgement.findings.length > 0) break;
    for (const movement of await findMovements(stage.sql, roundOpening.since)) stage.world.noteMovement(movement);
  }
  folders.push(await repeatSample(stage, folders, seed));
  return { opening, folders };
}

/** Asks for a sample of what was done once more, and leaves the journal of it. */
async function repeatSample(stage: Stage, folders: readonly string[], seed: number): Promise<string> {
  const random = new Random(seed, STREAM_SAMPLE);
  const done = folders.flatMap(doneIn);
  const sample = Array.from({ length: Math.min(SAMPLE_A_ROUND * folders.length, done.length) }, () =>
    random.pick(done),
  );
  const folder = stage.journalsOf("final");
  const journal = await Journal.open(folder, "client");
  const { starter, world } = stage;
  for (const asked of new Map(sample.map(asked => [asked.key, asked])).values()) {
    const actor = [...stage.writers, stage.operator].find(({ id }) => id === asked.user) ?? stage.operator;
    const common = { baseUrl: starter.baseUrl, random, world, journal };
    await new Client({ ...common, actor, isOperator: false, name: "final" }).repeat(asked);
  }
  await journal.close();
  return folder;
}

function doneIn(folder: string) {
  const { lines } = readJournals(folder);
  const done = new Set(lines.flatMap(line => (line.type === "came" && line.status < 300 ? [line.key] : [])));
  const sent = lines.filter((line): line is Sent => line.type === "sent" && line.attempt === 1);
  return sent.map(({ asked }) => asked).filter(({ key }) => done.has(key));
}

async function findMovements(sql: Sql, since: string): Promise<{ entryId: string; legs: Leg[] }[]> {
  const rows = await sql<{ id: string; users: string[]; amounts: string[] }[]>`
    SELECT min(id)::text AS id, array_agg(user_id::text ORDER BY leg) AS users, array_agg(amount::text ORDER BY leg) AS amounts
    FROM extropy_ledger WHERE created_at > ${since}::text::timestamptz
    GROUP BY transaction_id HAVING count(*) = 2 AND min(transaction_type) <> 'reversal'
    ORDER BY transaction_id LIMIT ${MOVEMENTS_MAX}`;
  return rows.map(({ id, users, amounts }) => ({
    entryId: id,
    legs: users.map((user, index) => ({ user, amount: amounts[index] ?? "" })),
  }));
}

/** Judges a recording as a whole. `journals` is where they are by now, where that is another folder. */
export function judgeRecording(sql: Sql, url: string, { opening, folders }: Recording, journals?: string) {
  const moved = journals ? folders.map(folder => join(journals, folder.split("/").at(-1) ?? "")) : folders;
  return judge(sql, url, opening, moved);
}
