// The digest of each table of a backup or a dump, while it is read.

import type { Table } from "./format.ts";
import type { OnTable } from "./reader.ts";
import { type Row, type Rule, rulesFor } from "./restored-rows.ts";
import { RowsDigest, splitRows } from "./rows-digest.ts";

/** What a reader gives the tables' rows to, and the digests that have come of them. */
export type TableDigests = Readonly<{ onTable: OnTable; digests: ReadonlyMap<string, RowsDigest> }>;

/** Checks of the books after `lastCheck` are left out. */
export function digestTables(lastCheck?: bigint): TableDigests {
  const digests = new Map<string, RowsDigest>();
  const rules = rulesFor(lastCheck);
  const onTable: OnTable = async (table, chunks) => {
    const digest = new RowsDigest();
    digests.set(table.name, digest);
    const rule = rules.get(table.name);
    for await (const chunk of chunks) {
      for (const row of splitRows(chunk)) {
        const compared = rule ? applyRule(rule, table, row) : row;
        if (compared !== undefined) digest.add(compared);
      }
    }
  };
  return { onTable, digests };
}

/** COPY escapes tabs within values. */
function applyRule({ compared }: Rule, { columns }: Table, line: Buffer): string | undefined {
  const values = line.toString().split("\t");
  const row: Row = Object.fromEntries(columns.map((column, no) => [column, values[no] ?? ""]));
  const rest = compared?.(row);
  return rest && JSON.stringify(rest);
}
