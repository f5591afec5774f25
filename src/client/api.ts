// Requests to the server that may be sent again: each is tried a few times, with growing pauses, while the server is
// away or has too much to do. A retry needs no thought, since every request that comes here can be repeated.

/** What the client needs of `fetch`; tests put a bad network in its place. */
export type Fetch = (request: Request) => Promise<Response>;

export type ApiOptions = {
  baseUrl: string;
  apiKey: string;
  fetch?: Fetch;
  /** How often a request is sent at most. */
  attemptsMax?: number;
  /** The pause after the first attempt; each further one is twice as long, and a part of it is left to chance. */
  pauseMs?: number;
};

export type ApiRequest = {
  method: "GET" | "POST";
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** For streams, which have no end to wait for. */
  signal?: AbortSignal;
};

/** The server refused the request, and would again. `type` tells why (RFC 9457). */
export class Refused extends Error {
  override name = "Refused";

  constructor(
    readonly status: number,
    readonly problem: { type: string; detail: string },
  ) {
    super(problem.detail);
  }
}

/** The server did not answer, however often it was asked: what was asked for may have been done or not. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

const ATTEMPTS_MAX = 5;
const PAUSE_MS = 200;
const PAUSE_MS_MAX = 30_000;
/** Longer than a pull waits. */
const ANSWER_MS_MAX = 60_000;

export class Api {
  constructor(private readonly options: ApiOptions) {}

  /** The answer's JSON. Throws Refused and Unreachable. */
  async call<T>(request: ApiRequest): Promise<T> {
    const { attemptsMax = ATTEMPTS_MAX, pauseMs = PAUSE_MS } = this.options;
    for (let attempt = 1; ; attempt++) {
      let pause = Math.min(pauseMs * 2 ** (attempt - 1), PAUSE_MS_MAX) * (0.5 + Math.random() / 2);
      try {
        const response = await this.send({ signal: AbortSignal.timeout(ANSWER_MS_MAX), ...request });
        const isLater = response.status === 429 || response.status >= 500;
        // The body may break off as well.
        const text = await response.text();
        if (response.ok) return JSON.parse(text) as T;
        if (!isLater) throw new Refused(response.status, problemIn(text));
        pause = Math.max(pause, Number(response.headers.get("retry-after") ?? 0) * 1000);
        if (attempt >= attemptsMax) throw new Unreachable(`the server answered ${response.status}`);
      } catch (error) {
        if (error instanceof Refused || error instanceof Unreachable) throw error;
        if (attempt >= attemptsMax) throw new Unreachable("the server can't be reached", { cause: error });
      }
      await new Promise(resolve => setTimeout(resolve, pause));
    }
  }

  /** Sends a request once. */
  send({ method, path, body, headers = {}, signal }: ApiRequest): Promise<Response> {
    const { baseUrl, apiKey, fetch: send = fetch } = this.options;
    return send(
      new Request(baseUrl.replace(/\/+$/, "") + path, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      }),
    );
  }
}

function problemIn(text: string): { type: string; detail: string } {
  try {
    const { type, detail } = JSON.parse(text);
    return { type: String(type), detail: String(detail) };
  } catch {
    return { type: "about:blank", detail: "The answer was not understood." };
  }
}
