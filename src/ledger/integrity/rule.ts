// What an invariant is made of: checks, each a query over some rows of one table. All rows at once, a stretch
// of them or only the new ones are checked by the same SQL.

import type { Sql, Tx } from "../../db.ts";

/** A row or group of rows that violates an invariant, such as "entry 17", and in which way. */
export type Offence = Readonly<{ offender: string; problem: string }>;

/**
 * The rows that a check goes through. Four kinds have no table of their own: `heads` are users' heads that an earlier
 * check noted; `accounts` are users whose last entry alone is looked at, where `totals` counts everything; `triggers` is
 * the catalogue.
 */
export type Kind = "entries" | "users" | "cards" | "attributions" | "heads" | "accounts" | "totals" | "triggers";

/** `sql` finds what is wrong with `rows` (a table, or a subquery with its columns), as rows of offender and problem. */
export type Check = Readonly<{ of: Kind; sql: (rows: string) => string }>;

/** `describe` is the sentence that holds when no check finds anything. */
export type Rule = Readonly<{ name: string; describe: string; checks: readonly Check[] }>;

/** Rows of one kind as an SQL relation, with the values of its parameters. */
export type Rows = Readonly<{ of: Kind; relation: string; parameters?: readonly (string | readonly string[])[] }>;

export type Findings = { violations: number; examples: Offence[] };

/** The tables of the books, all in the schema that no search_path has to name. */
export const TABLES = {
  entries: "public.extropy_ledger",
  users: "public.users",
  cards: "public.cards",
  attributions: "public.attributions",
} as const;

/** What of a row the checks look at: of users no more than the server's role may read. */
export const COLUMNS = {
  entries: "*",
  users: "id, extropy_balance, entry_count, head_hash, head_at",
  cards: "*",
  attributions: "*",
} as const;

/** A query that finds offences, as one that counts them all and gives the first `examplesMax` by name. */
export function offencesIn(query: string, examplesMax: number): string {
  return `
    SELECT offender, problem, count(*) OVER () AS violations
    FROM (${query}) AS offence
    ORDER BY offender COLLATE "C", problem COLLATE "C"
    LIMIT ${examplesMax}`;
}

export async function findOffences(
  sql: Sql | Tx,
  query: string,
  parameters: Rows["parameters"],
  examplesMax: number,
): Promise<Findings> {
  const rows = await sql.unsafe<(Offence & { violations: string })[]>(
    offencesIn(query, examplesMax),
    toArguments(parameters),
  );
  const examples = rows.map(({ offender, problem }) => ({ offender, problem }));
  return { violations: Number(rows[0]?.violations ?? 0), examples };
}

/** Parameters in the form that the driver takes: it changes arrays. */
export function toArguments(parameters: Rows["parameters"] = []): (string | string[])[] {
  return parameters.map(value => (typeof value === "string" ? value : [...value]));
}

/** True of amounts that are zero or more; NaN counts as larger than every number and must not pass. */
export const notNegative = (column: string) => `(${column} >= 0 AND ${column} < 'Infinity') IS TRUE`;
