// SQL that reads accounts for operators.

import { z } from "zod";
import { readBounded } from "../bounded-read.ts";
import { cursorsOf, type Page, type PageRequest, sortTime, toPage } from "../cursor.ts";
import type { Fragment, Sql, Tx } from "../db.ts";
import { Problem } from "../problem.ts";
import { anyText } from "../text.ts";
import { profileColumns } from "../users/store.ts";
import { RANK_MAX, rankOf } from "./ranks.ts";
import type { Account, AccountFilter, AccountSort } from "./users-model.ts";

const accountColumns = (sql: Sql | Tx) => sql`
  ${profileColumns(sql)}, u.api_key_prefix, u.entry_count::float8 AS entry_count, u.erased_at`;

/** Any account, the system's and erased ones included. Throws `not-found`. */
export async function getAccount(sql: Sql | Tx, id: string): Promise<Account> {
  const [row] = await sql<Account[]>`SELECT ${accountColumns(sql)} FROM users u WHERE u.id = ${id}::uuid`;
  if (!row) throw new Problem("not-found");
  return row;
}

/** Whether nobody else could do what an admin does if this account could not (any more). */
export async function isOnlyAdmin(sql: Sql, { id, role, is_active }: Account): Promise<boolean> {
  if (role !== "admin" || !is_active) return false;
  const others = await sql`SELECT FROM users WHERE role = 'admin' AND is_active AND id <> ${id}::uuid LIMIT 1`;
  return others.length === 0;
}

/** The balance from which on an account has a rank (0017_pages.sql). */
const RANKED_FROM = 64;

type Column = "created_at" | "username" | "balance";

/** The expression of a sort, and the type of its values. */
const sorts = (sql: Sql) =>
  ({
    created_at: [sql`u.created_at`, sql`timestamptz`],
    username: [sql`lower(u.username) COLLATE "C"`, sql`text`],
    // Without an index, which would have to be written with every payment: see findLowestRank.
    balance: [sql`u.extropy_balance`, sql`decimal`],
  }) as const;

const sortValue: Readonly<Record<Column, z.ZodType<string>>> = {
  created_at: sortTime,
  username: anyText.max(255),
  balance: z.string().regex(/^[0-9]{1,18}\.[0-9]{2}$/),
};

function columnOf(sort: AccountSort): Column {
  return sort.replace("-", "") as Column;
}

/** Accounts by name, e-mail address, id, role and activity. Throws `validation`. */
export async function listAccounts(
  sql: Sql,
  filter: AccountFilter,
  { limit, cursor }: PageRequest,
): Promise<Page<Account>> {
  const { q, role, active, sort } = filter;
  const cursors = cursorsOf("accounts", filter, z.tuple([sortValue[columnOf(sort)], z.guid()]));
  const after = cursors.read(cursor);
  const [by, type] = sorts(sql)[columnOf(sort)];
  const [comesAfter, direction] = sort.startsWith("-") ? [sql`<`, sql`DESC`] : [sql`>`, sql`ASC`];
  const found = q ? await findIds(sql, q, SORTED_ACCOUNTS_MAX + 1) : undefined;
  const ids = found && found.length <= SORTED_ACCOUNTS_MAX ? found : undefined;
  const within = sql`
    true
    ${q ? sql`AND ${ids ? sql`u.id = ANY (${ids}::uuid[])` : matches(sql, q)}` : sql``}
    ${role ? sql`AND u.role = ${roleLiteral(sql, role)}` : sql``}
    ${active === undefined ? sql`` : sql`AND ${active ? sql`` : sql`NOT`} u.is_active`}
    ${after ? sql`AND (${by}, u.id) ${comesAfter} (${after[0]}::${type}, ${after[1]}::uuid)` : sql``}`;
  const lowest = sort === "-balance" && !ids ? await findLowestRank() : undefined;
  const ask = (tx: Sql | Tx) => tx<(Account & { sort_value: string })[]>`
    SELECT ${accountColumns(sql)}, ${by} AS sort_value FROM users u
    WHERE ${within} ${lowest ? sql`AND u.balance_rank >= ${lowest}` : sql``}
    ORDER BY ${by} ${direction}, u.id ${direction} LIMIT ${limit + 1}`;
  const rows = lowest ? await read(ask) : await ask(sql);
  return toPage(
    rows,
    limit,
    ({ sort_value: _, ...row }) => row,
    row => cursors.keyOf(row.sort_value, row.id),
  );

  /** All accounts of the page are of this rank or above; undefined where too few have ranks: then it looks at all. */
  async function findLowestRank(): Promise<number | undefined> {
    const highest = after ? rankOf(Number(after[0]), RANKED_FROM) : RANK_MAX;
    const find = (tx: Sql | Tx) => tx<{ rank: number }[]>`
      SELECT u.balance_rank AS rank FROM users u WHERE u.balance_rank <= ${highest} AND ${within}
      ORDER BY u.balance_rank DESC LIMIT ${limit + 1}`;
    return (await read(find))[limit]?.rank;
  }

  /** Without a filter the ranks alone decide, and there is nothing to bound. */
  async function read<Row>(query: (tx: Sql | Tx) => PromiseLike<readonly Row[]>): Promise<readonly Row[]> {
    const isFiltered = q || role || active !== undefined;
    return isFiltered ? readBounded(sql, query) : query(sql);
  }
}

