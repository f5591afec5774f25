// What there is to back up, read from the catalogue: a table of a later migration is in the next backup by itself.

import type { Sql, Tx } from "../db.ts";
import { quoted } from "../migrate/connection.ts";
import type { Sequence, Table } from "./format.ts";

/** All tables of schema public that survive a crash, by name, with the columns that can be written. */
export function readTables(sql: Sql | Tx): Promise<readonly Table[]> {
  return sql.unsafe<Table[]>(
    `SELECT c.relname AS name, json_agg(a.attname ORDER BY a.attnum) AS columns
     FROM pg_class c
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.relnamespace = 'public'::regnamespace
     GROUP BY c.relname ORDER BY c.relname COLLATE "C"`,
  );
}

/** Where the sequences of schema public stand. */
export async function readSequences(sql: Sql | Tx): Promise<Sequence[]> {
  const names = await sql.unsafe<{ name: string }[]>(
    `SELECT relname AS name FROM pg_class
     WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace ORDER BY relname COLLATE "C"`,
  );
  const sequences: Sequence[] = [];
  for (const { name } of names) {
    sequences.push(
      ...(await sql.unsafe<Sequence[]>(
        `SELECT '${name.replaceAll("'", "''")}' AS name, last_value::text, is_called FROM ${inPublic(name)}`,
      )),
    );
  }
  return sequences;
}

/** How many rows PostgreSQL believes the tables to have, for progress. */
export async function estimateRows(sql: Sql | Tx): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.unsafe<{ name: string; rows: number }[]>(
    `SELECT relname AS name, greatest(reltuples, 0)::float8 AS rows FROM pg_class
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  );
  return new Map(rows.map(row => [row.name, Math.round(row.rows)]));
}

/** A name of schema public as an SQL identifier. */
export function inPublic(name: string): string {
  return `public.${quoted(name)}`;
}

/**
 * Settings with which both ends of a COPY write and read values alike, whatever the role or the database has set. Rows
 * that a policy would hide are an error, and not left out.
 */
export const COPY_SETTINGS = `
  SELECT set_config('client_encoding', 'UTF8', true), set_config('DateStyle', 'ISO, YMD', true),
    set_config('IntervalStyle', 'postgres', true), set_config('TimeZone', 'UTC', true),
    set_config('extra_float_digits', '3', true), set_config('bytea_output', 'hex', true),
    set_config('row_security', 'off', true)`;
