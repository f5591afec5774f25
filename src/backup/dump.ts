// A database as the text of a backup: everything that one snapshot sees, in chunks, so that memory does not grow with
// the database, and the database waits for a slow disk.

import type { Sql, Tx } from "../db.ts";
import { quoted } from "../migrate/connection.ts";
import { readHistory, readVersion } from "../migrate/history.ts";
import type { Progress } from "../progress.ts";
import { BackupError } from "./error.ts";
import { END_OF_ROWS, FORMAT_VERSION, type Header, type Table, type TableEnd, type Trailer } from "./format.ts";
import { COPY_SETTINGS, estimateRows, inPublic, readSequences, readTables } from "./tables.ts";

/** Rows come one by one; compressing and writing them so would cost more than reading them. */
const CHUNK_BYTES = 262_144;

/** How long a migration that is under way is waited for. Who writes rows is never waited for, and never waits. */
const LOCK_TIMEOUT = "10s";

/**
 * Gives the chunks of a backup, and at the end what it holds. The caller has read `tables` and then begun a transaction
 * that is REPEATABLE READ and READ ONLY: the tables are locked before its snapshot is taken, so that none is rewritten
 * in between. Takes ACCESS SHARE locks, as a SELECT does. Throws BackupError where a migration comes in between.
 */
export async function* dumpDatabase(
  tx: Sql | Tx,
  tables: readonly Table[],
  progress: Progress,
): AsyncGenerator<Buffer, Trailer> {
  await tx.unsafe(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
  await tx.unsafe(`LOCK TABLE ${tables.map(({ name }) => inPublic(name)).join(", ")} IN ACCESS SHARE MODE`);
  await tx.unsafe(COPY_SETTINGS);
  if (!Bun.deepEquals(await readTables(tx), tables)) {
    throw new BackupError("A migration changed the tables just now. Run the backup again. Nothing was written.");
  }
  const opening = await describe(tx, tables);
  const estimates = await estimateRows(tx);
  const lines = new Bun.CryptoHasher("sha256");
  const line = (value: object): Buffer => {
    const text = Buffer.from(`${JSON.stringify(value)}\n`);
    lines.update(text);
    return text;
  };
  let rows = 0;
  yield line(opening);
  for (const table of tables) {
    yield line({ table: table.name });
    progress.begin(`copying ${table.name}`, estimates.get(table.name));
    const end = yield* dumpRows(tx, table, count => progress.advance(count));
    rows += end.rows;
    yield END_OF_ROWS;
    yield line(end);
  }
  const trailer: Trailer = { end: true, tables: tables.length, rows, sha256: lines.digest("hex") };
  yield Buffer.from(`${JSON.stringify(trailer)}\n`);
  return trailer;
}

async function describe(tx: Sql | Tx, tables: readonly Table[]): Promise<Header> {
  const [row] = await tx<{ now: string; postgres: string }[]>`
    SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS now,
      current_setting('server_version') AS postgres`;
  const migrations = await readHistory(tx);
  return {
    format: "extrophi-backup",
    format_version: FORMAT_VERSION,
    created_at: row?.now ?? "",
    postgres: row?.postgres ?? "",
    schema_version: (await readVersion(tx)) ?? "unknown",
    migrations: migrations.map(({ number, name, checksum }) => ({ number, name, checksum })),
    sequences: await readSequences(tx),
    tables: [...tables],
  };
}

async function* dumpRows(
  tx: Sql | Tx,
  { name, columns }: Table,
  advance: (rows: number) => void,
): AsyncGenerator<Buffer, TableEnd> {
  const source = await tx.unsafe(`COPY ${inPublic(name)} (${columns.map(quoted).join(", ")}) TO STDOUT`).readable();
  const hash = new Bun.CryptoHasher("sha256");
  let [rows, bytes] = [0, 0];
  let [waiting, waitingBytes]: [Buffer[], number] = [[], 0];
  const flush = (): Buffer => {
    const chunk = Buffer.concat(waiting, waitingBytes);
    hash.update(chunk);
    bytes += chunk.length;
    advance(waiting.length);
    [waiting, waitingBytes] = [[], 0];
    return chunk;
  };
  for await (const row of source as AsyncIterable<Buffer>) {
    rows++;
    waitingBytes += waiting[waiting.push(row) - 1]?.length ?? 0;
    if (waitingBytes >= CHUNK_BYTES) yield flush();
  }
  // postgres.js 3.4.9 pauses its socket when this stream is full, and only this stream's reading lets it go on: where the
  // last row has filled it, the connection would never answer again.
  source._read(0);
  if (waitingBytes > 0) yield flush();
  return { table: name, rows, bytes, sha256: hash.digest("hex") };
}
