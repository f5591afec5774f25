// What a crash test tells a person: a line for each round, and in the end what was tried, what was found, and how to
// have it again.

import type { Arguments } from "./arguments.ts";
import { FINDINGS, type Finding, type FindingKind } from "./judge/finding.ts";
import type { Judgement } from "./judge/judge.ts";
import { planOf } from "./round.ts";

/** Findings of a kind that are named; one fault may show in thousands of rows. */
const NAMED_MAX = 5;

export function formatRound(no: number, rounds: number, { answered, replays, kills, findings }: Judgement): string {
  const { program, again, together } = planOf(no);
  const killed = `${together ? "server and PostgreSQL" : program}${again ? ", again in its start" : ""}`;
  const verdict = findings.length === 0 ? "all there once" : `${findings.length} findings`;
  return `Round ${no} of ${rounds}: killed ${killed} with ${kills.inFlight} requests in flight; ${answered} answered, ${replays} replays; ${verdict}`;
}

export function formatReport(
  judgement: Judgement,
  { rounds, seed, clients, plant }: Arguments,
  seconds: number,
): string {
  const { findings, kills } = judgement;
  const count = (kind: FindingKind) => findings.filter(finding => finding.kind === kind).length;
  const others = (Object.keys(FINDINGS) as FindingKind[]).slice(3).filter(kind => count(kind) > 0);
  const rows: [string, string][] = [
    ["Rounds", `${rounds}, ${clients} clients, ${Math.round(seconds)} s`],
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
  const planted = plant ? ` --plant ${plant.name}` : "";
  return [
    ...rows.map(([name, value]) => `${name.padEnd(12)}${value}`),
    "",
    ...formatFindings(findings),
    `Again: bun run test:crash --rounds ${rounds} --seed ${seed} --clients ${clients}${planted}`,
  ].join("\n");
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
