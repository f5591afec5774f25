// Requests to the server that may be sent again: each is tried a few times, with growing pauses, while the server is
// away or has too much to do. A retry needs no thought, since every request that comes here can be repeated. Only what
// is surely the server's own no counts as one: proxies and sign-in pages of hotels say 403, 404 and 413 as well.

import { OtherAccount, type ProblemDocument, Refused, Unreachable } from "./errors.ts";
import { pause, pauseAfter } from "./pause.ts";
import { readRetryAfter } from "./retry-after.ts";
import { SilenceTimer } from "./silence.ts";

/** What the client needs of `fetch`; tests put a bad network in its place. */
export type Fetch = (request: Request) => Promise<Response>;

export type ApiOptions = {
  /** `https://example.org`; redirects are not followed. */
  baseUrl: string;
  apiKey: string;
  fetch?: Fetch;
  /** How often a request is sent at most, 5 unless given. */
  attemptsMax?: number;
  /**
   * The pause after the first attempt, 200 unless given; each further one is twice as long, and a part is left to chance.
   * `follow` begins with it, too.
   */
  pauseMs?: number;
};

export type ApiRequest = {
  method: "GET" | "POST";
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
};

const ATTEMPTS_MAX = 5;
/** Before the second attempt of anything, unless the options say otherwise; and before any. */
export const PAUSE_MS = 200;
export const PAUSE_MS_MAX = 30_000;
/** Until an answer begins, and beyond that the time in which a body gets out over a very slow network. */
const ANSWER_MS_MAX = 60_000;
const BYTES_A_MS_MIN = 8;
/** From one piece of an answer to the next. */
const SILENCE_MS_MAX = 30_000;

/** Problems after which the same request would be refused again. All others pass. */
const FINAL = new Set([
  "malformed-json",
  "bad-request",
  "unauthenticated",
  "forbidden",
  "payload-too-large",
  "unsupported-media-type",
  "validation",
  "cursor-gone",
  "idempotency-key-reused",
]);

export class Api {
  readonly #closing = new AbortController();

  constructor(private readonly options: ApiOptions) {}

  /**
   * The answer's JSON, of the form that `isAnswer` knows. `finals` are problems that end this request beside those that end
   * any. Throws Refused, OtherAccount and Unreachable.
   */
  async call<T>(
    request: ApiRequest,
    isAnswer: (value: unknown) => value is T,
    finals: readonly string[] = [],
  ): Promise<T> {
    const { attemptsMax = ATTEMPTS_MAX, pauseMs = PAUSE_MS } = this.options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(request, isAnswer, finals);
      } catch (error) {
        if (!(error instanceof Unreachable) || attempt >= attemptsMax || this.#closing.signal.aborted) throw error;
        const { status, retryAfterMs = 0 } = error;
        // Too large for whatever stands between, or asked to stay away for longer than anybody waits for a call.
        if (status === 413 || retryAfterMs > PAUSE_MS_MAX) throw error;
        await pause(Math.max(pauseAfter(attempt, pauseMs, PAUSE_MS_MAX), retryAfterMs), this.#closing.signal);
      }
    }
  }

  async #attempt<T>(request: ApiRequest, isAnswer: (value: unknown) => value is T, finals: readonly string[]) {
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const silence = new SilenceTimer(ANSWER_MS_MAX + (body?.length ?? 0) / BYTES_A_MS_MIN);
    try {
      const response = await this.#send(request, body, silence.signal);
      if (!response.ok) throw await toError(response, silence, finals);
      const answer = parse(await readText(response, silence));
      if (isAnswer(answer)) return answer;
      throw new Unreachable("something else than the server answered", { status: response.status });
    } catch (error) {
      if (isKnown(error)) throw error;
      throw new Unreachable("the server can't be reached", { cause: error });
    } finally {
      silence.stop();
    }
  }

  /**
   * Opens a stream, once: its text, piece by piece, until it ends, the signal aborts, or nothing was heard for
   * `silenceMs`. Throws Refused and Unreachable.
   */
  async *stream(path: string, signal: AbortSignal, silenceMs: number): AsyncGenerator<string> {
    const silence = new SilenceTimer(silenceMs);
    try {
      const both = AbortSignal.any([signal, silence.signal]);
      const response = await this.#send({ method: "GET", path }, undefined, both);
      if (!response.ok || !response.body) throw await toError(response, silence, []);
      for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
        silence.hear(silenceMs);
        yield piece;
      }
    } catch (error) {
      if (isKnown(error)) throw error;
      throw new Unreachable("the stream broke off", { cause: error });
    } finally {
      silence.stop();
    }
  }

  /** Aborts when it is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Ends what is under way and every pause. */
  close(): void {
    this.#closing.abort();
  }

  #send({ method, path, headers = {} }: ApiRequest, body: string | undefined, signal: AbortSignal): Promise<Response> {
    const { baseUrl, apiKey, fetch: send = fetch } = this.options;
    return send(
      new Request(baseUrl.replace(/\/+$/, "") + path, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
        // A POST that is redirected may become a GET, and the key is for this server alone.
        redirect: "manual",
        signal: AbortSignal.any([signal, this.#closing.signal]),
      }),
    );
  }
}

async function readText(response: Response, silence: SilenceTimer): Promise<string> {
  let text = "";
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    silence.hear(SILENCE_MS_MAX);
    text += piece;
  }
  return text;
}

function isKnown(error: unknown): boolean {
  return error instanceof Refused || error instanceof OtherAccount || error instanceof Unreachable;
}

async function toError(response: Response, silence: SilenceTimer, finals: readonly string[]) {
  const { status, headers } = response;
  const problem = toProblem(status, headers, parse(await readText(response, silence)));
  const refused = problem && new Refused(status, problem);
  if (refused?.code === "other-account") return new OtherAccount();
  if (refused && (FINAL.has(refused.code) || finals.includes(refused.code))) return refused;
  const place = headers.get("location");
  const what = problem ? ` (${problem.detail})` : place ? `, and leads to ${place}` : "";
  return new Unreachable(`the answer was ${status}${what}`, { status, retryAfterMs: readRetryAfter(headers) });
}

/** What the server says of a request that failed; undefined where it was not the server that answered. */
function toProblem(status: number, headers: Headers, value: unknown): ProblemDocument | undefined {
  if (!headers.get("content-type")?.startsWith("application/problem+json")) return undefined;
  const { type, detail, errors, ...problem } = (value ?? {}) as Partial<ProblemDocument> & { status?: number };
  if (typeof type !== "string" || !type.startsWith("/problems/") || problem.status !== status) return undefined;
  return { type, detail: String(detail), errors: Array.isArray(errors) ? errors : [] };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
