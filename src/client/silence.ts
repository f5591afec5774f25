// Ends an exchange in which nothing is heard any longer: connections can die without a word, and large answers over slow
// networks may take as long as they keep coming.

/** Aborts when nothing was heard for some time. */
export class SilenceTimer {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Waits for the first sign of life from now on. */
  constructor(ms: number) {
    this.hear(ms);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something was heard; the next thing has to come within `ms`. */
  hear(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(new Error("nothing was heard for too long")), ms);
  }

  /** Ends the exchange, if it has not ended. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}
