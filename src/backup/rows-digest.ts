// A number of rows and a digest of them in which their order plays no part: a table that was restored need not give its
// rows in the order in which the first one did.

const LF = 10;
const WORDS = 8;

/** The sums, word by word modulo 2^32, of the rows' SHA-256: unlike with XOR, a row that is there twice is counted twice. */
export class RowsDigest {
  readonly #sums = new Uint32Array(WORDS);
  readonly #words = new Uint32Array(WORDS);
  readonly #hash = new Uint8Array(this.#words.buffer);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(row: Uint8Array | string): void {
    Bun.SHA256.hash(row, this.#hash);
    for (let no = 0; no < WORDS; no++) this.#sums[no] = (this.#sums[no] ?? 0) + (this.#words[no] ?? 0);
    this.#count++;
  }

  /** Whether it was given the same rows, each as often. */
  equals(other: RowsDigest): boolean {
    return this.#count === other.#count && this.#sums.every((sum, no) => sum === other.#sums[no]);
  }
}

/** The rows of a chunk of whole lines, without their ends. COPY escapes the line ends within values. */
export function* splitRows(chunk: Buffer): Generator<Buffer> {
  let start = 0;
  for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
    yield chunk.subarray(start, end);
    start = end + 1;
  }
}