/** Written into the statement, so that the planner knows which roles are rare. */
function roleLiteral(sql: Sql, role: Account["role"]) {
  return { member: sql`'member'`, auditor: sql`'auditor'`, admin: sql`'admin'` }[role];
}

/** Some accounts whose name, e-mail address or id begins with a text, by name; the one with this name before them. */
export async function findAccounts(sql: Sql, q: string, limit: number): Promise<Account[]> {
  // So many of each kind are enough: what else there is, the list of accounts shows.
  const ids = await findIds(sql, q, limit);
  return sql<Account[]>`
    SELECT ${accountColumns(sql)} FROM users u WHERE u.id = ANY (${ids}::uuid[])
    ORDER BY lower(u.username) = lower(${q}) DESC, lower(u.username) COLLATE "C", u.id LIMIT ${limit}`;
}

/** The account of a key, by the key's public beginning or the id of a named one. */
export async function findAccountsByKey(
  sql: Sql,
  key: { id: string | undefined; prefix: string | undefined },
): Promise<Account[]> {
  return sql<Account[]>`
    SELECT ${accountColumns(sql)} FROM users u
    WHERE u.id IN (
      SELECT o.id FROM users o WHERE o.api_key_prefix = ${key.prefix ?? null}
      UNION ALL
      SELECT k.user_id FROM api_keys k WHERE k.key_prefix = ${key.prefix ?? null} OR k.id = ${key.id ?? null}::uuid)
    ORDER BY u.id LIMIT 2`;
}

/** Up to so many accounts are sorted after they were found; of more, a walk through the sorted ones soon meets a page. */
const SORTED_ACCOUNTS_MAX = 1000;

/** What a search goes by: conditions on names, and a range of ids. */
function searched(sql: Sql, q: string) {
  const names = [sql`username`, sql`email`, sql`display_name`].map(name => sql`lower(u.${name}) COLLATE "C"`);
  const range = idsBeginningWith(q);
  const byId = range ? sql`u.id BETWEEN ${range.first}::uuid AND ${range.last}::uuid` : sql`false`;
  return { names, byId };
}

/** The ids of accounts that a search finds: by each name and by the id up to `limit`, the first in its order. */
async function findIds(sql: Sql, q: string, limit: number): Promise<string[]> {
  const { names, byId } = searched(sql, q);
  // U+10FFFF is no character, and comes after all of them.
  const begins = (name: Fragment) =>
    sql`${name} >= lower(${q}::text) COLLATE "C" AND ${name} < lower(${q}::text) || chr(1114111)`;
  const first = (condition: Fragment, order: Fragment) =>
    sql`(SELECT u.id FROM users u WHERE ${condition} ORDER BY ${order} LIMIT ${limit})`;
  const rows = await sql<{ id: string }[]>`
    ${names.map(name => sql`${first(begins(name), name)} UNION `)} ${first(byId, sql`u.id`)}`;
  return rows.map(({ id }) => id);
}

/** Not in a form that an index serves, which would give all that there are, to be sorted for each page. */
function matches(sql: Sql, q: string): Fragment {
  const { names, byId } = searched(sql, q);
  return sql`(${names.map(name => sql`strpos(${name}, lower(${q}::text)) = 1 OR `)} ${byId})`;
}

/** The first and the last id that begin with a text; undefined where no id can. */
function idsBeginningWith(text: string): { first: string; last: string } | undefined {
  const first = text.toLowerCase() + "00000000-0000-0000-0000-000000000000".slice(text.length);
  const last = text.toLowerCase() + "ffffffff-ffff-ffff-ffff-ffffffffffff".slice(text.length);
  return z.guid().safeParse(first).success ? { first, last } : undefined;
}
