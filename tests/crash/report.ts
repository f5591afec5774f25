// What a crash test tells a person: a line for each round, and in the end what was tried, what was found, and how to
// have it again.

import type { Arguments } from "./arguments.ts";
import { FINDINGS, type Finding, type FindingKind } from "./judge/finding.ts";
import type { Judgement } from "./judge/judge.ts";
import { planOf } from "./round.ts";

/** Findings of a kind that are named; one fault may show in thousands of rows. */
const NAMED_MAX = 5;

/** What became of the run as a whole. */
export type Run = Arguments & Readonly<{ seconds: number; failed: number | undefined }>;

export function formatRound(no: number, { rounds, round }: Arguments, judgement: Judgement): string {
  const { answered, replays, kills, findings } = judgement;
  const { program, again, together } = planOf(no);
  const killed = `${together ? "server and PostgreSQL" : program}${again ? ", again in its start" : ""}`;
  const verdict = findings.length === 0 ? "all there once" : `${findings.length} findings`;
  const name = round === undefined ? `Round ${no} of ${rounds}` : `Round ${no}`;
  return `${name}: killed ${killed} with ${kills.inFlight} requests in flight; ${answered} answered, ${replays} replays; ${verdict}`;
}

export function formatReport(judgement: Judgement, run: Run): string {
  const { findings, kills } = judgement;
  const { rounds, round, seed, clients, seconds, failed } = run;
  const ran = round === undefined ? `${failed ?? rounds} of ${rounds}` : `number ${round} alone`;
  const count = (kind: FindingKind) => findings.filter(finding => finding.kind === kind).length;
  const others = (Object.keys(FINDINGS) as FindingKind[]).slice(3).filter(kind => count(kind) > 0);
  const rows: [string, string][] = [
    ["Rounds", `${ran}, ${clients} clients, ${Math.round(seconds)} s`],
    ["Requests", `${grouped(judgement.requests)}, sent ${grouped(judgement.sendings)} times`],
    ["Answered", `${grouped(judgement.answered)}, and ${grouped(judgement.refused)} refused for good`],
    ["Kills", `server ${kills.server}, PostgreSQL ${kills.postgres}; ${kills.inStarts} of them during a start`],
    [
      "In flight",
      `${grouped(kills.inFlight)} at kills, of which ${grouped(kills.hadBeenDone)} had been done unanswered`,
    ],
    ["Replays", grouped(judgement.replays)],
    ["Lost", String(count("lost"))],
    ["Doubled", String(count("doubled"))],
    ["Unbalanced", String(count("unbalanced"))],
    ...others.map((kind): [string, string] => [
      kind[0]?.toUpperCase() + kind.slice(1),
      `${count(kind)}: ${FINDINGS[kind]}`,
    ]),
    ["Seed", String(seed)],
  ];
  return [
    ...rows.map(([name, value]) => `${name.padEnd(12)}${value}`),
    "",
    ...formatFindings(findings),
    ...formatAgain(run, findings.length > 0),
  ].join("\n");
}

function formatAgain({ rounds, round, seed, clients, plant, failed }: Run, isRed: boolean): string[] {
  const command = (which: string) =>
    `bun run test:crash ${which} --seed ${seed} --clients ${clients}${plant ? ` --plant ${plant.name}` : ""}`;
  const again = `Again: ${command(round === undefined ? `--rounds ${rounds}` : `--round ${round}`)}`;
  if (!isRed) return [again];
  return [
    again,
    ...(failed === undefined || round !== undefined ? [] : [`Round ${failed} alone: ${command(`--round ${failed}`)}`]),
    "Repeated are what each client asks for, in its order, and after how many answers and which pause the kill comes. Not",
    "repeated is time: which requests meet and which are in flight at the kill. Try it several times, and with --keep, which",
    "leaves the journals; a finding names the request by its Idempotency-Key, which is the same in every try.",
  ];
}

function formatFindings(findings: readonly Finding[]): string[] {
  if (findings.length === 0) return ["Every answered request is there exactly once, and the books balance.", ""];
  const named = (Object.keys(FINDINGS) as FindingKind[]).flatMap(kind => {
    const found = findings.filter(finding => finding.kind === kind);
    const more = found.length - NAMED_MAX;
    const lines = found.slice(0, NAMED_MAX).map(({ detail }) => `✗ ${kind}: ${detail.slice(0, 400)}`);
    return more > 0 ? [...lines, `  and ${grouped(more)} more`] : lines;
  });
  return [...named, ""];
}

function grouped(count: number): string {
  return count.toLocaleString("en");
}
