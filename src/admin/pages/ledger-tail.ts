// The live list of entries, as server-sent events: rows that the page puts on top. On connecting, the newest come once
// more, so that nothing is missed between the page and the stream; the page knows those that it has.

import { entryColumns } from "../../../views/admin/lists.tsx";
import { Rows } from "../../../views/admin/table.tsx";
import type { Sql } from "../../db.ts";
import type { AccountEntry, AccountEntryFilter } from "../ledger-model.ts";
import { listAllEntries } from "../ledger-store.ts";
import type { LedgerWatch } from "../ledger-watch.ts";

/** Between signs of life, with each of which the session is looked at. */
const BEAT_MS = 15_000;
/** An hour; then the browser connects again. */
const STREAM_MS_MAX = 3_600_000;
const RETRY_MS = 1_000;

export type TailOptions = {
  filter: AccountEntryFilter;
  /** As many as the page has. */
  rows: number;
  /** Rejects where the session is over. */
  confirm(): Promise<unknown>;
  /** The client went away, or the server stops. */
  signal: AbortSignal;
};

/** A stream of `rows` events: `[{key, html}]`, the oldest first. Throws as LedgerWatch.add. */
export function openTail(sql: Sql, watch: LedgerWatch, { filter, rows, confirm, signal }: TailOptions): Response {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let sent = new Set<string>();
  let isReading = false;
  let isStale = false;
  const remove = watch.add(read);
  const beat = setInterval(() => {
    send(":\n\n");
    confirm().catch(end);
  }, BEAT_MS);
  const life = setTimeout(end, STREAM_MS_MAX);
  signal.addEventListener("abort", end, { once: true });

  /** One reading at a time; what is told meanwhile makes another one. */
  async function read(): Promise<void> {
    isStale = true;
    if (isReading) return;
    isReading = true;
    try {
      while (isStale && controller) {
        isStale = false;
        const { items } = await listAllEntries(sql, filter, { limit: rows });
        const fresh = items.filter(({ id }) => !sent.has(id)).reverse();
        sent = new Set(items.map(({ id }) => id));
        if (fresh.length > 0) send(`event: rows\ndata: ${JSON.stringify(await Promise.all(fresh.map(toRow)))}\n\n`);
      }
    } catch {
      // The database is away, or the filter takes too long: the browser connects again.
      end();
    } finally {
      isReading = false;
    }
  }

  function send(text: string): void {
    controller?.enqueue(encoder.encode(text));
  }

  function end(): void {
    remove();
    clearInterval(beat);
    clearTimeout(life);
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
      send(`retry: ${RETRY_MS}\n\n`);
      void read();
    },
    cancel: end,
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
  });
}

async function toRow(entry: AccountEntry): Promise<{ key: string; html: string }> {
  return { key: entry.id, html: await Rows({ columns: entryColumns(), rows: [entry], keyOf: ({ id }) => id }) };
}
