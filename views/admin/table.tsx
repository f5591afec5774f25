// Lists as real tables: a caption, headers that say what they are of and how they are sorted, and a frame that scrolls
// where the screen is too narrow.

import { Html } from "@kitajs/html";
import { hrefWith, type RawQuery, SWAPPED } from "./address.ts";
import { Empty } from "./notices.tsx";

export type Column<Row> = Readonly<{
  label: string;
  cell(row: Row): JSX.Element;
  /** What `sort` is called by this column; undefined: it can't be sorted by. */
  sort?: string;
  /** Numbers stand at the right. */
  isNumber?: boolean;
  /** The cell that names the row. */
  isName?: boolean;
}>;

export type TableProps<Row> = {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  empty: JSX.Element;
  /** Where the headers' links lead; left out where nothing is sorted. */
  sorting?: Sorting | undefined;
  /** The id of the tbody, where rows come in live. */
  bodyId?: string;
  keyOf?: (row: Row) => string;
};

export type Sorting = Readonly<{
  path: string;
  raw: RawQuery;
  /** As in the address: a minus in front is downwards. */
  current: string;
  /** Whether a list has one direction for each sort only. */
  isFixed?: boolean;
}>;

export function DataTable<Row>({ caption, columns, rows, empty, sorting, bodyId, keyOf }: TableProps<Row>) {
  if (rows.length === 0 && bodyId === undefined) return <Empty>{empty}</Empty>;
  return (
    <div class="table" tabindex="0">
      <table>
        <caption safe>{caption}</caption>
        <thead>
          <tr>
            {columns.map(column => (
              <Header column={column} sorting={sorting} />
            ))}
          </tr>
        </thead>
        <tbody {...(bodyId ? { id: bodyId } : {})}>
          <Rows columns={columns} rows={rows} {...(keyOf ? { keyOf } : {})} />
        </tbody>
      </table>
      {rows.length === 0 ? <Empty>{empty}</Empty> : ""}
    </div>
  );
}

type RowsProps<Row> = Pick<TableProps<Row>, "columns" | "rows" | "keyOf">;

/** The rows alone, as they come in live. */
export function Rows<Row>({ columns, rows, keyOf }: RowsProps<Row>) {
  return (
    <>
      {rows.map(row => (
        <tr {...(keyOf ? { "data-key": keyOf(row) } : {})}>
          {columns.map(({ cell, isNumber, isName }) =>
            isName ? (
              <th scope="row" class={isNumber ? "number" : ""}>
                {cell(row)}
              </th>
            ) : (
              <td class={isNumber ? "number" : ""}>{cell(row)}</td>
            ),
          )}
        </tr>
      ))}
    </>
  );
}

type HeaderProps = { column: Pick<Column<never>, "label" | "sort" | "isNumber">; sorting: Sorting | undefined };

function Header({ column: { label, sort, isNumber }, sorting }: HeaderProps) {
  const className = isNumber ? "number" : "";
  if (!sorting || sort === undefined) {
    return (
      <th scope="col" class={className} safe>
        {label}
      </th>
    );
  }
  const isCurrent = sorting.current.replace("-", "") === sort;
  const isDown = sorting.isFixed || sorting.current.startsWith("-");
  // What one wants to see first of anything that is counted is most of it, and of names the first.
  const next = sorting.isFixed
    ? sort
    : isCurrent
      ? isDown
        ? sort
        : `-${sort}`
      : sort === "username"
        ? sort
        : `-${sort}`;
  return (
    <th scope="col" class={className} {...(isCurrent ? { "aria-sort": isDown ? "descending" : "ascending" } : {})}>
      <a id={`sort-${sort}`} href={hrefWith(sorting.path, sorting.raw, { sort: next })} {...BOOSTED}>
        <span safe>{label}</span>
      </a>
    </th>
  );
}

/** A link within a list changes the list in place. */
const BOOSTED = { "hx-boost": "true", ...SWAPPED } as const;

export type PagerProps = { path: string; raw: RawQuery; next: string | null };

/** To the next page of a list, and to its beginning. Back is the browser's. */
export function Pager({ path, raw, next }: PagerProps) {
  if (next === null && raw.cursor === undefined) return "";
  return (
    <nav class="pager" aria-label="Pages">
      {raw.cursor === undefined ? (
        <span></span>
      ) : (
        <a id="pager-first" href={hrefWith(path, raw, {})} {...BOOSTED}>
          ⇤ First page
        </a>
      )}
      {next === null ? (
        <span class="soft">That is all.</span>
      ) : (
        <a id="pager-next" rel="next" href={hrefWith(path, raw, { cursor: next })} {...BOOSTED}>
          Next page →
        </a>
      )}
    </nav>
  );
}
