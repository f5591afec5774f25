// The figures of pages as a table: for the terminal, and in docs/benchmarks.md.

import { join } from "node:path";
import type { PageFigure } from "./measure.ts";

const COLUMNS = ["page", "small", "large", "ratio", "goal", "met"];
const DOCUMENT = join(import.meta.dir, "../../docs/benchmarks.md");
const LAST_RUN = /(<!-- last run of pages -->\n)[\s\S]*?(<!-- end of pages -->)/;

/** The table for the terminal. */
export function formatPages(figures: readonly PageFigure[]): string {
  const lines = [COLUMNS, ...figures.map(cellsOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map(cells => (cells[column] ?? "").length)));
  return lines
    .map(cells =>
      cells
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  "),
    )
    .join("\n");
}

/** Replaces the last run of pages in docs/benchmarks.md. `facts` are lines about the machine and the run. */
export async function writePages(figures: readonly PageFigure[], facts: readonly string[]): Promise<void> {
  const rows = [COLUMNS, [":--", "--:", "--:", "--:", "--:", "--:"], ...figures.map(cellsOf)];
  const run = `${facts.map(fact => `- ${fact}`).join("\n")}\n\n${rows.map(cells => `| ${cells.join(" | ")} |`).join("\n")}\n`;
  const text = await Bun.file(DOCUMENT).text();
  await Bun.write(
    DOCUMENT,
    text.replace(LAST_RUN, (_, begin, end) => `${begin}${run}${end}`),
  );
}

function cellsOf({ name, small, big, isAlike, goalMs, met }: PageFigure): string[] {
  const ratio = small === undefined ? "" : `${isAlike ? "" : "~ "}${(big / small).toFixed(2)}`;
  return [name, small?.toFixed(1) ?? "", big.toFixed(1), ratio, `≤ ${goalMs}`, met ? "yes" : "NO"];
}
