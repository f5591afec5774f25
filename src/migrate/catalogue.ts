// What the schema really consists of, read from pg_catalog: every object of schema public as a name and
// one text that says all about it that matters, so that two catalogues can be compared line by line.

import type { Sql, Tx } from "../db.ts";
import { canonical } from "./canonical.ts";

// Objects that an extension brought along are the extension's business.
const NOT_FROM_EXTENSION = (catalogue: string, alias: string) => `NOT EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = '${catalogue}'::regclass AND d.objid = ${alias}.oid AND d.deptype = 'e')`;

const OUR_RELATION = `c.relnamespace = 'public'::regnamespace AND ${NOT_FROM_EXTENSION("pg_class", "c")}`;

const FIRING = (column: string) =>
  `CASE ${column} WHEN 'O' THEN 'enabled' WHEN 'A' THEN 'enabled always' WHEN 'R' THEN 'replica only' ELSE 'disabled' END`;

/** Of each kind of object: a query for name and definition. Names of a table's parts start with the table's. */
const QUERIES = {
  table: `
    SELECT c.relname AS name, concat_ws(', ',
      CASE c.relkind WHEN 'p' THEN 'partitioned table' ELSE 'table' END,
      CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
      CASE WHEN c.relrowsecurity THEN 'row security' END,
      CASE WHEN c.relforcerowsecurity THEN 'row security forced' END,
      (SELECT 'inherits from ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
        FROM pg_inherits i WHERE i.inhrelid = c.oid),
      (SELECT 'inherited by ' || string_agg(i.inhrelid::regclass::text, ', ' ORDER BY i.inhrelid::regclass::text)
        FROM pg_inherits i WHERE i.inhparent = c.oid)) AS definition
    FROM pg_class c WHERE c.relkind IN ('r', 'p') AND ${OUR_RELATION}`,

  column: `
    SELECT c.relname || '.' || a.attname AS name, concat_ws(' ',
      format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation END,
      CASE WHEN a.attnotnull THEN 'NOT NULL' END,
      CASE WHEN a.attidentity <> '' THEN 'IDENTITY ' || a.attidentity::text END,
      CASE WHEN a.attgenerated <> '' THEN 'GENERATED ' || a.attgenerated::text ELSE 'DEFAULT' END
        || ' ' || pg_get_expr(def.adbin, def.adrelid)) AS definition
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef def ON def.adrelid = c.oid AND def.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p') AND ${OUR_RELATION}`,

  // NOT NULL ('n') has rows here from PostgreSQL 18 on and stands with the column; 't' is in pg_trigger. A
  // foreign key works by triggers of its own, which ALTER TABLE … DISABLE TRIGGER ALL silences as well.
  constraint: `
    SELECT c.relname || '.' || k.conname AS name, pg_get_constraintdef(k.oid) || CASE WHEN EXISTS (
      SELECT FROM pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgisinternal AND t.tgenabled NOT IN ('O', 'A'))
      THEN ' (its triggers disabled)' ELSE '' END AS definition
    FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x')
    WHERE ${OUR_RELATION}`,

  // The index of a constraint is said with the constraint.
  index: `
    SELECT c.relname || '.' || i.relname AS name,
      pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid THEN '' ELSE ' (invalid)' END AS definition
    FROM pg_class c
    JOIN pg_index x ON x.indrelid = c.oid
    JOIN pg_class i ON i.oid = x.indexrelid
    WHERE ${OUR_RELATION}
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))`,

  trigger: `
    SELECT c.relname || '.' || t.tgname AS name,
      ${FIRING("t.tgenabled")} || ': ' || pg_get_triggerdef(t.oid) AS definition
    FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
    WHERE ${OUR_RELATION}`,

  rule: `
    SELECT c.relname || '.' || r.rulename AS name,
      ${FIRING("r.ev_enabled")} || ': ' || pg_get_ruledef(r.oid) AS definition
    FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename <> '_RETURN'
    WHERE ${OUR_RELATION}`,

  view: `
    SELECT c.relname AS name, concat_ws(' ',
      CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END,
      (SELECT '(' || string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) || ')'
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
      'WITH (' || array_to_string(c.reloptions, ', ') || ')',
      'AS') || E'\\n' || pg_get_viewdef(c.oid) AS definition
    FROM pg_class c WHERE c.relkind IN ('v', 'm') AND ${OUR_RELATION}`,

  function: `
    SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name, concat_ws(', ',
      'takes (' || pg_get_function_arguments(p.oid) || ')',
      'returns ' || pg_get_function_result(p.oid),
      'language ' || l.lanname,
      CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' WHEN 'w' THEN 'window' END,
      CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
      CASE WHEN p.proisstrict THEN 'strict' END,
      CASE WHEN p.prosecdef THEN 'security definer' END,
      CASE WHEN p.proleakproof THEN 'leakproof' END,
      CASE p.proparallel WHEN 's' THEN 'parallel safe' WHEN 'r' THEN 'parallel restricted' END,
      'set ' || array_to_string(p.proconfig, ' set '),
      'steps ' || g.aggtransfn || ' ' || g.aggfinalfn || ' from ' || coalesce(g.agginitval, 'null'),
      'body SHA-256 ' || encode(sha256(convert_to(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), 'UTF8')), 'hex')
    ) AS definition
    FROM pg_proc p
    JOIN pg_language l ON l.oid = p.prolang
    LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid
    WHERE p.pronamespace = 'public'::regnamespace AND ${NOT_FROM_EXTENSION("pg_proc", "p")}`,

  sequence: `
    SELECT c.relname AS name, concat_ws(' ',
      format_type(s.seqtypid, NULL), 'start', s.seqstart, 'increment', s.seqincrement,
      'from', s.seqmin, 'to', s.seqmax, 'cache', s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END,
      'owned by ' || (SELECT d.refobjid::regclass || '.' || a.attname
        FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i'))) AS definition
    FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid
    WHERE ${OUR_RELATION}`,

  // Enums, domains and ranges; the row types of tables and the array types come along with what they belong to.
  type: `
    SELECT t.typname AS name, concat_ws(' ',
      CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' ELSE 'range' END,
      (SELECT '(' || string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) || ')'
        FROM pg_enum e WHERE e.enumtypid = t.oid),
      (SELECT '(' || string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) || ')'
        FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
      CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
      CASE WHEN t.typnotnull THEN 'NOT NULL' END,
      'DEFAULT ' || t.typdefault,
      (SELECT string_agg(pg_get_constraintdef(k.oid), ' ' ORDER BY k.conname)
        FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c')) AS definition
    FROM pg_type t
    WHERE t.typnamespace = 'public'::regnamespace AND ${NOT_FROM_EXTENSION("pg_type", "t")}
      AND (t.typtype IN ('e', 'd', 'r')
        OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))`,
} as const;

