// The server's own role, which may do less than the owner of the tables: made where that is possible, given what
// server-privileges.ts lists, and compared with it.

import { randomBytes } from "node:crypto";
import { arrayLiteral } from "../array-literal.ts";
import { type Sql, sqlState, type Tx } from "../db.ts";
import { scramVerifier } from "../scram.ts";
import { quoted } from "./connection.ts";
import { MigrationError } from "./error.ts";
import { lockMigrations } from "./run-file.ts";
import { expectedPrivileges, grantStatements, TABLE_RIGHTS } from "./server-privileges.ts";

/** Our tables and views, for a connection that does not know how arrays are written. */
const OURS = arrayLiteral(Object.keys(TABLE_RIGHTS));

export type ServerRole = Readonly<{ name: string; password: string }>;

/** The role that the server's address names; undefined where it is the owner's as well. */
export function serverRoleOf(ownerUrl: string, serverUrl: string | undefined): ServerRole | undefined {
  if (serverUrl === undefined) return undefined;
  const [owner, server] = [new URL(ownerUrl), new URL(serverUrl)];
  if (server.username === "" || server.username === owner.username) return undefined;
  return { name: decodeURIComponent(server.username), password: decodeURIComponent(server.password) };
}

/**
 * Makes sure that the role is there and may do what the server needs, and no more as far as the owner can say. Whoever
 * does so at the same time, in this database or in another of the cluster, does not get in the way. True where
 * something was granted. Throws a MigrationError where the role is missing and the owner may not create it.
 */
export async function ensureServerRole(sql: Sql, role: ServerRole): Promise<boolean> {
  if (differencesOf(await readPrivileges(sql, role.name)).length === 0) return false;
  return await sql.begin(async tx => {
    // Grants that two transactions make at once on the same table fail, one of them.
    await lockMigrations(tx);
    const found = await readPrivileges(tx, role.name);
    if (found === undefined) await createRole(tx, role);
    else if (differencesOf(found).length === 0) return false;
    for (const statement of grantStatements(quoted(role.name))) await tx.unsafe(statement);
    return true;
  });
}

/** Codes of a role that another database's migration has made meanwhile. */
const EXISTS = new Set(["42710", "23505"]);
const NOT_ALLOWED = "42501";

/** Roles are the cluster's: migrations of several databases may each find it missing. */
async function createRole(tx: Tx, { name, password }: ServerRole): Promise<void> {
  const verifier = scramVerifier(password, randomBytes(16));
  try {
    await tx.savepoint(savepoint => savepoint.unsafe(createRoleStatement(name, verifier)));
  } catch (error) {
    if (EXISTS.has(sqlState(error) ?? "")) return;
    if (sqlState(error) !== NOT_ALLOWED) throw error;
    throw new MigrationError(
      `DATABASE_URL names the role "${name}", which does not exist, and the role of DATABASE_OWNER_URL may not create it. Let whoever administers the server run: CREATE ROLE ${quoted(name)} LOGIN PASSWORD '…';`,
    );
  }
}

/** The statement that makes a role which may log in, and nothing else yet. */
export function createRoleStatement(name: string, verifier: string): string {
  return `CREATE ROLE ${quoted(name)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '${verifier}'`;
}

/** In words, how what a role may do differs from what the server's role should; undefined: there is no such role. */
export function differencesOf(found: ReadonlySet<string> | undefined): string[] {
  if (found === undefined) return ["the role does not exist"];
  const expected = expectedPrivileges();
  const wanted = new Set(expected);
  return [
    ...expected.filter(privilege => !found.has(privilege)).map(privilege => `lacks ${privilege}`),
    ...[...found].filter(privilege => !wanted.has(privilege)).map(privilege => `has ${privilege}, which it should not`),
  ];
}

/**
 * What a role may really do with our tables and functions, from whomever it has that: granted, by membership, through
 * PUBLIC or as a superuser. Undefined where there is no such role.
 */
export async function readPrivileges(sql: Sql | Tx, role: string): Promise<Set<string> | undefined> {
  const rows = await sql<{ privilege: string | null }[]>`
    WITH role AS (SELECT r.* FROM pg_roles r WHERE r.rolname = ${role}::text),
    relation AS (
      SELECT c.oid, c.relname, c.relkind, r.oid AS role FROM pg_class c CROSS JOIN role r
      WHERE c.relnamespace = 'public'::regnamespace
        AND (c.relkind IN ('r', 'v') AND c.relname = ANY (${OURS}::text[])
          OR c.relkind = 'S' AND EXISTS (
            SELECT FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
              AND t.relname = ANY (${OURS}::text[])))
    )
    SELECT NULL AS privilege FROM role
    UNION ALL
    SELECT p || ' on ' || c.relname
    FROM relation c CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
    WHERE c.relkind <> 'S' AND has_table_privilege(c.role, c.oid, p)
    UNION ALL
    SELECT p || ' on ' || c.relname || '.' || a.attname
    FROM relation c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    CROSS JOIN unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) p
    WHERE c.relkind <> 'S' AND has_column_privilege(c.role, c.oid, a.attnum, p) AND NOT has_table_privilege(c.role, c.oid, p)
    UNION ALL
    SELECT p || ' on ' || c.relname
    FROM relation c CROSS JOIN unnest('{USAGE,SELECT,UPDATE}'::text[]) p
    WHERE c.relkind = 'S' AND has_sequence_privilege(c.role, c.oid, p)
    UNION ALL
    SELECT 'EXECUTE on ' || replace(replace(f.oid::regprocedure::text, 'public.', ''), ', ', ',')
    FROM pg_proc f CROSS JOIN role r
    WHERE f.pronamespace = 'public'::regnamespace AND f.prosecdef AND has_function_privilege(r.oid, f.oid, 'EXECUTE')
    UNION ALL
    SELECT p || ' on schema public' FROM role r CROSS JOIN unnest('{USAGE,CREATE}'::text[]) p
    WHERE has_schema_privilege(r.oid, 'public', p)
    UNION ALL
    SELECT 'CREATE on the database' FROM role r WHERE has_database_privilege(r.oid, current_database(), 'CREATE')
    UNION ALL
    SELECT 'SET on session_replication_role' FROM role r
    WHERE has_parameter_privilege(r.oid, 'session_replication_role', 'SET')
    UNION ALL
    SELECT a.name FROM role r CROSS JOIN LATERAL (VALUES (r.rolsuper, 'SUPERUSER'), (r.rolcreaterole, 'CREATEROLE'),
      (r.rolcreatedb, 'CREATEDB'), (r.rolreplication, 'REPLICATION'), (r.rolbypassrls, 'BYPASSRLS')) a (is_set, name)
    WHERE a.is_set
    UNION ALL
    SELECT 'membership in ' || m.rolname FROM role r JOIN pg_roles m ON m.rolname LIKE 'pg\\_%'
    WHERE NOT r.rolsuper AND pg_has_role(r.oid, m.oid, 'MEMBER')`;
  if (rows.length === 0) return undefined;
  return new Set(rows.flatMap(({ privilege }) => privilege ?? []));
}

/** Whether the role of this connection can do whatever the owner of the tables can: change the ledger, for instance. */
export async function actsAsOwner(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ is_owner: boolean }[]>`
    SELECT pg_has_role(c.relowner, 'MEMBER') AS is_owner FROM pg_class c WHERE c.oid = 'public.extropy_ledger'::regclass`;
  return row?.is_owner ?? false;
}
