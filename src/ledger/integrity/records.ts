// What checks leave behind. Clean full ones: their root, the supply, and the heads that make the root, so that a later
// check can begin there and a root that somebody noted can be held against the ledger of today. All: what they found.

import type { Sql, Tx } from "../../db.ts";
import type { Checker } from "./checker.ts";
import { computeRoot } from "./root.ts";
import { TABLES } from "./rule.ts";
import type { SupplyByType } from "./supply.ts";

export type CheckRecord = Readonly<{
  id: string;
  checked_at: string;
  /** What is visible of transactions that began before this, the check has seen. */
  settled_at: string;
  root: string;
  supply: SupplyByType;
}>;

/** The newest record, or the newest with a root. */
export async function findRecord(sql: Sql | Tx, root?: string): Promise<CheckRecord | undefined> {
  const [record] = await sql<CheckRecord[]>`
    SELECT id, checked_at, settled_at, root, supply FROM public.integrity_checks
    WHERE ${root === undefined ? sql`true` : sql`root = ${root}`} ORDER BY id DESC LIMIT 1`;
  return record;
}

/**
 * The heads that a check noted, as a relation with user_id, entry_count and head_hash. A check stores only heads that
 * differ from those of the check before, so a user's is the newest one up to it. `condition` narrows the rows `h`.
 */
export function notedHeads({ id }: Pick<CheckRecord, "id">, condition = "true"): string {
  // Written into the SQL and not a parameter, so that `condition` can have those: it is a number of our own.
  return `(
    SELECT DISTINCT ON (h.user_id) h.user_id, h.entry_count, h.head_hash FROM public.integrity_heads h
    WHERE h.check_id <= ${BigInt(id)} AND ${condition}
    ORDER BY h.user_id, h.check_id DESC)`;
}

/**
 * What has to be asked before the snapshot is taken. `settled_at` is a time before which no transaction began that
 * still runs: that of the oldest one, and an hour ago at the latest, as the transactions of other roles may be hidden
 * from ours. `can_record` is false on a read-only server and for a role that may not write the records.
 */
export async function prepareRecord(sql: Sql): Promise<{ settled_at: string; can_record: boolean }> {
  const [row] = await sql<{ settled_at: string; can_record: boolean }[]>`
    SELECT coalesce(least(now() - interval '1 hour', min(xact_start)), '-infinity') AS settled_at,
      current_setting('transaction_read_only') = 'off'
        AND has_table_privilege('public.integrity_checks', 'INSERT')
        AND has_table_privilege('public.integrity_turn', 'UPDATE')
        AND has_table_privilege('public.integrity_heads', 'INSERT') AS can_record
    FROM pg_catalog.pg_stat_activity WHERE datname = current_database()`;
  return row ?? { settled_at: "-infinity", can_record: false };
}

/** Records a clean full check in the transaction whose snapshot it looked at: one that is interrupted leaves nothing. */
export async function recordCheck(
  tx: Tx,
  check: Omit<CheckRecord, "id">,
  before: CheckRecord | undefined,
): Promise<void> {
  const [row] = await tx.unsafe<{ id: string }[]>(
    `INSERT INTO public.integrity_checks (checked_at, settled_at, root, supply)
    VALUES ($1, $2, $3, $4::text::jsonb) RETURNING id`,
    [check.checked_at, check.settled_at, check.root, JSON.stringify(check.supply)],
  );
  await tx.unsafe(
    `INSERT INTO public.integrity_heads (user_id, check_id, entry_count, head_hash)
    SELECT u.id, $1, u.entry_count, u.head_hash FROM ${TABLES.users} u
    LEFT JOIN ${notedHeads(before ?? { id: "0" })} AS n ON n.user_id = u.id
    WHERE u.entry_count > 0 AND n.head_hash IS DISTINCT FROM u.head_hash`,
    [row?.id ?? null],
  );
}

/** What a check found. `violations` counts them by the name of the invariant. */
export type CheckResult = Readonly<{
  full: boolean;
  /** RFC 3339, as the database had it. */
  checked_at: string;
  entries_checked: number;
  violations: Readonly<Record<string, number>>;
}>;

/** `violated_at`: when such a check last found a violation, RFC 3339; null: none has. A later clean one leaves it. */
export type NotedResult = CheckResult & Readonly<{ violated_at: string | null }>;

/** The newest result of a check of everything, and of a check of what was new, where there is one. */
export async function listResults(sql: Sql | Tx): Promise<NotedResult[]> {
  return sql<NotedResult[]>`
    SELECT is_full AS full, checked_at, entries_checked::float8 AS entries_checked, violations, violated_at
    FROM public.integrity_results ORDER BY is_full`;
}

/**
 * Writes down what a check found, unless a later one has been written. A statement of its own, after the check: in the
 * check's transaction, another check's result would be a conflict. Does nothing for a role that may only read.
 */
export async function noteResult(
  sql: Sql,
  { full, checked_at, entries_checked, violations }: CheckResult,
): Promise<void> {
  const [may] = await sql<{ note: boolean }[]>`
    SELECT current_setting('transaction_read_only') = 'off'
      AND has_function_privilege('public.note_integrity_result(boolean,timestamptz,bigint,jsonb)', 'EXECUTE') AS note`;
  if (!may?.note) return;
  await sql`
    SELECT public.note_integrity_result(${full}, ${checked_at}, ${entries_checked}::bigint, ${sql.json(violations)})`;
}

/** Adds a violation where the heads of a record don't make its root any more. */
export async function checkRecord(tx: Tx, record: CheckRecord, checker: Checker): Promise<void> {
  const root = await computeRoot(tx, notedHeads(record));
  if (root === record.root) return;
  const problem = `its noted heads make the root ${root}, but ${record.root} was recorded: the record was changed`;
  checker.addOne("history", `check ${record.id} of ${record.checked_at}`, problem);
}

/** Adds violations where the ledger does not continue what it was when its root was `expected`. */
export async function checkExpected(tx: Tx, expected: string, checker: Checker): Promise<void> {
  const record = await findRecord(tx, expected);
  if (!record) {
    checker.addOne("history", `root ${expected}`, "is not the root of today, and no clean full check has recorded it");
    return;
  }
  await checkRecord(tx, record, checker);
  await checker.check(tx, { of: "heads", relation: notedHeads(record) });
}
