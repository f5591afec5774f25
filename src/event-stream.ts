// Server-sent events to one reader: what is common to all streams of them. Who sends asks first whether anything is
// wanted, so that nothing is queued for a reader that is slow, and ends when the reader is gone.

/** An hour; then the reader connects again. */
const STREAM_MS_MAX = 3_600_000;
/** Signs of life that could not be written before the reader is taken to be gone. */
const BEATS_UNREAD_MAX = 4;
/** What readers are told to wait before they connect again. */
const RETRY_MS = 1_000;

const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };

/** `data` is one line. */
export type StreamEvent = { event: string; id?: string; data: string };

export type EventStreamOptions = {
  /** The reader went away, or the server stops. */
  signal: AbortSignal;
  /** The reader has taken all that was sent, and more is wanted. */
  onWanted(): void;
  /** It is over, for whichever reason; called once. */
  onEnd(): void;
};

export class EventStream {
  readonly response: Response;
  readonly #encoder = new TextEncoder();
  readonly #startedAt = performance.now();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #beatsUnread = 0;

  constructor(private readonly options: EventStreamOptions) {
    const body = new ReadableStream<Uint8Array>({
      start: controller => {
        this.#controller = controller;
        this.#write(`retry: ${RETRY_MS}\n\n`);
      },
      pull: () => {
        if (this.isOpen) options.onWanted();
      },
      cancel: this.end,
    });
    this.response = new Response(body, { headers: HEADERS });
    options.signal.addEventListener("abort", this.end, { once: true });
    if (options.signal.aborted) this.end();
  }

  get isOpen(): boolean {
    return this.#controller !== undefined;
  }

  /** Whether the reader has taken all that was sent. */
  get isWanted(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  /** Sends an event; nothing where the stream is over. */
  send({ event, id, data }: StreamEvent): void {
    this.#write(`event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`);
  }

  /** A sign of life, due every few seconds. Ends a stream that nobody reads any more, or that is an hour old. */
  beat(): void {
    const { isWanted } = this;
    this.#beatsUnread = isWanted ? 0 : this.#beatsUnread + 1;
    if (this.#beatsUnread >= BEATS_UNREAD_MAX || performance.now() - this.#startedAt > STREAM_MS_MAX) this.end();
    else if (isWanted) this.#write(":\n\n");
  }

  /** Ends it; again: nothing. */
  readonly end = (): void => {
    const controller = this.#controller;
    if (!controller) return;
    this.#controller = undefined;
    this.options.signal.removeEventListener("abort", this.end);
    try {
      controller.close();
    } catch {
      // Closed by the reader already.
    }
    this.options.onEnd();
  };

  #write(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text));
  }
}
