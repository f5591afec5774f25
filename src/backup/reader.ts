// Reads the file of a backup from its beginning, and believes nothing: every line, count and hash is compared, and what
// is cut off, edited or something else altogether is told as such.

import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createZstdDecompress } from "node:zlib";
import { z } from "zod";
import { reasonOf } from "../start-error.ts";
import { BackupError } from "./error.ts";
import { END_MARK, FORMAT_VERSION, type Header, header, type Table, tableEnd, tableStart, trailer } from "./format.ts";
import { LineSource } from "./line-source.ts";

/** Does something with the rows of a table; they must be read to their end. */
export type OnTable = (table: Table, rows: AsyncIterable<Buffer>) => Promise<void>;

/** What a whole file holds. */
export type Contents = Readonly<{ header: Header; rows: number; rowsOf: ReadonlyMap<string, number> }>;

/**
 * Reads a whole file, and gives each table's rows to `onTable`, in chunks of whole lines. Everything is proved only when it
 * has resolved. Throws BackupError where the file can't be read or is not what was written, and what `onTable` throws.
 */
export async function readBackup(path: string, onTable: OnTable): Promise<Contents> {
  const end = await findEnd(path);
  const compressed = createReadStream(path, end === undefined ? {} : { end: end - 1 });
  const stream = createZstdDecompress();
  compressed.once("error", error => stream.destroy(error));
  const source = new LineSource(explained(path, compressed.pipe(stream)));
  try {
    const contents = await new BackupReader(path, source).read(onTable);
    if (end === undefined) throw withoutEnd(path);
    return contents;
  } finally {
    compressed.destroy();
    stream.destroy();
  }
}

/** Reads a dump that is still being made as if it stood in a file. Throws what the dump and `onTable` throw. */
export function readDump(dump: AsyncIterable<Buffer>, onTable: OnTable): Promise<Contents> {
  return new BackupReader("The database", new LineSource(dump)).read(onTable);
}

/** By this a header is known whose rest can't be read. */
const HEADER_START = '{"format":"extrophi-backup"';

/** What every file compressed with zstd begins with. */
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Where the mark at the end of a file begins; undefined where it has none. Throws BackupError. */
async function findEnd(path: string): Promise<number | undefined> {
  const { size, first, last } = await readEnds(path);
  // Later in the file, what should begin like this and does not was damaged.
  if (!first.subarray(0, size).equals(ZSTD_MAGIC.subarray(0, size))) throw foreign(path);
  const end = size - END_MARK.length;
  return end > 0 && last.equals(END_MARK) ? end : undefined;
}

async function readEnds(path: string): Promise<{ size: number; first: Buffer; last: Buffer }> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const read = async (length: number, at: number) => (await file.read(Buffer.alloc(length), 0, length, at)).buffer;
    const first = await read(ZSTD_MAGIC.length, 0);
    return { size, first, last: await read(END_MARK.length, Math.max(0, size - END_MARK.length)) };
  } catch (error) {
    throw new BackupError(`${path} can't be read: ${reasonOf(error)}. Nothing was changed.`);
  }
}

class BackupReader {
  readonly #lines = new Bun.CryptoHasher("sha256");

  constructor(
    private readonly path: string,
    private readonly source: LineSource,
  ) {}

  async read(onTable: OnTable): Promise<Contents> {
    const opening = await this.#readHeader();
    const rowsOf = new Map<string, number>();
    for (const table of opening.tables) {
      if ((await this.#readLine(tableStart)).table !== table.name) throw damaged(this.path);
      rowsOf.set(table.name, await this.#readTable(table, onTable));
    }
    const sha256 = this.#lines.digest("hex");
    const rows = [...rowsOf.values()].reduce((sum, count) => sum + count, 0);
    const end = await this.#readLine(trailer, false);
    if (end.sha256 !== sha256 || end.rows !== rows || end.tables !== rowsOf.size) throw damaged(this.path);
    if (!(await this.source.isAtEnd())) throw damaged(this.path);
    return { header: opening, rows, rowsOf };
  }

  async #readHeader(): Promise<Header> {
    const line = await this.source.readLine();
    if (!line) throw cutOff(this.path);
    const value = parseJson(line);
    const about = z.looseObject({ format: z.literal("extrophi-backup"), format_version: z.int() }).safeParse(value);
    if (!about.success) throw line.toString().startsWith(HEADER_START) ? damaged(this.path) : foreign(this.path);
    if (about.data.format_version !== FORMAT_VERSION) {
      throw new BackupError(
        `${this.path} has format ${about.data.format_version}, and this release reads format ${FORMAT_VERSION}. Restore it with the release that made it. Nothing was changed.`,
      );
    }
    const parsed = header.safeParse(value);
    if (!parsed.success) throw damaged(this.path);
    this.#lines.update(line);
    return parsed.data;
  }

  async #readTable(table: Table, onTable: OnTable): Promise<number> {
    const hash = new Bun.CryptoHasher("sha256");
    let [rows, bytes] = [0, 0];
    const { source, path } = this;
    await onTable(
      table,
      (async function* () {
        for await (const { chunk, lines } of source.readRows()) {
          hash.update(chunk);
          rows += lines;
          bytes += chunk.length;
          yield chunk;
        }
        if (source.isCut) throw cutOff(path);
      })(),
    );
    const end = await this.#readLine(tableEnd);
    const found = { table: table.name, rows, bytes, sha256: hash.digest("hex") };
    if (!Bun.deepEquals(end, found)) throw damaged(path);
    return rows;
  }

  async #readLine<T>(schema: z.ZodType<T>, isHashed = true): Promise<T> {
    const line = await this.source.readLine();
    if (!line) throw cutOff(this.path);
    if (isHashed) this.#lines.update(line);
    const parsed = schema.safeParse(parseJson(line));
    if (!parsed.success) throw damaged(this.path);
    return parsed.data;
  }
}

function parseJson(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString());
  } catch {
    return undefined;
  }
}

/** The chunks of a stream, its errors in words. */
async function* explained(path: string, stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "ERR_STREAM_PREMATURE_CLOSE" || code === "Z_BUF_ERROR") throw cutOff(path);
    if (code.startsWith("ZSTD")) throw damaged(path);
    throw new BackupError(`${path} can't be read: ${reasonOf(error)}. Nothing was changed.`);
  }
}

function foreign(path: string): BackupError {
  return new BackupError(`${path} is not a backup that \`bun run backup\` wrote. Nothing was changed.`);
}

function cutOff(path: string): BackupError {
  return new BackupError(
    `${path} ends too early: it was cut off, perhaps while it was copied. Fetch it again, or take an earlier backup. Nothing was changed.`,
  );
}

/** Of a file whose contents are all there; a few bytes behind them are not, or more than should be. */
function withoutEnd(path: string): BackupError {
  return new BackupError(
    `${path} does not end as it was written: its last bytes were cut off, or something was added. Fetch it again, or take an earlier backup. Nothing was changed.`,
  );
}

function damaged(path: string): BackupError {
  return new BackupError(
    `${path} is not as it was written: its hashes differ from its contents. Fetch it again, or take an earlier backup. Nothing was changed.`,
  );
}
