// A stream of bytes as lines, for the reader of backups: single ones where JSON is expected, and many at once where
// rows are, since one at a time would take as long as the database does.

import { END_OF_ROWS, LINE_MAX } from "./format.ts";

const LF = 10;

/** Bytes of one row at most: a body holds 8 MiB, which COPY's escapes can make four times as long. */
const ROW_MAX = 67_108_864;

export class LineSource {
  readonly #chunks: AsyncIterator<Buffer>;
  /** What was read and not yet given out. */
  #rest: Buffer = Buffer.alloc(0);
  #isCut = false;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Whether the rows that were read last went on until the stream ended, or were longer than any row is. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** The next line with its end; undefined where the stream ends first, or the line is longer than any should be. */
  async readLine(): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(LF);
      if (end >= 0 && end < LINE_MAX) return this.#take(end + 1);
      if (end >= 0 || this.#rest.length >= LINE_MAX || !(await this.#readOn())) return undefined;
    }
  }

  /** Rows up to the line that ends them, which is read as well, in chunks of whole lines. */
  async *readRows(): AsyncGenerator<{ chunk: Buffer; lines: number }> {
    this.#isCut = false;
    for (;;) {
      const { lines, end, isLast } = scan(this.#rest);
      if (end > 0) yield { chunk: this.#take(end), lines };
      if (isLast) return void this.#take(END_OF_ROWS.length);
      if (this.#rest.length < ROW_MAX && (await this.#readOn())) continue;
      this.#isCut = true;
      return;
    }
  }

  async isAtEnd(): Promise<boolean> {
    return this.#rest.length === 0 && !(await this.#readOn());
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  async #readOn(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done) return false;
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }
}

/** The whole lines at the beginning of a buffer, up to the one that ends the rows. */
function scan(buffer: Buffer): { lines: number; end: number; isLast: boolean } {
  let [lines, start] = [0, 0];
  for (;;) {
    const end = buffer.indexOf(LF, start);
    if (end < 0) return { lines, end: start, isLast: false };
    if (end === start + END_OF_ROWS.length - 1 && buffer.subarray(start, end + 1).equals(END_OF_ROWS)) {
      return { lines, end: start, isLast: true };
    }
    lines++;
    start = end + 1;
  }
}
