// The history of each request, from the journals: how often it was sent, what came back, and whether that is definite.

import { type ProblemSlug, problems } from "../../../src/problem.ts";
import type { Asked } from "../asked.ts";
import { isDefinite } from "../client.ts";
import type { Came, Line, Missed, Sent } from "../journal.ts";
import type { Finding } from "./finding.ts";

export type History = Readonly<{
  asked: Asked;
  sent: readonly Sent[];
  /** In the order in which they came. */
  answers: readonly Came[];
  missed: readonly Missed[];
  /** The first answer that says it was done. */
  success: Came | undefined;
  /** When it was first sent, and when nobody had to ask any more. */
  from: number;
  to: number | undefined;
}>;

/** Refusals that a client of this test may meet. An `idempotency-in-flight` is none: a first attempt is waited for. */
const REFUSALS: Readonly<Record<Asked["kind"], readonly ProblemSlug[]>> = {
  publish: [],
  cite: ["insufficient-balance", "already-attributed"],
  transfer: ["insufficient-balance"],
  adjust: ["insufficient-balance"],
  reverse: ["insufficient-balance", "already-reversed"],
};

export function readHistories(lines: readonly Line[], findings: Finding[]): Map<string, History> {
  const byKey = new Map<string, { sent: Sent[]; answers: Came[]; missed: Missed[] }>();
  for (const line of lines) {
    if (line.type === "kill") continue;
    if (line.type === "odd") {
      findings.push({ kind: "unexpected", detail: `a bystander got ${line.what}` });
      continue;
    }
    const key = line.type === "sent" ? line.asked.key : line.key;
    const found = byKey.get(key) ?? { sent: [], answers: [], missed: [] };
    byKey.set(key, found);
    if (line.type === "sent") found.sent.push(line);
    else if (line.type === "came") found.answers.push(line);
    else found.missed.push(line);
  }
  const histories = new Map<string, History>();
  for (const [key, { sent, answers, missed }] of byKey) {
    const [first] = sent;
    if (!first) {
      findings.push({ kind: "journal", detail: `${key} has answers, and was never sent` });
      continue;
    }
    const definite = answers.find(({ status }) => isDefinite(status));
    const success = answers.find(({ status }) => status < 300);
    histories.set(key, { asked: first.asked, sent, answers, missed, success, from: first.at, to: definite?.at });
  }
  return histories;
}

/** What a request's own history shows, without a look at the database. */
export function judgeHistory(history: History): Finding[] {
  const { asked, sent, answers, missed, success } = history;
  const findings: Finding[] = [];
  const find = (kind: Finding["kind"], detail: string) => findings.push({ kind, detail: `${asked.key}: ${detail}` });
  if (answers.length + missed.length !== sent.length) {
    find("journal", `sent ${sent.length} times, and ${answers.length + missed.length} times something was noted of it`);
  }
  if (sent.some(line => JSON.stringify(line.asked) !== JSON.stringify(asked)))
    find("journal", "was not retried as it was");
  if (history.to === undefined) find("unknown", `${asked.kind}, sent ${sent.length} times`);
  for (const { status, text } of answers) {
    const isExpected =
      status === 503 ||
      (status < 300
        ? status === 201 || asked.kind === "publish"
        : REFUSALS[asked.kind].some(slug => status === problems[slug].status && text.includes(`"/problems/${slug}"`)));
    if (!isExpected) find("unexpected", `${status} ${text.slice(0, 200)}`);
  }
  const after = success ? answers.slice(answers.indexOf(success) + 1) : [];
  for (const { status, text } of after) {
    if (status === 503) continue;
    if (status !== success?.status || text !== success.text) {
      find("altered", `first ${success?.status} ${success?.text}, then ${status} ${text}`);
    }
  }
  const firsts = answers.filter(({ status, isReplayed }) => status < 300 && !isReplayed);
  if (firsts.length > 1) find("doubled", `${firsts.length} answers call themselves the first`);
  return findings;
}
