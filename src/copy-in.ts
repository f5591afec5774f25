// COPY FROM STDIN: the way of many rows into a table, with an end also where PostgreSQL refuses them.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Tx } from "./db.ts";

/**
 * Feeds chunks of PostgreSQL's text format to a COPY statement; resolves when the rows are in. Throws what the database
 * or the chunks throw; the transaction can then only be rolled back.
 */
export async function copyIn(
  tx: Tx,
  statement: string,
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
): Promise<void> {
  const copy = tx.unsafe(statement);
  const target = await copy.writable();
  const refusal = Promise.withResolvers<never>();
  // postgres.js 3.4.9 tells the query of an error that comes after the last row, and not the stream, which then waits
  // for ever: `final` of connection.js is called by CommandComplete alone.
  Object.assign(copy, { reject: refusal.reject });
  await Promise.race([refusal.promise, pipeline(Readable.from(chunks), target)]);
}
