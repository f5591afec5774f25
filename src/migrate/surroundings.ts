// What lies around schema public and could still give its statements another meaning. Each query gives a row for each
// such thing, as `difference`, and none in a database where nobody placed one.

/** Objects of PostgreSQL itself have lower numbers (FirstNormalObjectId in PostgreSQL's access/transam.h). */
const FIRST_NORMAL_OBJECT_ID = 16384;

const PLACED = (catalogue: string, alias: string) => `${alias}.oid >= ${FIRST_NORMAL_OBJECT_ID} AND NOT EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = '${catalogue}'::regclass AND d.objid = ${alias}.oid AND d.deptype = 'e')`;

/** Settings of a role or of the database that would apply to a server's connection. */
const STORED_SETTINGS = `
  SELECT concat_ws(' ', setting, 'is set', 'for role ' || r.rolname, 'in database ' || b.datname) AS difference
  FROM pg_db_role_setting s
  CROSS JOIN unnest(s.setconfig) AS setting
  LEFT JOIN pg_roles r ON r.oid = s.setrole
  LEFT JOIN pg_database b ON b.oid = s.setdatabase
  WHERE (b.datname IS NULL OR b.datname = current_database())`;

/** Triggers that a setting silences. */
export const SILENCED_TRIGGERS = `
  SELECT 'session_replication_role is ' || setting AS difference
  FROM pg_settings WHERE name = 'session_replication_role' AND setting <> 'origin'
  UNION ALL ${STORED_SETTINGS}
    AND setting LIKE 'session\\_replication\\_role=%' AND setting <> 'session_replication_role=origin'`;

/**
 * Names, operators and conversions that would answer in place of PostgreSQL's or ours, and what filters rows or runs
 * beside our statements.
 */
export const SURROUNDINGS = `
  SELECT concat('function ', p.oid::regprocedure, ' was placed in pg_catalog') AS difference
  FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND ${PLACED("pg_proc", "p")}
  UNION ALL
  SELECT concat('relation ', c.oid::regclass, ' was placed in pg_catalog')
  FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND ${PLACED("pg_class", "c")}
  UNION ALL
  SELECT concat('operator ', o.oid::regoperator, ' runs ', o.oprcode)
  FROM pg_operator o
  WHERE o.oprnamespace IN ('pg_catalog'::regnamespace, 'public'::regnamespace) AND ${PLACED("pg_operator", "o")}
  UNION ALL
  SELECT concat('cast from ', c.castsource::regtype, ' to ', c.casttarget::regtype,
    ' runs ' || nullif(c.castfunc, 0)::regprocedure)
  FROM pg_cast c WHERE ${PLACED("pg_cast", "c")}
  UNION ALL
  SELECT concat('relation ', c.oid::regclass, ' hides public.', c.relname, ' from role ', n.nspname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname <> 'public'
  JOIN pg_roles r ON r.rolname = n.nspname
  WHERE EXISTS (SELECT FROM pg_class o WHERE o.relnamespace = 'public'::regnamespace AND o.relname = c.relname)
  UNION ALL
  SELECT concat('policy ', p.polname, ' on ', p.polrelid::regclass)
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid AND c.relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT concat('event trigger ', e.evtname, ' on ', e.evtevent, ' runs ', e.evtfoid::regprocedure)
  FROM pg_event_trigger e WHERE e.evtenabled <> 'D' AND ${PLACED("pg_event_trigger", "e")}
  UNION ALL ${STORED_SETTINGS}
    AND setting LIKE 'search\\_path=%' AND setting NOT IN ('search_path=public', 'search_path="$user", public')`;
