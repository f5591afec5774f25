// What a run of the fuzzer has found, for somebody who has never seen it.

import type { FuzzReport } from "./run.ts";

/** The summary as lines. */
export function formatReport(report: FuzzReport, { seed, seconds }: { seed: number; seconds: number }): string {
  const { operations, statuses, findings, slowest } = report;
  const rows = [...operations].map(([name, { sent, succeeded, refused }]) => [name, sent, succeeded, refused] as const);
  const total = (column: 1 | 2 | 3) => rows.reduce((sum, row) => sum + row[column], 0);
  const table = [
    ["operation", "requests", "succeeded", "refused"],
    ...[...rows, ["all", total(1), total(2), total(3)]].map(row => row.map(String)),
  ];
  const widths = [0, 1, 2, 3].map(at => Math.max(...table.map(row => row[at]?.length ?? 0)));
  const of = (kind: string) =>
    findings.filter(finding => finding.kind === kind).reduce((sum, { times }) => sum + times, 0);
  return [
    ...table.map(row =>
      row.map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0))).join("  "),
    ),
    "",
    `by status: ${[...statuses]
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([status, count]) => `${status}: ${count}`)
      .join(", ")}`,
    "",
    `${total(1)} requests to ${rows.length} operations in ${seconds.toFixed(0)} s, seed ${seed}:`,
    `  ${of("5xx")} failures of the server (5xx, errors in its log)`,
    `  ${of("undocumented")} answers that the OpenAPI document does not know (status, type, headers, body)`,
    `  ${of("leak")} answers or log lines with something internal or another's in them`,
    `  ${of("access")} answers without a good key where one is needed`,
    `  ${of("ambiguous")} requests taken though a header that says who or what comes twice`,
    `  ${of("books")} changes of the books that no answer explains`,
    `  ${of("no answer")} requests without an answer`,
    `  slowest answer: ${slowest.ms.toFixed(0)} ms`,
    ...findings.flatMap(({ kind, what, operation, index, attempt, times }) => [
      "",
      `${kind}, ${times === 1 ? "once" : `${times} times`}: ${what.slice(0, 1500)}`,
      ...(attempt
        ? [`first at request ${index} to ${operation}`, ...attempt.split("\n").map(line => `  ${line}`)]
        : []),
    ]),
  ].join("\n");
}
