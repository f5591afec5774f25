// Following the stream of hints: connects, listens, and connects again whenever that ends, with growing pauses.

import { type Api, Refused } from "./api.ts";

export type FollowOptions = {
  signal: AbortSignal;
  /** Told of what went wrong before it is tried again. */
  onError?: (error: unknown) => void;
};

type Hints = FollowOptions & {
  /** There may be something to pull, up to this cursor. */
  onHint: (cursor: string) => Promise<void>;
};

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;
/** The server shows every 15 s that it is there. */
const SILENCE_MS_MAX = 50_000;

/** Goes on until the signal aborts. Throws Refused where the key is no longer good. */
export async function followChanges(api: Api, clientId: string, { signal, onError, onHint }: Hints): Promise<void> {
  let pauseMs = PAUSE_MS_MIN;
  while (!signal.aborted) {
    try {
      for await (const cursor of listen(api, clientId, signal)) {
        await onHint(cursor);
        pauseMs = PAUSE_MS_MIN;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) throw error;
      onError?.(error);
    }
    await pause(pauseMs * (0.5 + Math.random() / 2), signal);
    pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
  }
}

/** The cursors of one connection's events, until it ends, falls silent or the signal aborts. */
async function* listen(api: Api, clientId: string, signal: AbortSignal): AsyncGenerator<string> {
  const silence = new AbortController();
  const path = `/api/sync/stream?${new URLSearchParams({ client_id: clientId })}`;
  const response = await api.send({ method: "GET", path, signal: AbortSignal.any([signal, silence.signal]) });
  if (!response.ok || !response.body) {
    throw new Refused(response.status, { type: "about:blank", detail: `The stream was refused: ${response.status}` });
  }
  let timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX);
  let text = "";
  try {
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX);
      const messages = (text + chunk).split("\n\n");
      text = messages.pop() ?? "";
      // Of several hints the last one says it all.
      const cursor = messages.flatMap(message => cursorIn(message) ?? []).at(-1);
      if (cursor !== undefined) yield cursor;
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

function cursorIn(message: string): string | undefined {
  const data = /^data: (.*)$/m.exec(message)?.[1];
  return data === undefined ? undefined : JSON.parse(data).cursor;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
