// The form of a backup, inside its zstd stream: text that people can read without this program. A line of JSON opens it;
// then, for each table, a line of JSON, the rows as PostgreSQL's COPY writes them, a line `\.`, and a line of JSON with
// their number and hash; a line of JSON ends it, so that what was cut off is missed.

import { z } from "zod";

/** Raised when older programs could not read the file any more. */
export const FORMAT_VERSION = 1;

/** The line after the last row of a table. COPY escapes backslashes, so that no row looks like it. */
export const END_OF_ROWS = Buffer.from("\\.\n");

/** Characters of a line of JSON, far more than any needs. */
export const LINE_MAX = 1_048_576;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

/** Names come from a file that anybody may have written: whoever puts them into SQL quotes them. */
const name = z.string().min(1).max(63);

/**
 * Behind the zstd stream, as a frame that its tools skip (RFC 8878, 3.1.2): a decoder makes do without the last bytes of a
 * stream, and what is not whole should not pass for it.
 */
export const END_MARK = Buffer.from("\x50\x2a\x4d\x18\x04\0\0\0end\n", "latin1");

export const header = z.strictObject({
  format: z.literal("extrophi-backup"),
  format_version: z.int(),
  created_at: z.string(),
  postgres: z.string(),
  schema_version: z.string(),
  migrations: z.array(z.strictObject({ number: z.int(), name: z.string(), checksum: sha256 })),
  /** Read after the snapshot was taken, so that they are past every id in it. */
  sequences: z.array(z.strictObject({ name, last_value: z.string().regex(/^\d{1,19}$/), is_called: z.boolean() })),
  tables: z.array(z.strictObject({ name, columns: z.array(name).min(1) })),
});

export const tableStart = z.strictObject({ table: name });
export const tableEnd = z.strictObject({ table: name, rows: count, bytes: count, sha256 });
/** `sha256` is that of all lines of JSON before it, so that no table can be taken out. */
export const trailer = z.strictObject({ end: z.literal(true), tables: count, rows: count, sha256 });

export type Header = z.infer<typeof header>;
export type TableEnd = z.infer<typeof tableEnd>;
export type Trailer = z.infer<typeof trailer>;
export type Sequence = Header["sequences"][number];
export type Table = Header["tables"][number];
