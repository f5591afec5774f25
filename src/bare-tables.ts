// Loading millions of rows: indexes and foreign keys are taken off, and built and proved anew over all rows at once
// instead of row by row (for ten million entries minutes instead of hours), and the triggers whose work
// the loader does itself stay silent. All in the caller's transaction: nobody else ever sees the tables like this.

import { arrayLiteral } from "./array-literal.ts";
import type { Tx } from "./db.ts";

/** What is taken off while a loader works. */
export type Bare = Readonly<{
  /** Tables, with their schema, whose indexes and foreign keys are built anew. The others are filled as they are. */
  tables: readonly string[];
  /** Names of triggers in schema public whose work the loader does; undefined: all of them. Others go on firing. */
  triggers: readonly string[] | undefined;
}>;

type Part = { what: string; drop: string; make: string };
type Trigger = { table: string; name: string; state: "O" | "A" | "R" };

/** Runs `fill` while the tables are bare, and puts everything back as it was; `onPart` hears what is being built. */
export async function withBareTables<T>(
  tx: Tx,
  bare: Bare,
  fill: () => Promise<T>,
  onPart: (what: string, done: number, total: number) => void,
): Promise<T> {
  const triggers = await readTriggers(tx, bare);
  const parts = [...(await readIndexes(tx, bare)), ...(await readForeignKeys(tx, bare))];
  for (const { table, name } of triggers) await tx.unsafe(`ALTER TABLE ${table} DISABLE TRIGGER ${name}`);
  for (const part of parts.toReversed()) await tx.unsafe(part.drop);
  const result = await fill();
  for (const [done, part] of parts.entries()) {
    onPart(part.what, done, parts.length);
    await tx.unsafe(part.make);
  }
  for (const { table, name, state } of triggers) {
    const how = state === "A" ? "ENABLE ALWAYS" : state === "R" ? "ENABLE REPLICA" : "ENABLE";
    await tx.unsafe(`ALTER TABLE ${table} ${how} TRIGGER ${name}`);
  }
  return result;
}

function readTriggers(tx: Tx, { triggers }: Bare) {
  return tx.unsafe<Trigger[]>(
    `SELECT tgrelid::regclass::text AS table, quote_ident(tgname) AS name, tgenabled::text AS state
     FROM pg_trigger
     WHERE ($1::text[] IS NULL OR tgname = ANY ($1::text[])) AND NOT tgisinternal AND tgenabled <> 'D'
       AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
     ORDER BY 1, 2`,
    [triggers ? arrayLiteral(triggers) : null],
  );
}

/** Every index but the primary keys: these are filled in their order, which is quick, and foreign keys rest on them. */
function readIndexes(tx: Tx, { tables }: Bare) {
  return tx.unsafe<Part[]>(
    `SELECT c.relname AS what,
       CASE WHEN k.oid IS NULL THEN 'DROP INDEX ' || i.indexrelid::regclass
         ELSE 'ALTER TABLE ' || i.indrelid::regclass || ' DROP CONSTRAINT ' || quote_ident(k.conname) END AS drop,
       CASE WHEN k.oid IS NULL THEN pg_get_indexdef(i.indexrelid)
         ELSE 'ALTER TABLE ' || i.indrelid::regclass || ' ADD CONSTRAINT ' || quote_ident(k.conname) || ' '
           || pg_get_constraintdef(k.oid) END AS make
     FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid
     LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('u', 'x')
     WHERE i.indrelid = ANY ($1::regclass[]) AND NOT i.indisprimary
     ORDER BY c.relname`,
    [arrayLiteral(tables)],
  );
}

/** The foreign keys of these tables, and others' that rest on an index that is taken off. */
function readForeignKeys(tx: Tx, { tables }: Bare) {
  return tx.unsafe<Part[]>(
    `SELECT k.conname AS what,
       'ALTER TABLE ' || k.conrelid::regclass || ' DROP CONSTRAINT ' || quote_ident(k.conname) AS drop,
       'ALTER TABLE ' || k.conrelid::regclass || ' ADD CONSTRAINT ' || quote_ident(k.conname) || ' '
         || pg_get_constraintdef(k.oid) AS make
     FROM pg_constraint k
     LEFT JOIN pg_index i ON i.indexrelid = k.conindid
     WHERE k.contype = 'f' AND (k.conrelid = ANY ($1::regclass[])
       OR (i.indrelid = ANY ($1::regclass[]) AND NOT i.indisprimary))
     ORDER BY k.conname`,
    [arrayLiteral(tables)],
  );
}
