// Tells a person how long work goes on: on a terminal one line that is written anew, elsewhere a line now and then.

const TERMINAL_MS = 200;
const OTHERWISE_MS = 5_000;

/** `write` and `isTerminal` are standard error's. `now` is in milliseconds. */
export type ProgressOutput = { write(text: string): void; isTerminal: boolean; now(): number };

const standardError: ProgressOutput = {
  write: text => process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
  now: () => performance.now(),
};

/** Work in steps that have names and sizes. Says nothing about work that is done before the first line is due. */
export class Progress {
  #name = "";
  #total = 0;
  #done = 0;
  #stepStart = 0;
  #lastLine: number;
  #isLineOpen = false;

  constructor(private readonly output: ProgressOutput = standardError) {
    this.#lastLine = output.now();
  }

  /** A step begins; `total` is its size in things that `advance` counts, 0 where that is not known. */
  begin(name: string, total = 0): void {
    this.#name = name;
    this.#total = total;
    this.#done = 0;
    this.#stepStart = this.output.now();
    this.#show();
  }

  advance(count: number): void {
    this.#done += count;
    this.#show();
  }

  /** Takes the line away, so that something else can be written. */
  end(): void {
    if (this.#isLineOpen) this.output.write("\r\x1b[K");
    this.#isLineOpen = false;
  }

  #show(): void {
    const now = this.output.now();
    const { isTerminal } = this.output;
    if (now - this.#lastLine < (isTerminal ? TERMINAL_MS : OTHERWISE_MS)) return;
    this.#lastLine = now;
    this.#isLineOpen = isTerminal;
    this.output.write(isTerminal ? `\r\x1b[K${this.#line(now)}` : `${this.#line(now)}\n`);
  }

  #line(now: number): string {
    if (this.#total === 0) return this.#name;
    const share = this.#done / this.#total;
    const elapsedS = (now - this.#stepStart) / 1000;
    const rate = elapsedS > 0 ? this.#done / elapsedS : 0;
    const parts = [`${this.#name} ${Math.floor(share * 100)}%`];
    parts.push(`${this.#done.toLocaleString("en")} of ${this.#total.toLocaleString("en")}`);
    if (rate > 0) {
      parts.push(`${Math.round(rate).toLocaleString("en")}/s`);
      parts.push(`${Math.ceil((this.#total - this.#done) / rate)} s left`);
    }
    return parts.join(", ");
  }
}
