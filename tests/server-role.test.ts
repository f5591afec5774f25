// The server's own role of the database: it can do what a server does, and nothing to what was written in the books,
// whoever got hold of it.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SYSTEM_ID } from "../src/admin/change-account.ts";
import { createPool, type Sql, sqlState } from "../src/db.ts";
import { serverUrlOf } from "../src/embedded/server-login.ts";
import { checkIntegrity } from "../src/ledger/integrity/check.ts";
import { expectedPrivileges, FUNCTIONS, SEQUENCES, TABLE_RIGHTS } from "../src/migrate/server-privileges.ts";
import { differencesOf, readPrivileges } from "../src/migrate/server-role.ts";
import { readSnapshot } from "../src/migrate/snapshot.ts";
import { verifyDatabase } from "../src/migrate/verify.ts";
import { applyMigrations } from "../src/migrate.ts";
import { type Api, createApi, type Member, tablesWith } from "./api-support.ts";
import { adjust } from "./operator-support.ts";
import { createFolder, startProgram, startServer } from "./server.ts";
import { createTestDatabase, DATA_FOLDER, emptyDatabase } from "./support.ts";

setDefaultTimeout(60_000);

const NOT_ALLOWED = "42501";

let api: Api;
let member: Member;
let card: string;
beforeAll(async () => {
  api = await createApi();
  member = await api.register();
  card = (await api.publishCard(member.key)).id;
});

/** Runs a statement as the server's role; the SQLSTATE of its refusal, or "done" (and taken back). */
async function asServer(statement: string): Promise<string> {
  try {
    await api.pool.begin(async tx => {
      await tx.unsafe(statement);
      throw new Error("done");
    });
  } catch (error) {
    return sqlState(error) ?? (error as Error).message;
  }
  return "";
}

const GRANT = "ARRAY[ROW('USER', 'bonus', 5, NULL, NULL, uuid_v7(), 1, NULL, NULL, 'x')::ledger_posting]";

