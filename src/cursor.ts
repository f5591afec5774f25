// Keyset pages: an opaque cursor that holds the sort key of a page's last row, and the limits of a page.

import { z } from "zod";
import { invalid } from "./problem.ts";
import { wholeNumber } from "./query.ts";

export const PAGE_ITEMS_DEFAULT = 50;
export const PAGE_ITEMS_MAX = 200;
/** A page ends early where its items get longer than this (8 MiB of JSON). */
export const PAGE_BYTES_MAX = 8 * 1024 * 1024;

/** The query parameters of every list. */
export const pageQuery = {
  limit: wholeNumber({ min: 1, max: PAGE_ITEMS_MAX, standard: PAGE_ITEMS_DEFAULT }),
  cursor: z.string().min(1).max(500).optional(),
};
export type PageRequest = { limit: number; cursor?: string | undefined };

/** PostgreSQL knows no year 0, and no fraction of any length. */
export const sortTime = z.iso.datetime({ precision: 6 }).refine(time => !time.startsWith("0000"));

/** The sort values of rows ordered by a time that no two of them share. */
export const timeAlone = z.tuple([sortTime]);

/** The sort values of rows ordered by a time and then by id. */
export const timeAndId = z.tuple([sortTime, z.guid()]);

/**
 * The cursors of one list under one filter: they begin with a mark of both, so that `read` refuses one that was given
 * by another list or for another filter, where it would continue nothing. `sort` checks the sort values.
 */
export function cursorsOf<T extends z.ZodType<readonly string[]>>(list: string, filter: object, sort: T) {
  const named = Object.entries(filter).filter(([name, value]) => value !== undefined && !(name in pageQuery));
  const mark = Bun.hash(JSON.stringify([list, named.sort(([a], [b]) => (a < b ? -1 : 1))])).toString(36);
  const marked = z.tuple([z.literal(mark)], z.string()).transform(([, ...values]) => sort.parse(values));
  return {
    /** The sort values; undefined without a cursor. Throws `validation`. */
    read: (cursor: string | undefined): z.output<T> | undefined => decodeCursor(cursor, marked),
    /** What toPage takes for a row with these sort values. */
    keyOf: (...values: string[]): string[] => [mark, ...values],
  };
}

/** The contract of a page of `item`. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() });
}

export type Page<T> = { items: T[]; next_cursor: string | null };

/** The cursor that continues after a row with these sort values. */
export function encodeCursor(values: readonly string[]): string {
  return Buffer.from(JSON.stringify(values)).toString("base64url");
}

/** The sort values of a cursor, checked against the schema; undefined without a cursor. Throws `validation`. */
export function decodeCursor<T extends z.ZodType>(cursor: string | undefined, schema: T): z.output<T> | undefined {
  if (cursor === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch {
    throw invalid("/cursor", "This is not a cursor of this list; take it from `next_cursor`.");
  }
}

/**
 * Makes a page of up to `limit` items from rows that were fetched with one more than that. `keyOf` gives a
 * row's sort values.
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  keyOf: (row: Row) => readonly string[],
): Page<Item> {
  const items: Item[] = [];
  let bytes = 0;
  for (const row of rows.slice(0, limit)) {
    const item = toItem(row);
    bytes += Buffer.byteLength(JSON.stringify(item));
    if (items.length > 0 && bytes > PAGE_BYTES_MAX) break;
    items.push(item);
  }
  const last = rows[items.length - 1];
  return { items, next_cursor: last && rows.length > items.length ? encodeCursor(keyOf(last)) : null };
}