export type Kind = keyof typeof QUERIES;

/** The kinds of object, in the order in which reports name them. */
export const KINDS = Object.keys(QUERIES) as readonly Kind[];

/** The definitions by kind and name. */
export type Catalogue = Readonly<Record<Kind, Readonly<Record<string, string>>>>;

/** `expected` is missing where an object is one too many, `found` where it is not there. */
export type Difference = Readonly<{ kind: Kind; name: string; expected?: string; found?: string }>;

/** Reads the catalogue. The connection's search_path has to be pg_catalog alone: see `withDatabase`. */
export async function readCatalogue(sql: Sql | Tx): Promise<Catalogue> {
  const kinds = KINDS.map(async kind => {
    const rows = await sql.unsafe<{ name: string; definition: string }[]>(
      `SELECT name, definition FROM (${QUERIES[kind]}) AS objects ORDER BY name COLLATE "C"`,
    );
    return [kind, Object.fromEntries(rows.map(row => [row.name, canonical(row.definition)]))] as const;
  });
  return Object.fromEntries(await Promise.all(kinds)) as Catalogue;
}

/** Every object that is not the same in both, by kind and name. */
export function compareCatalogues(expected: Catalogue, found: Catalogue): readonly Difference[] {
  return KINDS.flatMap(kind => {
    const names = new Set([...Object.keys(expected[kind] ?? {}), ...Object.keys(found[kind] ?? {})]);
    return [...names].sort().flatMap(name => {
      const wanted = expected[kind]?.[name];
      const present = found[kind]?.[name];
      if (wanted === present) return [];
      return [
        {
          kind,
          name,
          ...(wanted !== undefined && { expected: wanted }),
          ...(present !== undefined && { found: present }),
        },
      ];
    });
  });
}
