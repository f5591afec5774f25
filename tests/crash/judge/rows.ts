// Rows of the database as the judge compares them: of each table those that the answers promise, and those that are there.

import type { Finding } from "./finding.ts";

/** Fields that are undefined are not promised, and not compared. All values are text. */
export type Row = Readonly<Record<string, string | null | undefined>>;

/** Rows of one table by what identifies them. */
export type Rows = Map<string, Row>;

export const TABLES = ["entry", "card", "attribution", "note", "audit record", "idempotency record"] as const;
export type Table = (typeof TABLES)[number];
export type Tables = Readonly<Record<Table, Rows>>;

export function emptyTables(): Tables {
  return Object.fromEntries(TABLES.map(table => [table, new Map()])) as unknown as Tables;
}

/** Names what is missing, what is too much, and what is different. */
export function compareTables(promised: Tables, actual: Tables): Finding[] {
  return TABLES.flatMap(table => compareRows(table, promised[table], actual[table]));
}

function compareRows(table: Table, promised: Rows, actual: Rows): Finding[] {
  const findings: Finding[] = [];
  for (const [id, row] of promised) {
    const found = actual.get(id);
    if (!found) {
      findings.push({ kind: "lost", detail: `${table} ${id} is not there: ${JSON.stringify(row)}` });
      continue;
    }
    for (const [field, value] of Object.entries(row)) {
      if (value === undefined || value === found[field]) continue;
      findings.push({ kind: "wrong", detail: `${table} ${id} has ${field} ${found[field]}, not ${value}` });
    }
  }
  for (const [id, row] of actual) {
    if (promised.has(id)) continue;
    findings.push({
      kind: "doubled",
      detail: `${table} ${id} is there, and no answer says so: ${JSON.stringify(row)}`,
    });
  }
  return findings;
}