describe("the server's role can't", () => {
  test.each([
    // The books.
    "UPDATE extropy_ledger SET amount = 1",
    "UPDATE extropy_ledger SET description = 'x' WHERE false",
    "DELETE FROM extropy_ledger",
    "DELETE FROM extropy_ledger WHERE false",
    "TRUNCATE extropy_ledger CASCADE",
    "MERGE INTO extropy_ledger l USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after) SELECT id, 'bonus', 5, extropy_balance, extropy_balance + 5 FROM users LIMIT 1",
    "INSERT INTO extropy_ledger SELECT * FROM extropy_ledger ON CONFLICT DO NOTHING",
    "COPY extropy_ledger FROM STDIN",
    "SELECT * FROM extropy_ledger FOR UPDATE",
    "SELECT nextval('extropy_ledger_id_seq')",
    "SELECT setval('extropy_ledger_id_seq', 1)",
    "UPDATE users SET extropy_balance = extropy_balance + 1",
    "UPDATE users SET entry_count = 0",
    "UPDATE users SET head_hash = repeat('0', 64)",
    "UPDATE users SET rewards_count = 0",
    "UPDATE users SET id = uuid_v7()",
    "DELETE FROM users",
    "DELETE FROM cards",
    "UPDATE cards SET user_id = user_id",
    "DELETE FROM attributions",
    "UPDATE attributions SET extropy_amount = 0",
    "UPDATE audit_log SET action = 'key_rotated'",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log CASCADE",
    "UPDATE audit_reasons SET reason = ''",
    "DELETE FROM audit_reasons",
    "DELETE FROM transaction_notes",
    "UPDATE transaction_notes SET note = ''",
    "DELETE FROM idempotency_records",
    "UPDATE idempotency_records SET answer = '{}'",
    "DELETE FROM former_card_texts",
    "UPDATE users SET erased_at = NULL",
    "UPDATE users SET erased_at = now()",
    "DELETE FROM integrity_checks",
    "UPDATE integrity_checks SET root = root",
    "UPDATE integrity_turn SET checks = 0",
    "DELETE FROM integrity_turn",
    "INSERT INTO integrity_turn VALUES (0)",
    "SELECT checks FROM integrity_turn",
    "INSERT INTO integrity_results VALUES (true, now(), 1, '{}')",
    "UPDATE integrity_results SET violations = '{}'",
    "DELETE FROM integrity_results",
    "DELETE FROM integrity_heads",
    "UPDATE integrity_heads SET entry_count = 0",
    "UPDATE schema_metadata SET value = '9.0.0'",
    "DELETE FROM schema_migrations",
    // What guards them.
    "ALTER TABLE extropy_ledger DISABLE TRIGGER ALL",
    "ALTER TABLE extropy_ledger DISABLE TRIGGER extropy_ledger_append_only",
    "ALTER TABLE users DISABLE TRIGGER USER",
    "DROP TRIGGER extropy_ledger_append_only ON extropy_ledger",
    "CREATE TRIGGER mine BEFORE INSERT ON extropy_ledger FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()",
    "CREATE RULE mine AS ON INSERT TO extropy_ledger DO INSTEAD NOTHING",
    "CREATE POLICY mine ON extropy_ledger USING (false)",
    "ALTER TABLE extropy_ledger DROP CONSTRAINT extropy_ledger_user_seq",
    "ALTER TABLE extropy_ledger ADD COLUMN mine text",
    "DROP TABLE extropy_ledger",
    "DROP INDEX extropy_ledger_created",
    "CREATE INDEX mine ON extropy_ledger (amount)",
    "ALTER FUNCTION post_entries(ledger_posting[]) SECURITY INVOKER",
    "DROP FUNCTION post_entries(ledger_posting[])",
    "CREATE OR REPLACE FUNCTION sha256_hex(value text) RETURNS text LANGUAGE sql AS 'SELECT ''''::text'",
    "SET session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', true)",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE CURRENT_USER SET session_replication_role = replica",
    "CREATE ROLE mine",
    "CREATE SCHEMA mine",
    "CREATE TABLE public.mine ()",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE VIEW public.mine AS SELECT 1",
    "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
    "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION update_updated_at_column()",
    "CREATE EXTENSION pgcrypto",
    "CREATE CAST (text AS integer) WITH INOUT",
    "SET ROLE extrophi",
    "REASSIGN OWNED BY extrophi TO CURRENT_USER",
    "ALTER DEFAULT PRIVILEGES FOR ROLE extrophi GRANT ALL ON TABLES TO PUBLIC",
    "LOCK TABLE extropy_ledger IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE users IN SHARE MODE",
    // What it has no need to read.
    "SELECT api_key_hash FROM users",
    "SELECT * FROM users",
    "SELECT u FROM users u",
    "SELECT count(*) FROM users WHERE api_key_hash LIKE '$2%'",
    "SELECT id FROM users ORDER BY api_key_hash",
    "UPDATE users SET display_name = api_key_hash RETURNING display_name",
    "INSERT INTO users (username, email, api_key_hash, api_key_prefix) VALUES ('x-y', 'x@y', 'x', 'x') RETURNING api_key_hash",
    "COPY users TO STDOUT",
    "COPY (SELECT api_key_hash FROM users) TO STDOUT",
    "SELECT key_hash FROM api_keys",
    "SELECT * FROM api_keys",
    "DELETE FROM api_keys RETURNING key_hash",
    "SELECT * FROM card_attribution_analytics",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY cards TO '/tmp/cards'",
    "COPY cards TO PROGRAM 'cat'",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user",
  ])("%s", async statement => {
    // 55000: a view of a sum, in which there is nothing to write.
    expect(await asServer(statement)).toMatch(/^(42501|22023|42704|2BP01|0LP01|55000)$/);
  });

  test("put a trigger that works in the owner's name on a table of its own", async () => {
    const functions = await api.sql<{ name: string }[]>`
      SELECT proname AS name FROM pg_proc
      WHERE prosecdef AND prorettype = 'trigger'::regtype AND pronamespace = 'public'::regnamespace`;
    expect(functions.length).toBeGreaterThan(0);
    for (const { name } of functions) {
      const refusal = await asServer(`
        CREATE TEMP TABLE mine (LIKE public.users INCLUDING DEFAULTS);
        CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION public.${name}();`);
      expect([name, refusal]).toEqual([name, NOT_ALLOWED]);
    }
  });

  test("stand in for a table or an operator inside the functions that work in the owner's name", async () => {
    const definers = await api.sql<{ name: string; settings: string[] | null }[]>`
      SELECT proname AS name, proconfig AS settings FROM pg_proc
      WHERE prosecdef AND pronamespace = 'public'::regnamespace`;
    expect(definers.length).toBeGreaterThan(FUNCTIONS.length);
    for (const { name, settings } of definers) {
      expect([name, settings?.find(setting => setting.startsWith("search_path="))]).toEqual([
        name,
        "search_path=pg_catalog, pg_temp",
      ]);
    }
    const refusal = await asServer(`
      CREATE TEMP TABLE users (LIKE public.users); CREATE TEMP TABLE extropy_ledger (LIKE public.extropy_ledger);
      SET LOCAL search_path = pg_temp, public;
      INSERT INTO pg_temp.users SELECT '${member.id}', 'x', 'x';
      SELECT public.post_entries(${GRANT.replaceAll("uuid_v7", "public.uuid_v7").replace("USER", member.id)});
      DO $$ BEGIN IF EXISTS (SELECT FROM pg_temp.extropy_ledger) THEN RAISE 'fooled'; END IF; END $$`);
    expect(refusal).not.toBe("P0001");
  });
});

