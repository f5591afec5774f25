// The figures of a run: as a table for the terminal, as JSON, and as the table in docs/benchmarks.md.

import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Figure, Measured, Row } from "./rows.ts";
import { formatNumber } from "./turns.ts";

/** What `--json` keeps. */
export type Result = {
  row: number;
  name: string;
  ours: number;
  reference: number;
  ratio: number;
  goal: number;
  better: "higher" | "lower";
  met: boolean;
  parts?: readonly (Figure & { ratio: number })[];
};

/** A row with its figures, or with the reason why there are none. */
export type Outcome = { row: Row; result: Result } | { row: Row; missing: string };

/** Judges what was measured. */
export function judge({ row, title, unit, better, goal }: Row, measured: Measured): Result {
  const ratio = ratioOf(measured);
  return {
    row,
    name: `${title} (${unit})`,
    ours: round(measured.ours),
    reference: round(measured.reference),
    ratio: round(ratio),
    goal,
    better,
    met: better === "higher" ? ratio >= goal : ratio <= goal,
    ...(measured.parts && {
      parts: measured.parts.map(part => ({ ...roundFigure(part), ratio: round(ratioOf(part)) })),
    }),
  };
}

const COLUMNS = ["row", "work", "ours", "reference", "ratio", "goal", "met"];

/** The table for the terminal. */
export function formatTable(outcomes: readonly Outcome[]): string {
  const lines = [COLUMNS, ...cellsOf(outcomes)];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map(cells => (cells[column] ?? "").length)));
  const isText = (column: number) => column === 1 || column === COLUMNS.length - 1;
  return lines
    .map(cells =>
      cells
        .map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const DOCUMENT = join(import.meta.dir, "../docs/benchmarks.md");
const LAST_RUN = /(<!-- last run -->\n)[\s\S]*(<!-- end -->)/;

/** Replaces the last run in docs/benchmarks.md. `facts` are lines about the machine and the run. */
export async function writeDocument(outcomes: readonly Outcome[], facts: readonly string[]): Promise<void> {
  const text = await Bun.file(DOCUMENT).text();
  const rows = [COLUMNS, ["--:", ":--", "--:", "--:", "--:", "--:", ":--"], ...cellsOf(outcomes)];
  const table = rows.map(cells => `| ${cells.join(" | ")} |`).join("\n");
  const run = `${facts.map(fact => `- ${fact}`).join("\n")}\n\n${table}\n`;
  await Bun.write(
    DOCUMENT,
    text.replace(LAST_RUN, (_, begin, end) => `${begin}${run}${end}`),
  );
}

/** What figures depend on. */
export function describeMachine(postgres: string): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB of memory`;
  return `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, ${memory}, ${process.platform} ${release()}, Bun ${Bun.version}, PostgreSQL ${postgres}`;
}

function cellsOf(outcomes: readonly Outcome[]): string[][] {
  return outcomes.flatMap(outcome => {
    const { row, title, unit, better, goal } = outcome.row;
    const head = [String(row), `${title} (${unit})`];
    const limit = `${better === "higher" ? "≥" : "≤"} ${goal}`;
    if ("missing" in outcome) return [[...head, "-", "-", "-", limit, outcome.missing]];
    const { ours, reference, ratio, met, parts = [] } = outcome.result;
    return [
      [...head, formatNumber(ours), formatNumber(reference), ratio.toFixed(2), limit, met ? "yes" : "NO"],
      ...parts.map(part => [
        "",
        `  ${part.name}`,
        formatNumber(part.ours),
        formatNumber(part.reference),
        part.ratio.toFixed(2),
        "",
        "",
      ]),
    ];
  });
}

function ratioOf({ ours, reference }: { ours: number; reference: number }): number {
  return ours / reference;
}

function roundFigure({ name, ours, reference }: Figure): Figure {
  return { name, ours: round(ours), reference: round(reference) };
}

/** Four digits; the machine is not more exact than that. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
