// A list of entries that grows while one looks at it, and can be paused. Without the script it is an ordinary list.

import { Html } from "@kitajs/html";
import type { AccountEntry } from "../../src/admin/ledger-model.ts";
import { hrefWith, type RawQuery } from "./address.ts";
import { entryColumns } from "./lists.tsx";
import { DataTable } from "./table.tsx";

export type LiveTableProps = {
  caption: string;
  entries: readonly AccountEntry[];
  empty: JSX.Element;
  /** The filter of the list; undefined: it does not grow. */
  raw: RawQuery | undefined;
  /** As many rows as there would be at the beginning. */
  rows: number;
  /** Rows that stay; undefined: all. */
  keep?: number;
  /** What stands at the right of the list's head. */
  aside?: JSX.Element;
};

export function LiveTable({ caption, entries, empty, raw, rows, keep, aside = "" }: LiveTableProps) {
  return (
    <>
      <div class="over">
        {raw ? (
          <div
            class="tail needs-script"
            data-tail={hrefWith("/admin/ledger/tail", raw, { limit: String(rows) })}
            data-tail-body="entries-body"
            {...(keep === undefined ? {} : { "data-tail-keep": String(keep) })}
          >
            <span data-tail-state role="status">
              connecting
            </span>
            <button type="button" data-tail-pause aria-pressed="false" aria-keyshortcuts="p">
              Pause
            </button>
          </div>
        ) : (
          <span></span>
        )}
        {aside}
      </div>
      <DataTable
        caption={caption}
        columns={entryColumns()}
        rows={entries}
        empty={empty}
        keyOf={({ id }) => id}
        {...(raw ? { bodyId: "entries-body" } : {})}
      />
    </>
  );
}
