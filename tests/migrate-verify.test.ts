// `migrate verify`: every way in which a schema or its books can be wrong is found and named, and nothing
// else is.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Sql } from "../src/db.ts";
import { MIGRATIONS_DIRECTORY } from "../src/migrate/files.ts";
import { makeSnapshot, readSnapshot } from "../src/migrate/snapshot.ts";
import { verifyDatabase } from "../src/migrate/verify.ts";
import { makeFiles, removeMigrations, runMigrate } from "./migrate-support.ts";
import { createTestDatabase, emptyDatabase, type TestDatabase } from "./support.ts";

setDefaultTimeout(60_000);

afterAll(removeMigrations);

const ALICE = "00000000-0000-7000-8000-00000000000a";
const BOB = "00000000-0000-7000-8000-00000000000b";

/** Books with grants, a movement of two legs that was reversed, another that was not, and a penalty. */
async function fillBooks(sql: Sql): Promise<void> {
  await sql`
    INSERT INTO users (id, username, email, api_key_hash, api_key_prefix, extropy_balance) VALUES
      (${ALICE}, 'alice', 'alice@example.com', 'hash of alice', 'ext_a', 10.00),
      (${BOB}, 'bob', 'bob@example.com', 'hash of bob', 'ext_b', 10.00)`;
  for (const [transaction, before] of [
    ["1", "10.00"],
    ["2", "9.00"],
  ] as const) {
    const id = `00000000-0000-7000-8000-00000000010${transaction}`;
    const received = transaction === "1" ? "10.00" : "11.00";
    await sql`
      INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, transaction_id) VALUES
        (${ALICE}, 'transfer_sent', -1.00, ${before}, ${before}::numeric - 1, ${id}),
        (${BOB}, 'transfer_received', 1.00, ${received}, ${received}::numeric + 1, ${id})`;
  }
  await sql`
    INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, transaction_id, reverses_id)
    SELECT l.user_id, 'reversal', -l.amount, u.extropy_balance, u.extropy_balance - l.amount,
      '00000000-0000-7000-8000-000000000103', l.id
    FROM extropy_ledger l JOIN users u ON u.id = l.user_id
    WHERE l.transaction_id = '00000000-0000-7000-8000-000000000102'`;
  await sql`
    INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
    VALUES (${BOB}, 'penalty', -0.50, 11.00, 10.50)`;
}

/** The differences by the name of their check; `notes` apart. */
async function verify({
  url,
}: TestDatabase): Promise<{ differences: Record<string, readonly string[]>; notes: string[] }> {
  const differences: Record<string, readonly string[]> = {};
  const notes: string[] = [];
  const matches = await verifyDatabase(url, {
    report: check => {
      if (check.differences.length > 0) differences[check.name] = check.differences;
      notes.push(...check.notes);
    },
  });
  expect(matches).toBe(Object.keys(differences).length === 0);
  return { differences, notes };
}

/** Does what only a superuser can do who means harm, and puts the triggers back as they were. */
async function behindTheTriggers(sql: Sql, statements: string): Promise<void> {
  await sql.begin(async tx => {
    await tx.unsafe("ALTER TABLE users DISABLE TRIGGER ALL; ALTER TABLE extropy_ledger DISABLE TRIGGER ALL");
    await tx.unsafe(statements);
    await tx.unsafe(`
      ALTER TABLE users ENABLE TRIGGER ALL;
      ALTER TABLE extropy_ledger ENABLE TRIGGER ALL,
        ENABLE ALWAYS TRIGGER extropy_ledger_append_only, ENABLE ALWAYS TRIGGER extropy_ledger_no_truncate`);
  });
}

let healthy: TestDatabase;

beforeAll(async () => {
  healthy = await createTestDatabase();
  await fillBooks(healthy.sql);
});

test("the checked-in snapshot is what the migrations make (bun run migrate snapshot writes it anew)", async () => {
  expect(await readSnapshot()).toEqual(await makeSnapshot(healthy.url));
});

