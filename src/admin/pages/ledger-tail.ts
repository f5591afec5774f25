// The live list of entries, as server-sent events: rows that the page puts on top. On connecting, the newest come once
// more, so that nothing is missed between the page and the stream; the page knows those that it has.

import { entryColumns } from "../../../views/admin/lists.tsx";
import { Rows } from "../../../views/admin/table.tsx";
import type { Sql } from "../../db.ts";
import { EventStream } from "../../event-stream.ts";
import type { AccountEntry, AccountEntryFilter } from "../ledger-model.ts";
import { listAllEntries } from "../ledger-store.ts";
import type { LedgerWatch } from "../ledger-watch.ts";

/** Between signs of life, with each of which the session is looked at. */
const BEAT_MS = 15_000;

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
  let sent = new Set<string>();
  let isReading = false;
  let isStale = true;
  const remove = watch.add(() => {
    isStale = true;
    void read();
  });
  const beat = setInterval(() => {
    stream.beat();
    confirm().catch(stream.end);
  }, BEAT_MS);
  const stream = new EventStream({
    signal,
    onWanted: () => void read(),
    onEnd() {
      remove();
      clearInterval(beat);
    },
  });

  /** One reading at a time, and none for a reader that has not taken what came before; then everything at once. */
  async function read(): Promise<void> {
    if (isReading) return;
    isReading = true;
    try {
      while (isStale && stream.isWanted) {
        isStale = false;
        const { items } = await listAllEntries(sql, filter, { limit: rows });
        const fresh = items.filter(({ id }) => !sent.has(id)).reverse();
        sent = new Set(items.map(({ id }) => id));
        if (fresh.length > 0) stream.send({ event: "rows", data: JSON.stringify(await Promise.all(fresh.map(toRow))) });
      }
    } catch {
      // The database is away, or the filter takes too long: the browser connects again.
      stream.end();
    } finally {
      isReading = false;
    }
  }

  return stream.response;
}

async function toRow(entry: AccountEntry): Promise<{ key: string; html: string }> {
  return { key: entry.id, html: await Rows({ columns: entryColumns(), rows: [entry], keyOf: ({ id }) => id }) };
}