describe("the server's role can", () => {
  test("write entries by post_entries, which the ledger's own rules judge as ever", async () => {
    const post = GRANT.replace("USER", member.id);
    expect(await asServer(`SELECT post_entries(${post})`)).toBe("done");
    expect(await asServer(`SELECT post_entries(${post.replace("5,", "-5000,")})`)).toBe("23514");
    expect(await asServer(`SELECT post_entries(${post.replace("'bonus'", "'transfer_received'")})`)).not.toBe("done");
  });

  test("read the hashes of the keys of one prefix, which is what a key's check needs", async () => {
    const found = await api.pool`SELECT user_id, key_hash FROM find_keys(${member.key.slice(0, 12)})`;
    expect(found).toEqual([{ user_id: member.id, key_hash: expect.stringMatching(/^\$2/) }] as never);
    expect(await asServer("SELECT * FROM find_keys('%')")).toBe("done");
    expect(await api.pool`SELECT FROM find_keys('%')`).toHaveLength(0);
  });

  test("erase an account that holds nothing, once and whole, and nobody else's words", async () => {
    const [gone, other] = [await api.register(), await api.register()];
    const admin = await api.registerOperator("admin");
    for (const user of [gone, other]) {
      await adjust(api, admin, user.id, { amount: "1.00", reason: `about ${user.name}` });
      const headers = { "idempotency-key": `note-${user.id}` };
      const body = { to_user: admin.id, amount: "0.50", note: `by ${user.name}` };
      expect((await api.call("POST", "/api/transfers", { key: user.key, headers, body })).status).toBe(201);
    }
    const erase = (id: string) => `SELECT erase_account('${id}')`;
    const HOLDS_TOKENS = "55000";
    expect(await asServer(erase(gone.id))).toBe(HOLDS_TOKENS);
    expect(await asServer(erase(SYSTEM_ID))).toBe(HOLDS_TOKENS);
    expect(await asServer(erase(crypto.randomUUID()))).toBe(HOLDS_TOKENS);
    expect((await api.call("DELETE", "/api/me", { key: gone.key })).status).toBe(204);
    expect(await asServer(erase(gone.id))).toBe(HOLDS_TOKENS);
    expect(await tablesWith(api.sql, gone.name)).toEqual([]);
    expect((await tablesWith(api.sql, other.name)).toSorted()).toEqual(["audit_reasons", "transaction_notes", "users"]);
    const [left] =
      await api.sql`SELECT count(*)::integer AS answers FROM idempotency_records WHERE user_id = ${other.id}`;
    expect(left).toEqual({ answers: 1 } as never);
  });

  test("note what a check found: not before what was noted, not ahead of time, and never that nothing was ever wrong", async () => {
    const own = await createApi();
    const note = (at: string, violations: object) => own.pool`
      SELECT note_integrity_result(true, ${at}::timestamptz, 1, ${own.pool.json(violations as never)})`;
    const noted = async () => {
      const [row] = await own.pool`
        SELECT checked_at > now() AS is_ahead, violations, violated_at IS NOT NULL AS was_violated
        FROM integrity_results WHERE is_full`;
      return row;
    };
    await note("now", { balances: 0 });
    expect(await noted()).toMatchObject({ was_violated: false });
    await note("infinity", { balances: 2, chain: 0 });
    expect(await noted()).toEqual({
      is_ahead: false,
      violations: { balances: 2, chain: 0 },
      was_violated: true,
    } as never);
    await note("-infinity", { balances: 0 });
    expect(await noted()).toMatchObject({ violations: { balances: 2 } });
    await note("infinity", { balances: 0 });
    expect(await noted()).toMatchObject({ is_ahead: false, violations: { balances: 0 }, was_violated: true });
    await note("infinity", { balances: 1 });
    expect(await noted()).toMatchObject({ violations: { balances: 1 } });
  });

  test("let one full check run at a time", async () => {
    const own = await createApi();
    await own.pool.begin(async tx => {
      await tx`LOCK TABLE integrity_turn IN SHARE ROW EXCLUSIVE MODE`;
      const check = checkIntegrity(own.pool, { full: true, orRefuse: true });
      expect(await check.catch((error: Error) => error.name)).toBe("CheckRunning");
    });
    expect(await checkIntegrity(own.pool, { full: true, orRefuse: true })).toMatchObject({ recorded: true });
  });

  test("do all that the tests of the API do: they run as this role", async () => {
    const [row] = await api.pool`SELECT current_user AS name, rolsuper FROM pg_roles WHERE rolname = current_user`;
    expect(row).toEqual({ name: "extrophi_server", rolsuper: false } as never);
    expect((await api.call("GET", `/api/cards/${card}`, { key: member.key })).status).toBe(200);
    expect(await checkIntegrity(api.pool, { full: true })).toMatchObject({ ok: true, recorded: true });
  });
});

