// Sends the attempts to a listening server, a few operations at a time, each with a cast of its own, and has every answer
// judged; at the end the books and the log are.

import { checkIntegrity } from "../../src/ledger/integrity/check.ts";
import type { OpenApiDocument } from "../../src/openapi/model.ts";
import { UsageError } from "../../src/usage-error.ts";
import { type Api, listen } from "../api-support.ts";
import { type Attempt, describe, fillIn, type Reply } from "./attempt.ts";
import { explain, readBooks } from "./books.ts";
import { createJudge, type Finding } from "./judge.ts";
import { createLeaks } from "./leaks.ts";
import { attemptsAt } from "./requests.ts";
import { send } from "./send.ts";
import { createFinder, type Target, targetsOf } from "./targets.ts";
import { World } from "./world.ts";

export type FuzzOptions = {
  /** All in all, shared out among the operations. */
  requests: number;
  seed: number;
  /** Only these operations, by operationId; each gets as many attempts as it would among all. None: all of them. */
  only?: readonly string[];
  onProgress?: (sent: number) => void;
};

/** A finding with the first attempt that showed it. */
export type Found = Finding & { operation: string; index: number; attempt: string; times: number };

export type Tally = { sent: number; succeeded: number; refused: number };

export type FuzzReport = {
  operations: Map<string, Tally>;
  statuses: Map<string, number>;
  findings: Found[];
  slowest: { ms: number; attempt: string };
};

const AT_ONCE = 6;

/** Fuzzes an app (with open registration), which must not listen yet. Throws UsageError for an operation that there is not. */
export async function fuzz(api: Api, { requests, seed, only = [], onProgress }: FuzzOptions): Promise<FuzzReport> {
  const { body: document, text } = await api.call<OpenApiDocument>("GET", "/openapi/json");
  const all = targetsOf(document);
  const unknown = only.filter(id => !all.some(({ operation }) => operation.operationId === id));
  if (unknown.length > 0) {
    const known = all.map(({ operation }) => operation.operationId).sort();
    throw new UsageError(`There is no operation ${unknown.join(", ")}. There are: ${known.join(", ")}.`);
  }
  const { baseUrl, stop } = listen(api);
  api.logs.length = 0;
  const targets = all.filter(({ operation }) => only.length === 0 || only.includes(operation.operationId));
  const find = createFinder(all);
  const judge = createJudge(document, await createLeaks(api.sql, text));
  const report: FuzzReport = {
    ...{ operations: new Map(), statuses: new Map(), findings: [] },
    slowest: { ms: 0, attempt: "" },
  };
  let sent = 0;

  async function fuzzOne(target: Target, attempts: number): Promise<void> {
    const world = await World.create(api);
    const tally: Tally = { sent: 0, succeeded: 0, refused: 0 };
    report.operations.set(target.name, tally);
    let before = await readBooks(api.sql, world.accounts);
    for (const draft of attemptsAt(target, document.components, attempts, seed)) {
      const attempt = fillIn(draft, world.namesFor(draft));
      const led = find(attempt.method, attempt.path);
      world.remember(attempt);
      const reply = await send({ baseUrl, attempt, key: world.keyOf(attempt.sender) });
      const after = await readBooks(api.sql, world.accounts);
      const findings = judge(attempt, reply, { target: led, own: world.privateTextsOf(attempt.sender) });
      const unexplained = explain(attempt, led, reply, { before, after });
      if (unexplained) findings.push({ kind: "books", what: unexplained });
      for (const finding of findings) note(attempt, finding);
      count(tally, attempt, reply);
      onProgress?.(++sent);
      world.note(reply);
      const isNew = reply.status >= 200 && reply.status < 300 && led && (await world.goOnAfter(led.name));
      before = isNew ? await readBooks(api.sql, world.accounts) : after;
    }
  }

  function count(tally: Tally, attempt: Attempt, { status, ms }: Reply): void {
    tally.sent++;
    if (status >= 200 && status < 400) tally.succeeded++;
    else tally.refused++;
    report.statuses.set(String(status), (report.statuses.get(String(status)) ?? 0) + 1);
    if (ms > report.slowest.ms) report.slowest = { ms, attempt: describe(attempt) };
  }

  function note(attempt: Attempt, { kind, what }: Finding): void {
    const { operation, index } = attempt;
    const known = report.findings.find(
      found => found.kind === kind && found.operation === operation && alike(found.what, what),
    );
    if (known) known.times++;
    else report.findings.push({ kind, what, operation, index, attempt: describe(attempt), times: 1 });
  }

  const queue = [...targets];
  const each = Math.ceil(requests / all.length);
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await fuzzOne(next, each);
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    await stop();
  }
  for (const what of [...(await judgeBooks(api)), ...judgeLog(api)]) {
    report.findings.push({ ...what, operation: "everything", index: 0, attempt: "", times: 1 });
  }
  return report;
}

/** The same but for ids and the like. */
function alike(a: string, b: string): boolean {
  const plain = (text: string) => text.replace(/[0-9a-f-]{8,}|\d+/g, "#").slice(0, 120);
  return plain(a) === plain(b);
}

async function judgeBooks({ sql }: Api): Promise<Finding[]> {
  const { ok, invariants } = await checkIntegrity(sql, { full: true, readOnly: true });
  if (ok) return [];
  const violated = invariants.filter(({ violations }) => violations > 0);
  return violated.map(invariant => ({ kind: "books", what: JSON.stringify(invariant) }));
}

/** Unexpected errors are logged at the level 50; what is private never is. */
function judgeLog({ logs }: Api): Finding[] {
  const errors = logs.filter(line => line.includes('"level":50'));
  const keys = logs.filter(line => /ext_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}|\$2[aby]\$/.test(line));
  return [
    ...errors.slice(0, 5).map((what): Finding => ({ kind: "5xx", what: `the log says: ${what}` })),
    ...keys.slice(0, 5).map((what): Finding => ({ kind: "leak", what: `a key in the log: ${what}` })),
  ];
}
