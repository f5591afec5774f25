// The stream of hints, as server-sent events: that there is something to pull, and up to where. One event is never
// queued behind another: who reads slowly is told the newest only.

import type { Caller } from "../auth/scopes.ts";
import { encodePosition, type Position } from "./position.ts";
import type { ChangeWatch } from "./watch.ts";

/** An hour; then the client connects again. */
const STREAM_MS_MAX = 3_600_000;
/** Signs of life that could not be written, one every 15 s, before the reader is taken to be gone. */
const BEATS_UNREAD_MAX = 4;
/** What clients are told to wait before they connect again. */
const RETRY_MS = 1_000;

export type StreamOptions = { caller: Caller; clientId: string | undefined; head: Position; signal: AbortSignal };

/**
 * A stream that begins with an event, since the reader may have missed something before it connected, and goes on with
 * one whenever there is more. Throws as ChangeWatch.add.
 */
export function openStream(watch: ChangeWatch, { caller, clientId, head, signal }: StreamOptions): Response {
  const startedAt = performance.now();
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let waitingHead: number | undefined = head.changeNo;
  let beatsUnread = 0;

  const remove = watch.add({
    kind: "stream",
    caller,
    clientId,
    known: head.changeNo,
    onChange(newest) {
      waitingHead = newest;
      flush();
    },
    onBeat() {
      const isUnread = (controller?.desiredSize ?? 0) <= 0;
      beatsUnread = isUnread ? beatsUnread + 1 : 0;
      if (beatsUnread >= BEATS_UNREAD_MAX || performance.now() - startedAt > STREAM_MS_MAX) end();
      else if (!isUnread) controller?.enqueue(encoder.encode(":\n\n"));
    },
    onEnd: end,
  });
  signal.addEventListener("abort", end, { once: true });

  function flush(): void {
    if (!controller || waitingHead === undefined || (controller.desiredSize ?? 0) <= 0) return;
    const cursor = encodePosition({ ...head, changeNo: waitingHead });
    waitingHead = undefined;
    controller.enqueue(encoder.encode(`event: change\nid: ${cursor}\ndata: {"cursor":"${cursor}"}\n\n`));
  }

  function end(): void {
    remove();
    signal.removeEventListener("abort", end);
    try {
      controller?.close();
    } catch {
      // Closed by the reader already.
    }
    controller = undefined;
  }

  const body = new ReadableStream<Uint8Array>({
    start(opened) {
      controller = opened;
      opened.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`));
    },
    pull: flush,
    cancel: end,
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
  });
}
