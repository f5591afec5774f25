// Proves the books from their rows: every invariant, every hash, the supply, and that nothing which an earlier check
// saw was changed since. Behind `bun run integrity` and `/api/admin/integrity`.

import { type Sql, sqlState, type Tx } from "../../db.ts";
import { sumAmounts } from "../../money.ts";
import { batchesOfAll, batchesSince } from "./batches.ts";
import { Checker, type InvariantResult } from "./checker.ts";
import { checkExpected, checkRecord, findRecord, noteResult, prepareRecord, recordCheck } from "./records.ts";
import { computeRoot } from "./root.ts";
import { type Progress, runBatches } from "./run.ts";
import { announceCheck } from "./running.ts";
import { LOCK_NOT_AVAILABLE, withSnapshot } from "./snapshot.ts";
import { addSupply, type Supply, type SupplyByType, totalSupply } from "./supply.ts";

export type IntegrityOptions = Readonly<{
  /** Check everything, or only what came since the last clean full check (everything where there was none). */
  full: boolean;
  /** Record nothing, whatever was checked. */
  readOnly?: boolean;
  /** A root that was noted earlier: the ledger must continue what it was then. */
  expect?: string | undefined;
  onProgress?: (progress: Progress) => void;
  /** How many connections of the pool work at once: one unless given. */
  connections?: number;
  /** Don't wait where another full check is running, but throw CheckRunning. */
  orRefuse?: boolean;
  /** Rows that are checked at once; for tests. */
  stretch?: number;
}>;

export type Integrity = {
  ok: boolean;
  /** SHA-256 over the heads of all users, in hex. */
  root: string;
  /** Whether everything was checked. */
  full: boolean;
  checked_at: string;
  entries_checked: number;
  invariants: InvariantResult[];
  supply: Supply;
  /** Whether its root can be expected from now on, and later checks begin here. */
  recorded: boolean;
};

/** Another full check is running, in this process or in another. */
export class CheckRunning extends Error {
  override name = "CheckRunning";
}

/**
 * Checks the books in one snapshot, while others go on writing, and records a full check that is clean. The database
 * does the work, sorting in 64 MB a connection; this process holds the first hundred violations of each invariant.
 * Violations are results, not errors. Full checks take minutes and run one at a time. Throws CheckRunning.
 */
export async function checkIntegrity(sql: Sql, options: IntegrityOptions): Promise<Integrity> {
  const { settled_at, can_record } = await prepareRecord(sql);
  const full = options.full || !(await findRecord(sql));
  const records = full && can_record && !options.readOnly;
  const enter = async (tx: Tx) => {
    if (records) await takeTurn(tx, options.orRefuse ?? false);
  };
  const result = await withSnapshot(sql, options.connections ?? 1, enter, async snapshot => {
    const [tx] = snapshot;
    // Not now(): that was before the wait for a turn.
    const [moment] = await tx<{ checked_at: string }[]>`SELECT statement_timestamp() AS checked_at`;
    const checked_at = moment?.checked_at ?? "";
    const noted = await findRecord(tx);
    const base = full ? undefined : noted;
    const checker = new Checker();
    const batches = base
      ? await batchesSince(tx, base, options.stretch)
      : await batchesOfAll(tx, noted, options.stretch);
    const announce = announceCheck(tx, full ? "all" : "new", checked_at);
    const counted = await runBatches(snapshot, batches, checker, progress => {
      announce(progress);
      options.onProgress?.(progress);
    });
    const supply = await checkSupply(tx, addSupply(base?.supply ?? {}, counted.supply), checker);
    const root = await computeRoot(tx);
    if (noted) await checkRecord(tx, noted, checker);
    if (options.expect !== undefined && options.expect !== root) await checkExpected(tx, options.expect, checker);

    const ok = checker.isClean;
    const recorded = ok && records;
    if (recorded) await recordCheck(tx, { checked_at, settled_at, root, supply: supply.by_type }, noted);
    return {
      ok,
      root,
      full,
      checked_at,
      entries_checked: counted.entries,
      invariants: checker.results(),
      supply,
      recorded: recorded || noted?.root === root,
    };
  });
  if (!options.readOnly) await noteResult(sql, { ...result, violations: countViolations(result) });
  return result;
}

function countViolations({ invariants }: Pick<Integrity, "invariants">): Record<string, number> {
  return Object.fromEntries(invariants.map(({ name, violations }) => [name, violations]));
}

/**
 * One full check at a time: two at once would only take twice as long, and each record's heads continue those of the
 * record before. The lock, which falls on integrity_checks as well, stands in nobody else's way and ends with the transaction.
 */
async function takeTurn(tx: Tx, orRefuse: boolean): Promise<void> {
  try {
    await tx.unsafe(`LOCK TABLE public.integrity_turn IN SHARE ROW EXCLUSIVE MODE ${orRefuse ? "NOWAIT" : ""}`);
  } catch (error) {
    if (sqlState(error) === LOCK_NOT_AVAILABLE) throw new CheckRunning();
    throw error;
  }
}

async function checkSupply(tx: Tx, byType: SupplyByType, checker: Checker): Promise<Supply> {
  const supply = await totalSupply(tx, byType);
  const { issued, burned, circulating } = supply;
  if (sumAmounts([circulating, burned]) !== issued) {
    const problem = `is ${circulating}; issued ${issued}, burned ${burned}`;
    checker.addOne("supply", "the sum of all balances", problem);
  }
  return supply;
}