test("a healthy database with full books verifies without a difference or a note", async () => {
  expect(await verify(healthy)).toEqual({ differences: {}, notes: [] });
});

test("a database restored from a dump of itself verifies, though PostgreSQL prints some definitions in another way", async () => {
  const database = await createTestDatabase();
  const statements = await database.sql<{ statement: string }[]>`
    SELECT format('CREATE OR REPLACE VIEW %s AS %s', oid::regclass, pg_get_viewdef(oid)) AS statement
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
    UNION ALL
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s', conrelid::regclass, conname,
      pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype = 'c'
    UNION ALL
    SELECT format('DROP TRIGGER %1$I ON %2$s; %3$s; ALTER TABLE %2$s ENABLE %4$s TRIGGER %1$I', tgname,
      tgrelid::regclass, pg_get_triggerdef(oid), CASE tgenabled WHEN 'A' THEN 'ALWAYS' END)
    FROM pg_trigger WHERE NOT tgisinternal`;
  for (const { statement } of statements) await database.sql.unsafe(statement);
  expect(await verify(database)).toEqual({ differences: {}, notes: [] });
});

const wrongSchemas: [string, string, Record<string, RegExp>][] = [
  [
    "a dropped trigger",
    "DROP TRIGGER prevent_negative_balance_trigger ON users",
    { triggers: /^trigger users\.prevent_negative_balance_trigger is missing/ },
  ],
  [
    "a disabled trigger",
    "ALTER TABLE users DISABLE TRIGGER prevent_negative_balance_trigger",
    { triggers: /^trigger users\.prevent_negative_balance_trigger is: disabled/ },
  ],
  [
    "a trigger that no longer fires always",
    "ALTER TABLE extropy_ledger ENABLE TRIGGER extropy_ledger_append_only",
    { triggers: /extropy_ledger_append_only is: enabled: (.|\n)*expected: enabled always/ },
  ],
  [
    "a trigger that fires on replicas only",
    "ALTER TABLE extropy_ledger ENABLE REPLICA TRIGGER extropy_ledger_no_truncate",
    { triggers: /extropy_ledger_no_truncate is: replica only/ },
  ],
  [
    "an extra trigger, which could move money",
    "CREATE TRIGGER generous BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()",
    { triggers: /^trigger users\.generous should not be there/ },
  ],
  [
    "an extra rule, which could swallow entries",
    "CREATE RULE swallow AS ON INSERT TO extropy_ledger DO INSTEAD NOTHING",
    { rules: /^rule extropy_ledger\.swallow should not be there/ },
  ],
  [
    "foreign keys whose triggers are disabled",
    "ALTER TABLE cards DISABLE TRIGGER ALL; ALTER TABLE cards ENABLE TRIGGER USER",
    { constraints: /\(its triggers disabled\)/ },
  ],
  [
    "a money column that became a FLOAT",
    "DROP VIEW card_attribution_analytics, user_balance_summary; ALTER TABLE cards DROP CONSTRAINT cards_sound, DROP earning_rank; ALTER TABLE cards ALTER extropy_earned TYPE float8",
    {
      columns: /^column cards\.(extropy_earned is: double precision|earning_rank is missing)/,
      indexes: /^index cards\.cards_earning_rank is missing/,
      constraints: /^constraint cards\.cards_sound is missing/,
      "money columns": /^cards\.extropy_earned is double precision .*, not DECIMAL/,
      views: /is missing/,
    },
  ],
  [
    "a changed column",
    "ALTER TABLE users ALTER api_key_prefix TYPE text, ALTER metadata DROP NOT NULL, ALTER is_active SET DEFAULT false",
    {
      columns:
        /^column users\.(api_key_prefix is: text|metadata is: jsonb DEFAULT|is_active is: boolean NOT NULL DEFAULT false)/,
    },
  ],
  [
    "an extra column",
    "ALTER TABLE users ADD nickname text",
    { columns: /^column users\.nickname should not be there: text/ },
  ],
  [
    "a dropped column",
    "ALTER TABLE sync_state DROP device_name",
    { columns: /^column sync_state\.device_name is missing/ },
  ],
  [
    "a dropped constraint",
    "ALTER TABLE extropy_ledger DROP CONSTRAINT extropy_ledger_idempotency_key",
    { constraints: /^constraint extropy_ledger\.extropy_ledger_idempotency_key is missing: UNIQUE/ },
  ],
  [
    "a constraint that says something else",
    "ALTER TABLE users DROP CONSTRAINT users_balance_not_negative, ADD CONSTRAINT users_balance_not_negative CHECK (extropy_balance >= -100)",
    { constraints: /^constraint users\.users_balance_not_negative is: CHECK/ },
  ],
  ["a dropped index", "DROP INDEX users_email_ci", { indexes: /^index users\.users_email_ci is missing/ }],
  ["a missing view", "DROP VIEW recent_transactions", { views: /^view recent_transactions is missing/ }],
  [
    "a view with another definition",
    "CREATE OR REPLACE VIEW extropy_supply AS SELECT ''::varchar(50) AS transaction_type, 0::numeric AS issued, 0::numeric AS burned, 0::bigint AS entries",
    { views: /^view extropy_supply is: SELECT/ },
  ],
  [
    "another function body",
    "CREATE OR REPLACE FUNCTION prevent_negative_balance() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    { functions: /^function prevent_negative_balance\(\) is: .*body SHA-256/ },
  ],
  [
    "a function that may be called in place of ours",
    "CREATE FUNCTION sha256_hex(varchar) RETURNS text LANGUAGE sql AS 'SELECT NULL'",
    { functions: /^function sha256_hex\(character varying\) should not be there/ },
  ],
  [
    "a sequence that jumps",
    "ALTER SEQUENCE extropy_ledger_id_seq INCREMENT 7",
    { sequences: /^sequence extropy_ledger_id_seq is: bigint/ },
  ],
  ["a missing table", "DROP TABLE sync_state", { tables: /^table sync_state is missing/ }],
  [
    "a table that loses its rows in a crash",
    "ALTER TABLE sync_state SET UNLOGGED",
    { tables: /^table sync_state is: table, unlogged/ },
  ],
  [
    "a setting that silences triggers",
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET session_replication_role = replica', current_database()); END $$",
    { settings: /^session_replication_role/ },
  ],
  [
    "an operator on built-in types, which numbers would be compared by",
    `CREATE FUNCTION generous(numeric, numeric) RETURNS boolean LANGUAGE sql RETURN false;
     CREATE OPERATOR < (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = generous)`,
    { surroundings: /^operator public\.<\(numeric,numeric\) runs public\.generous$/ },
  ],
  [
    "a cast between built-in types",
    `CREATE FUNCTION generous(point) RETURNS numeric LANGUAGE sql RETURN 500;
     CREATE CAST (point AS numeric) WITH FUNCTION generous(point) AS IMPLICIT`,
    { surroundings: /^cast from point to numeric runs public\.generous\(point\)$/ },
  ],
  [
    "a function and a table in pg_catalog, which is looked at before everything else",
    `SET allow_system_table_mods = on;
     CREATE FUNCTION pg_catalog.generous(numeric) RETURNS numeric LANGUAGE sql RETURN 500;
     CREATE TABLE pg_catalog.users (id uuid);
     SET allow_system_table_mods = off`,
    { surroundings: /^(function generous\(numeric\)|relation users) was placed in pg_catalog$/ },
  ],
  [
    "a table that hides ours from the role whose name its schema has",
    `DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I; CREATE TABLE %1$I.users (id uuid)', current_user); END $$`,
    { surroundings: /^relation (\w+)\.users hides public\.users from role \1$/ },
  ],
  [
    "an event trigger, which runs when somebody else changes the schema",
    `CREATE FUNCTION generous() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
     CREATE EVENT TRIGGER onlooker ON ddl_command_end EXECUTE FUNCTION generous()`,
    { surroundings: /^event trigger onlooker on ddl_command_end runs public\.generous\(\)$/ },
  ],
  [
    "a policy, which hides rows as soon as row security is on",
    "CREATE POLICY blind ON extropy_ledger USING (amount > 0)",
    { surroundings: /^policy blind on public\.extropy_ledger$/ },
  ],
  [
    "a search_path that the database gives to its connections",
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = elsewhere, public', current_database()); END $$",
    { surroundings: /^search_path=elsewhere, public is set in database/ },
  ],
  ["a missing seed row", "DELETE FROM users WHERE username = 'system'", { seed: /^the user system is missing/ }],
  [
    "another schema_version",
    "UPDATE schema_metadata SET value = '9.9.9' WHERE key = 'schema_version'",
    { version: /^schema_version is 9\.9\.9, expected/ },
  ],
  [
    "an edited migration",
    "UPDATE schema_migrations SET checksum = repeat('0', 64) WHERE number = 2",
    { migrations: /^0002_\w+\.sql was changed after it was applied/ },
  ],
  [
    "a pending migration",
    "DELETE FROM schema_migrations WHERE number = (SELECT max(number) FROM schema_migrations)",
    { migrations: /^\d{4}_\w+\.sql is pending/ },
  ],
];