test("every table, view, sequence and SECURITY DEFINER function of the migrations is decided about", async () => {
  const { catalogue } = await readSnapshot();
  const decided = Object.keys(TABLE_RIGHTS).toSorted();
  const made = [...Object.keys(catalogue.table), ...Object.keys(catalogue.view)].toSorted();
  expect(decided).toEqual(made);
  const sequences = Object.keys(catalogue.sequence);
  for (const name of SEQUENCES) expect(sequences).toContain(name);
  const definers = Object.entries(catalogue.function).filter(([, text]) => text.includes("security definer"));
  const callable = definers.filter(([, text]) => !text.includes("returns trigger")).map(([name]) => name.split("(")[0]);
  expect(callable.toSorted()).toEqual(FUNCTIONS.map(name => name.split("(")[0]).toSorted());
});

describe("migrate apply", () => {
  /** Names are the cluster's: each test takes one of its own, and drops it. */
  const roles: { url: string; name: string }[] = [];
  afterAll(async () => {
    for (const { url, name } of roles) {
      const sql = createPool(url, { max: 1 });
      await sql.unsafe(`DROP OWNED BY "${name}"`).catch(() => {});
      await sql.unsafe(`DROP ROLE IF EXISTS "${name}"`).catch(() => {});
      await sql.end();
    }
  });
  const withRole = (url: string, name: string, password = "pass'word%\"1") => {
    const address = new URL(url);
    address.username = encodeURIComponent(name);
    address.password = encodeURIComponent(password);
    roles.push({ url, name });
    return address.href;
  };
  const newRole = () => `extrophi test ${crypto.randomUUID().slice(0, 8)}`;
  const privilegesOf = async (sql: Sql, name: string) => differencesOf(await readPrivileges(sql, name));

  test("makes the role that DATABASE_URL names, with its password and all that it needs, once", async () => {
    const { url, sql } = await emptyDatabase();
    const name = newRole();
    const serverUrl = withRole(url, name);
    const lines: string[] = [];
    await applyMigrations(url, { serverUrl, log: line => lines.push(line) });
    expect(lines.at(-1)).toContain(name);
    expect(await privilegesOf(sql, name)).toEqual([]);
    const server = createPool(serverUrl, { max: 1 });
    expect(await server`SELECT id FROM users`).toHaveLength(1);
    await server.end();

    const again: string[] = [];
    await applyMigrations(url, { serverUrl, log: line => again.push(line) });
    expect(again.join()).not.toContain(name);
  });

  test("takes away what the role has too much, and gives back what it lacks", async () => {
    const { url, sql } = await createTestDatabase();
    const name = newRole();
    const serverUrl = withRole(url, name);
    await applyMigrations(url, { serverUrl });
    await sql.unsafe(`GRANT UPDATE, TRIGGER ON extropy_ledger TO "${name}"; REVOKE SELECT ON cards FROM "${name}";
      GRANT SELECT (api_key_hash) ON users TO "${name}"`);
    expect((await privilegesOf(sql, name)).toSorted()).toEqual([
      "has SELECT on users.api_key_hash, which it should not",
      "has TRIGGER on extropy_ledger, which it should not",
      "has UPDATE on extropy_ledger, which it should not",
      "lacks SELECT on cards",
    ]);
    await applyMigrations(url, { serverUrl });
    expect(await privilegesOf(sql, name)).toEqual([]);
  });

  test("gives a role that was made by an earlier release what it needs now, and takes away what it needs no more", async () => {
    const { url, sql } = await emptyDatabase();
    const name = newRole();
    const serverUrl = withRole(url, name);
    await applyMigrations(url, { through: 15 });
    await sql.unsafe(`CREATE ROLE "${name}" LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA public TO "${name}";
      GRANT SELECT, INSERT, DELETE ON audit_reasons, transaction_notes, idempotency_records, former_card_texts TO "${name}";
      GRANT UPDATE (erased_at) ON users TO "${name}";
      GRANT SELECT, INSERT, UPDATE ON integrity_checks, integrity_results TO "${name}"`);
    await applyMigrations(url, { serverUrl });
    expect(await privilegesOf(sql, name)).toEqual([]);
  });

  test("by many processes and for many databases at once succeeds in all of them", async () => {
    const databases = await Promise.all([emptyDatabase(), emptyDatabase(), emptyDatabase()]);
    const name = newRole();
    const applying = databases.flatMap(({ url }) =>
      [1, 2, 3].map(() => applyMigrations(url, { serverUrl: withRole(url, name) })),
    );
    await Promise.all(applying);
    for (const { sql } of databases) expect(await privilegesOf(sql, name)).toEqual([]);
  });

  test("by an owner who may create no roles says what has to be run, and uses the role once it is there", async () => {
    const { url, sql } = await emptyDatabase();
    const [owner, name] = [newRole(), newRole()];
    await sql.unsafe(`CREATE ROLE "${owner}" LOGIN PASSWORD 'owner'`);
    const [row] = await sql<{ name: string }[]>`SELECT current_database() AS name`;
    await sql.unsafe(`ALTER DATABASE "${row?.name}" OWNER TO "${owner}"`);
    const ownerUrl = withRole(url, owner, "owner");
    const serverUrl = withRole(url, name);
    const refusal = await applyMigrations(ownerUrl, { serverUrl }).catch((error: Error) => error.message);
    expect(refusal).toContain(`CREATE ROLE "${name}" LOGIN PASSWORD`);
    expect(refusal).not.toContain("pass'word");
    await sql.unsafe(`CREATE ROLE "${name}" LOGIN PASSWORD 'pass''word%"1'`);
    await applyMigrations(ownerUrl, { serverUrl });
    expect(await privilegesOf(sql, name)).toEqual([]);
    const server = createPool(serverUrl, { max: 1 });
    expect(await server`SELECT id FROM users`).toHaveLength(1);
    await server.end();
    await sql.unsafe(
      `ALTER DATABASE "${row?.name}" OWNER TO CURRENT_USER; REASSIGN OWNED BY "${owner}" TO CURRENT_USER`,
    );
  });

  test("sends no password that PostgreSQL could write to its log", async () => {
    const { url, sql } = await createTestDatabase();
    const name = newRole();
    await applyMigrations(url, { serverUrl: withRole(url, name, "not-in-any-log") });
    const [row] = await sql`SELECT rolpassword FROM pg_authid WHERE rolname = ${name}`;
    expect(row?.rolpassword).toStartWith("SCRAM-SHA-256$4096:");
  });
});

