// What a restored database does not have in common with its backup, because a restore means to change it or because
// the check at its end leaves a record. Rows are compared without it.

/** By this a restore moves the numbers of changes (renew_sync_epoch, migrations/0007_sync.sql). */
const EPOCH_CHANGES = 4_294_967_296n;

/** A row by its columns' names, each value as COPY writes it. */
export type Row = Readonly<Record<string, string>>;

export type Rule = Readonly<{
  /** In words, for whoever reads that the tables are equal. */
  leavesOut: string;
  /** What of a row is compared, undefined for nothing of it; undefined itself where the whole table is not compared. */
  compared: ((row: Row) => Row | undefined) | undefined;
}>;

/** The rules by table; checks of the books after `lastCheck` are left out. Tables without a rule are compared as they are. */
export function rulesFor(lastCheck: bigint | undefined): ReadonlyMap<string, Rule> {
  const isLater = (id = "0") => lastCheck !== undefined && BigInt(id) > lastCheck;
  const later = "later checks of the books";
  return new Map<string, Rule>([
    [
      "schema_metadata",
      { leavesOut: "sync_epoch", compared: row => (row.key === "sync_epoch" ? { key: "sync_epoch" } : row) },
    ],
    [
      "sync_heads",
      {
        leavesOut: "the epoch in change_no",
        compared: row => ({ ...row, change_no: String(BigInt(row.change_no ?? 0) % EPOCH_CHANGES) }),
      },
    ],
    ["integrity_checks", { leavesOut: later, compared: row => (isLater(row.id) ? undefined : row) }],
    ["integrity_heads", { leavesOut: later, compared: row => (isLater(row.check_id) ? undefined : row) }],
    ["integrity_results", { leavesOut: "what the last check found", compared: undefined }],
  ]);
}
