// Several connections that see the same moment of the database: what is committed meanwhile can't make the
// books look wrong, and two connections keep two cores busy.

import { type Sql, sqlState, type Tx } from "../../db.ts";

/**
 * A pool's time limits are for requests. Names are looked up in pg_catalog alone, so that nothing in another schema
 * stands in for a function or an operator. Each connection is one process: parallel plans would take more than was
 * asked for, and compiling plans (jit) takes longer than running these.
 */
const SETTINGS = `
  SET LOCAL statement_timeout = 0;
  SET LOCAL lock_timeout = 0;
  SET LOCAL idle_in_transaction_session_timeout = 0;
  SET LOCAL search_path = pg_catalog;
  SET LOCAL work_mem = '64MB';
  SET LOCAL random_page_cost = 4;
  SET LOCAL max_parallel_workers_per_gather = 0;
  SET LOCAL jit = off`;

/**
 * Each connection locks all tables at its start. Otherwise a change of the schema could come in between: it would wait
 * for the first connection, the second one for the change, and the check for the second one. A view is locked with what it
 * reads, users among it, of whose columns the server's role may not read all: PostgreSQL would not let it lock that table.
 */
const LOCK = `LOCK TABLE public.recent_transactions, public.integrity_heads IN ACCESS SHARE MODE`;

/** SQLSTATE of NOWAIT that would have to wait. */
export const LOCK_NOT_AVAILABLE = "55P03";

/** The transactions of one snapshot. Only the first may write. */
export type Snapshot = readonly [Tx, ...Tx[]];

/**
 * Opens `connections` transactions on one snapshot for `work`; the pool must have that many to give. `before` runs in
 * the first one while it has no snapshot yet, so that it may wait for a lock and see what its holder has done.
 */
export async function withSnapshot<T>(
  sql: Sql,
  connections: number,
  before: (tx: Tx) => Promise<unknown>,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  return (await sql.begin("ISOLATION LEVEL REPEATABLE READ", async first => {
    await first.unsafe(SETTINGS);
    await before(first);
    await first.unsafe(LOCK);
    if (connections === 1) return await work([first]);
    const [exported] = await first<{ id: string }[]>`SELECT pg_export_snapshot() AS id`;
    return await join(sql, exported?.id ?? "", connections - 1, others => work([first, ...others]));
  })) as T;
}

/**
 * Each further transaction lives inside the one before, so that all of them end with the work or its failure. There are
 * fewer where a change of the schema is waiting already.
 */
async function join<T>(sql: Sql, id: string, count: number, work: (others: Tx[]) => Promise<T>): Promise<T> {
  if (count === 0) return await work([]);
  return (await sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", async tx => {
    await tx.unsafe(`SET TRANSACTION SNAPSHOT '${id}'`);
    await tx.unsafe(SETTINGS);
    if (!(await hasLocked(tx))) return await work([]);
    return await join(sql, id, count - 1, others => work([tx, ...others]));
  })) as T;
}

async function hasLocked(tx: Tx): Promise<boolean> {
  try {
    await tx.savepoint(savepoint => savepoint.unsafe(`${LOCK} NOWAIT`));
    return true;
  } catch (error) {
    if (sqlState(error) === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
}