describe("migrate verify", () => {
  const roleCheck = async (url: string, serverUrl: string) => {
    const checks: { name: string; differences: readonly string[]; notes: readonly string[] }[] = [];
    await verifyDatabase(url, { serverUrl, report: check => checks.push(check) });
    return checks.find(({ name }) => name === "server role");
  };

  test("names each right that the server's role has too much or lacks", async () => {
    const { url, sql } = await createTestDatabase();
    expect(await roleCheck(url, serverUrlOf(url))).toMatchObject({ differences: [], notes: [] });
    await sql.unsafe(
      "GRANT DELETE ON extropy_ledger TO PUBLIC; GRANT EXECUTE ON FUNCTION users_open_account() TO PUBLIC",
    );
    expect((await roleCheck(url, serverUrlOf(url)))?.differences.toSorted()).toEqual([
      "extrophi_server has DELETE on extropy_ledger, which it should not",
      "extrophi_server has EXECUTE on users_open_account(), which it should not",
    ]);
  });

  test("notes where the server has no role of its own", async () => {
    const { url } = await createTestDatabase();
    expect(await roleCheck(url, url)).toMatchObject({
      differences: [],
      notes: [expect.stringContaining("docs/operations.md")],
    });
  });
});

describe("the server as a process", () => {
  test("serves the embedded database as its own role, without having been told to", async () => {
    const env = { DATA_DIR: createFolder(DATA_FOLDER) };
    const server = await startServer(env);
    const address = startProgram(["src/commands/database-url.ts"], { env });
    expect(await address.exited).toBe(0);
    const sql = createPool(address.stdout().trim(), { max: 1 });
    const users = await sql<{ usename: string }[]>`
      SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'extrophi' AND pid <> pg_backend_pid()`;
    await sql.end();
    expect(users.map(({ usename }) => usename)).toEqual(["extrophi_server"]);
    expect(server.stdout()).not.toContain("owns the tables");
  });

  test("warns where its role owns the tables", async () => {
    const { url } = await createTestDatabase();
    const server = await startServer({ DATABASE_URL: url });
    await server.waitFor(/The role of DATABASE_URL owns the tables/);
    const beside = await startServer({ DATABASE_URL: serverUrlOf(url), DATABASE_OWNER_URL: url });
    await beside.stop();
    expect(beside.stdout()).not.toContain("owns the tables");
  });

  test("needs no owner where somebody else has migrated", async () => {
    const { url } = await createTestDatabase();
    const server = await startServer({ DATABASE_URL: serverUrlOf(url) });
    expect((await fetch(`${server.baseUrl}/readyz`)).status).toBe(200);
    await server.stop();
    expect(server.stdout()).not.toContain("owns the tables");
  });
});

test("the list of rights has each once", () => {
  const list = expectedPrivileges();
  expect(new Set(list).size).toBe(list.length);
});
