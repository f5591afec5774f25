// A whole crash test: the rounds, each judged when it is over, then a sample of everything asked for once more, and a
// judgement over all of it.

import { join } from "node:path";
import { Random } from "../../src/demo/random.ts";
import { Client } from "./client.ts";
import { Journal, readJournals, type Sent } from "./journal.ts";
import { type Judgement, judge, type Opening, openJudgement, type Subject } from "./judge/judge.ts";
import { planOf, runRound } from "./round.ts";
import type { Stage } from "./stage.ts";

export type RunOptions = Readonly<{
  /** The numbers of the rounds, from which follow what is killed and, with the seed, what is asked for. */
  rounds: readonly number[];
  seed: number;
  clients: number;
  /** Told about each round when it was judged. */
  onRound(no: number, judgement: Judgement): void;
}>;

/** What is left to be judged as a whole. */
export type Recording = Readonly<{
  opening: Opening;
  folders: readonly string[];
  /** The round that the judge did not pass. */
  failed: number | undefined;
}>;

const STREAM_SAMPLE = 99;
/** Requests for each round that are asked for again after the last one. */
const SAMPLE_A_ROUND = 5;
/** Runs the rounds, up to the first that the judge does not pass. */
export async function runRounds(stage: Stage, options: RunOptions): Promise<Recording> {
  const { rounds, seed, clients, onRound } = options;
  const opening = await openJudgement(stage.sql);
  const folders: string[] = [];
  const subject = subjectOf(stage);
  let failed: number | undefined;
  for (const no of rounds) {
    const roundOpening = await openJudgement(stage.sql);
    await runRound(stage, { no, seed, clients, plan: planOf(no) });
    const folder = stage.journalsOf(no);
    folders.push(folder);
    const judgement = await judge(subject, roundOpening, [folder]);
    onRound(no, judgement);
    if (judgement.findings.length > 0) {
      failed = no;
      break;
    }
  }
  folders.push(await repeatSample(stage, folders, seed));
  return { opening, folders, failed };
}

/** What the judge looks at, as the server that runs has it. */
export function subjectOf({ sql, url, starter, writers, operator }: Stage): Subject {
  const askForStats = (key: string) =>
    fetch(`${starter.baseUrl}/api/stats`, { headers: { authorization: `Bearer ${key}` } });
  return { sql, url, accounts: [...writers, operator], askForStats };
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
  const { baseUrl } = stage.starter;
  const diceOf = () => ({ asking: random, sending: random });
  for (const asked of new Map(sample.map(asked => [asked.key, asked])).values()) {
    const actor = stage.writers.find(({ id }) => id === asked.user) ?? stage.operator;
    await new Client({ baseUrl, actor, journal, diceOf }).repeat(asked);
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

/** Judges a recording as a whole. `journals` is where they are by now, where that is another folder. */
export function judgeRecording(subject: Subject, { opening, folders }: Recording, journals?: string) {
  const moved = journals ? folders.map(folder => join(journals, folder.split("/").at(-1) ?? "")) : folders;
  return judge(subject, opening, moved);
}