test.each(wrongSchemas)("%s is found and named", async (_, statements, expected) => {
  const database = await createTestDatabase();
  await database.sql.unsafe(statements);
  const { differences } = await verify(database);
  expect(Object.keys(differences).sort()).toEqual(Object.keys(expected).sort());
  for (const [check, pattern] of Object.entries(expected)) {
    for (const difference of differences[check] ?? []) expect(difference).toMatch(pattern);
  }
  await database.drop();
});

test("an operator's own table and index are noted and are no difference", async () => {
  const database = await createTestDatabase();
  await database.sql.unsafe(
    "CREATE TABLE mine (balance real CHECK (balance > 0)); CREATE INDEX faster ON users (created_at)",
  );
  expect(await verify(database)).toEqual({
    differences: {},
    notes: ["table mine is not from the migrations", "index users.faster is not from the migrations"],
  });
});

const of = (user: string) => `user_id = '${user}'`;

const wrongBooks: [string, string, Record<string, RegExp>][] = [
  [
    "a balance that no entry explains",
    `UPDATE users SET extropy_balance = 777 WHERE id = '${ALICE}'`,
    {
      balances: new RegExp(
        `^user ${ALICE}: balance 777.00, sum of amounts 9.00; balance 777.00, last balance_after 9.00$`,
      ),
    },
  ],
  [
    "a balance of a user without entries",
    "UPDATE users SET extropy_balance = 777 WHERE username = 'system'",
    { balances: /^user 00000000-0000-0000-0000-000000000000: balance 777.00, sum of amounts 0/ },
  ],
  [
    "a last entry that was taken away",
    `DELETE FROM extropy_ledger WHERE ${of(BOB)} AND transaction_type = 'penalty'`,
    { balances: /^user .*; entry_count 5, entries 4; head_hash is not the last entry's; head_at is not/ },
  ],
  [
    "a missing leg",
    `DELETE FROM extropy_ledger WHERE ${of(ALICE)} AND user_seq = 2`,
    {
      balances: /entry_count 4, entries 3/,
      chain:
        /user_seq 3 follows 1; balance_before 9.00 follows balance_after 10.00; prev_hash is not the hash before it/,
      movements: /^movement .*0101: entry \d+ transfer_received 1.00 of user/,
    },
  ],
  [
    "legs that belong to different attributions or to the same user",
    `UPDATE extropy_ledger SET attribution_id = gen_random_uuid() WHERE ${of(ALICE)} AND user_seq = 2`,
    {
      movements: /0101: entry \d+ transfer_sent -1.00 of user .*, entry/,
    },
  ],
  [
    "entries out of time",
    `UPDATE extropy_ledger SET created_at = created_at - interval '1 day' WHERE ${of(BOB)} AND user_seq = 3`,
    { chain: /of user .*: created_at does not rise$/ },
  ],
  [
    "an amount that is not the difference of the balances",
    `ALTER TABLE extropy_ledger DROP CONSTRAINT extropy_ledger_sound;
     UPDATE extropy_ledger SET amount = 5 WHERE ${of(ALICE)} AND user_seq = 1`,
    { constraints: /is missing/, chain: /: 0.00 and 5.00 do not make 10.00$/, balances: /sum of amounts 4.00/ },
  ],
  [
    "NaN, which no comparison catches",
    `ALTER TABLE users DROP CONSTRAINT users_balance_not_negative; UPDATE users SET extropy_balance = 'NaN' WHERE id = '${ALICE}'`,
    { constraints: /is missing/, money: /^user .*: extropy_balance is NaN$/, balances: /balance NaN/ },
  ],
  [
    "a negative balance",
    `ALTER TABLE users DROP CONSTRAINT users_balance_not_negative; UPDATE users SET extropy_balance = -1 WHERE id = '${ALICE}'`,
    { constraints: /is missing/, money: /extropy_balance is -1.00$/, balances: /balance -1.00/ },
  ],
  [
    "a reversal of half a movement",
    `DELETE FROM extropy_ledger WHERE ${of(ALICE)} AND transaction_type = 'reversal';
     UPDATE users SET entry_count = 3, extropy_balance = 8, (head_hash, head_at) =
       (SELECT entry_hash, created_at FROM extropy_ledger WHERE ${of(ALICE)} AND user_seq = 3) WHERE id = '${ALICE}'`,
    { reversals: /^entry \d+: undoes 1 of 2 legs$/ },
  ],
  [
    "an entry that is undone twice",
    `DROP INDEX extropy_ledger_reverses_once;
     UPDATE extropy_ledger SET transaction_type = 'reversal',
       reverses_id = (SELECT id FROM extropy_ledger WHERE ${of(BOB)} AND user_seq = 3) WHERE ${of(BOB)} AND user_seq = 5`,
    { indexes: /is missing/, reversals: /is undone 2 times$/ },
  ],
];

test.each(wrongBooks)("%s is found and named", async (_, statements, expected) => {
  const database = await createTestDatabase();
  await fillBooks(database.sql);
  await behindTheTriggers(database.sql, statements);
  const { differences } = await verify(database);
  expect(Object.keys(differences).sort()).toEqual(Object.keys(expected).sort());
  for (const [check, pattern] of Object.entries(expected)) {
    for (const difference of differences[check] ?? []) expect(difference).toMatch(pattern);
  }
  await database.drop();
});

test("the command prints every difference, the first ten of many, and exits 1", async () => {
  const { url, sql } = await createTestDatabase();
  expect(await runMigrate(url, ["verify"])).toMatchObject({ exitCode: 0, stderr: "" });

  await behindTheTriggers(
    sql,
    `INSERT INTO users (username, email, api_key_hash, api_key_prefix, extropy_balance)
     SELECT 'u' || n, n || '@example.com', n, 'ext', n FROM generate_series(1, 25) AS n`,
  );
  await sql`DROP TRIGGER update_cards_updated_at ON cards`;
  const { exitCode, stdout } = await runMigrate(url, ["verify"]);
  expect(exitCode).toBe(1);
  expect(stdout).toContain("✓ tables");
  expect(stdout).toMatch(/✗ triggers +1 difference\n +- trigger cards\.update_cards_updated_at is missing/);
  expect(stdout).toMatch(/✗ balances +25 differences\n( +- user .*\n){10} +and 15 more\n/);
  expect(stdout).toEndWith("\n26 differences found.\n");
});

test("an empty database and a missing snapshot are said and exit 1", async () => {
  const { url } = await emptyDatabase();
  const { exitCode, stderr } = await runMigrate(url, ["verify"]);
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("No migration was applied"),
  });

  const directory = await makeFiles({});
  await expect(verifyDatabase(url, { directory, report: () => {} })).rejects.toThrow("schema.snapshot.json is missing");
  expect(await Bun.file(`${MIGRATIONS_DIRECTORY}/schema.snapshot.json`).exists()).toBe(true);
});
