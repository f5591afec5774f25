// What is in the database since a moment, read from the tables themselves and not through the server.

import type { Sql } from "../../../src/db.ts";
import { type Row, type Rows, TABLES, type Table, type Tables } from "./rows.ts";

/** Every row has its `id`, by which a promise names it; $1 is the moment. */
const QUERIES: Readonly<Record<Table, string>> = {
  entry: `
    SELECT concat(transaction_type, ' ', CASE
        WHEN transaction_type = 'publish_reward' THEN card_id
        WHEN transaction_type IN ('attribution_payment', 'attribution_received') THEN attribution_id
        ELSE transaction_id END, ', leg ', leg) AS id,
      user_id::text AS user, amount::text, balance_after::text AS balance, idempotency_key AS key
    FROM extropy_ledger WHERE created_at > $1`,
  card: `
    SELECT id::text, user_id::text AS user, title, content, content_hash AS hash, slug, is_published::text AS published
    FROM cards WHERE created_at > $1`,
  attribution: `
    SELECT id::text, source_card_id::text AS source, target_card_id::text AS target, attribution_type AS type,
      target_user_id::text AS payer, source_user_id::text AS payee, extropy_amount::text AS amount, attribution_note AS note
    FROM attributions WHERE created_at > $1`,
  note: `
    SELECT transaction_id::text AS id, author_id::text AS author, note FROM transaction_notes WHERE created_at > $1`,
  "audit record": `
    SELECT coalesce(l.transaction_id, l.id)::text AS id, l.actor_id::text AS actor, l.action, r.reason
    FROM audit_log l LEFT JOIN audit_reasons r ON r.audit_id = l.id WHERE l.at > $1`,
  "idempotency record": `
    SELECT concat(user_id, ' ', key) AS id,
      coalesce(answer ->> 'transaction_id', answer ->> 'attribution_id', answer -> 'cards' -> 0 ->> 'id') AS ref
    FROM idempotency_records WHERE created_at > $1`,
};

/** The moment of the database's clock: what is committed later has later rows, when nothing is under way now. */
export async function readMoment(sql: Sql): Promise<string> {
  const [row] = await sql<{ now: string }[]>`SELECT clock_timestamp()::text AS now`;
  return row?.now ?? "";
}

/** All rows since the moment; two rows with one id are told apart, so that both are seen. */
export async function readTables(sql: Sql, since: string): Promise<Tables> {
  const read = async (table: Table) => [table, toRows(await sql.unsafe(QUERIES[table], [since]))] as const;
  return Object.fromEntries(await Promise.all(TABLES.map(read))) as unknown as Tables;
}

function toRows(found: readonly Record<string, unknown>[]): Rows {
  const rows: Rows = new Map();
  for (const { id, ...row } of found) {
    let name = String(id);
    while (rows.has(name)) name += " once more";
    rows.set(name, row as Row);
  }
  return rows;
}
