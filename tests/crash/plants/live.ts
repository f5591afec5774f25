// Faults of the database, the server or the clients while they run: those that a crash test exists for.

import type { Sql } from "../../../src/db.ts";
import type { Plant } from "../plants.ts";

/**
 * An answer may then be sent before its commit is on disk. PostgreSQL writes what is left within `wal_writer_delay`; the
 * settings beside it keep it from writing earlier.
 */
const ASYNCHRONOUS = {
  synchronous_commit: "off",
  wal_writer_delay: "10s",
  wal_writer_flush_after: "1GB",
  wal_buffers: "128MB",
};

/** As if nobody had thought of retries: keys are neither looked up nor unique. */
async function forgetKeys(sql: Sql): Promise<void> {
  await sql`ALTER TABLE extropy_ledger DROP CONSTRAINT extropy_ledger_idempotency_key`;
  await sql`ALTER TABLE idempotency_records DROP CONSTRAINT idempotency_records_pkey`;
  const [row] = await sql<{ code: string }[]>`
    SELECT pg_get_functiondef('public.request_states'::regproc) AS code`;
  const blind = row?.code.replace("WHEN i.request_hash IS NULL THEN", "WHEN true THEN");
  if (!blind || blind === row?.code) throw new Error("request_states looks keys up in another way by now");
  await sql.unsafe(blind);
}

export const LIVE_PLANTS: readonly Plant[] = [
  {
    name: "async-commit",
    describe: "PostgreSQL with synchronous_commit = off",
    shows: "lost",
    // The first one kills the server only.
    round: 2,
    live: { settings: ASYNCHRONOUS },
  },
  {
    name: "early-answer",
    describe: "a server that answers before its commit",
    shows: "lost",
    // A retry that comes before the commit is answered from rows that are not there yet.
    orShows: "wrong",
    live: { script: "tests/crash/plants/early-server.ts" },
  },
  {
    name: "keys-forgotten",
    describe: "idempotency keys neither looked up nor unique",
    shows: "doubled",
    live: { prepare: forgetKeys },
  },
  {
    name: "retry-under-new-key",
    describe: "clients that retry under another key",
    shows: "doubled",
    live: { keyOfRetry: (key, attempt) => (attempt === 1 ? key : `${key}-attempt-${attempt}`) },
  },
];
