// SQL of accounts for operators.

import type { Sql, Tx } from "../db.ts";
import { Problem } from "../problem.ts";
import { profileColumns } from "../users/store.ts";
import type { Account } from "./users-model.ts";

const accountColumns = (sql: Sql | Tx) => sql`
  ${profileColumns(sql)}, u.api_key_prefix, u.entry_count::float8 AS entry_count, u.erased_at`;

/** Any account, the system's and erased ones included. Throws `not-found`. */
export async function getAccount(sql: Sql | Tx, id: string): Promise<Account> {
  const [row] = await sql<Account[]>`SELECT ${accountColumns(sql)} FROM users u WHERE u.id = ${id}::uuid`;
  if (!row) throw new Problem("not-found");
  return row;
}
