// The stream of hints: that there is something to pull, and up to where. One event is never queued behind another: who
// reads slowly is told the newest only.

import type { Caller } from "../auth/scopes.ts";
import { EventStream } from "../event-stream.ts";
import { encodePosition, type Position } from "./position.ts";
import type { ChangeWatch } from "./watch.ts";

export type StreamOptions = { caller: Caller; clientId: string | undefined; head: Position; signal: AbortSignal };

/**
 * A stream that begins with an event, since the reader may have missed something before it connected, and goes on with
 * one whenever there is more. Throws as ChangeWatch.add.
 */
export function openStream(watch: ChangeWatch, { caller, clientId, head, signal }: StreamOptions): Response {
  let waitingHead: number | undefined = head.changeNo;
  const remove = watch.add({
    kind: "stream",
    caller,
    clientId,
    known: head.changeNo,
    onChange(newest) {
      waitingHead = newest;
      flush();
    },
    onBeat: () => stream.beat(),
    onEnd: () => stream.end(),
  });
  const stream = new EventStream({ signal, onWanted: flush, onEnd: remove });

  function flush(): void {
    if (waitingHead === undefined || !stream.isWanted) return;
    const cursor = encodePosition({ ...head, changeNo: waitingHead });
    waitingHead = undefined;
    stream.send({ event: "change", id: cursor, data: JSON.stringify({ cursor }) });
  }

  return stream.response;
}
