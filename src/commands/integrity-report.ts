// What `bun run integrity` tells a person: how far it is, and in the end what it found.

import type { Integrity } from "../ledger/integrity/check.ts";
import type { Progress } from "../ledger/integrity/run.ts";
import type { Supply } from "../ledger/integrity/supply.ts";
import { RULES } from "../ledger/invariants.ts";
import { grouped, plural } from "./counted.ts";

/** Violations that are named in all, each invariant's in its turn. */
const NAMED_MAX = 100;

/** `seconds` is how long the check took. */
export function formatReport(result: Integrity, seconds: number): string {
  const { full, entries_checked, root, checked_at } = result;
  const rate = seconds > 0 ? `, ${grouped(Math.round(entries_checked / seconds))} a second` : "";
  return [
    ...formatInvariants(result),
    "",
    ...formatSupply(result.supply),
    "",
    `Entries checked  ${grouped(entries_checked)}${full ? "" : " new ones"} in ${seconds.toFixed(1)} s${rate}`,
    `As of            ${checked_at}`,
    `Root             ${root}${note(result)}`,
    "",
    verdict(result),
  ].join("\n");
}

function formatInvariants({ invariants }: Integrity): string[] {
  let nameable = NAMED_MAX;
  return invariants.flatMap(({ name, violations, examples }) => {
    const label = name.padEnd(13);
    if (violations === 0) return [`✓ ${label}  ${RULES.find(rule => rule.name === name)?.describe}`];
    const named = examples.slice(0, nameable);
    nameable -= named.length;
    const more = violations - named.length;
    return [
      `✗ ${label}  ${plural(violations, "violation")}`,
      ...named.map(({ offender, problem }) => `    - ${offender}: ${problem}`),
      ...(more > 0 ? [`    and ${grouped(more)} more`] : []),
    ];
  });
}

function formatSupply({ issued, burned, circulating, by_type }: Supply): string[] {
  const rows = [
    ["Supply", "issued", "burned", "entries"],
    ...Object.entries(by_type).map(([type, row]) => [`  ${type}`, row.issued, row.burned, grouped(row.entries)]),
    ["  all", issued, burned, grouped(Object.values(by_type).reduce((sum, { entries }) => sum + entries, 0))],
  ];
  const width = (column: number) => Math.max(...rows.map(row => row[column]?.length ?? 0));
  const [names, ...numbers] = [0, 1, 2, 3].map(width);
  const lines = rows.map(([name = "", ...values]) =>
    [name.padEnd(names ?? 0), ...values.map((value, column) => value.padStart(numbers[column] ?? 0))].join("  "),
  );
  return [...lines, `In circulation: ${circulating}`];
}

/** A root that nobody can expect later must not be noted as one. */
function note({ ok, full, recorded }: Integrity): string {
  if (recorded || !ok) return "";
  return full ? " (not recorded: the database can't be written)" : " (not recorded: only checks of everything are)";
}

function verdict({ ok, full, invariants }: Integrity): string {
  if (ok) return full ? "The books are right." : "What came since is right.";
  const total = invariants.reduce((sum, { violations }) => sum + violations, 0);
  return `${plural(total, "violation")} found.`;
}

const TERMINAL_MS = 200;
const OTHERWISE_MS = 5_000;

/** How far a check is, on standard error: on a terminal one line that is written anew, elsewhere a line now and then. */
export class ProgressLine {
  readonly #started = performance.now();
  #shown = this.#started;
  #isOpen = false;

  show(progress: Progress): void {
    const now = performance.now();
    const isTerminal = process.stderr.isTTY === true;
    if (now - this.#shown < (isTerminal ? TERMINAL_MS : OTHERWISE_MS)) return;
    this.#shown = now;
    this.#isOpen = isTerminal;
    const text = formatProgress(progress, (now - this.#started) / 1000);
    process.stderr.write(isTerminal ? `\r\x1b[K${text}` : `${text}\n`);
  }

  /** Takes the line away, so that something else can be written. */
  end(): void {
    if (this.#isOpen) process.stderr.write("\r\x1b[K");
    this.#isOpen = false;
  }
}

/** The time left follows from the time it took to come this far. */
function formatProgress({ done, entries }: Progress, seconds: number): string {
  const parts = [`Checking ${Math.floor(done * 100)}%`, `${grouped(entries)} entries`];
  if (seconds > 0) parts.push(`${grouped(Math.round(entries / seconds))} a second`);
  if (done > 0) parts.push(`about ${Math.ceil((seconds / done) * (1 - done))} s left`);
  return parts.join(", ");
}
