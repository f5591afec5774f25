// `bun run seed-demo`: what it makes is valid by the product's own checks, the same for the same seed, and lands
// whole or not at all.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { compareSync } from "bcryptjs";
import { isWellFormedKey, keyPrefix } from "../src/auth/key.ts";
import { checksumOf, contentHash, slugStem } from "../src/cards/text.ts";
import { readConfig } from "../src/config.ts";
import type { Sql } from "../src/db.ts";
import { InvalidDemo } from "../src/demo/check.ts";
import { KeyFile } from "../src/demo/key-file.ts";
import { hashEntry } from "../src/demo/ledger-chain.ts";
import { type Seeded, type SeedOptions, seedDemo } from "../src/demo/seed.ts";
import { verifyDatabase } from "../src/migrate/verify.ts";
import { Progress } from "../src/progress.ts";
import { registration } from "../src/users/model.ts";
import { createFolder, startProgram } from "./server.ts";
import { createTestDatabase, type TestDatabase } from "./support.ts";

setDefaultTimeout(60_000);

const UNTIL_MS = Date.UTC(2026, 0, 31, 12);
const OPTIONS: SeedOptions = { users: 30, entries: 1500, seed: 7, untilMs: UNTIL_MS, keys: 2 };

const config = readConfig({ BCRYPT_COST: "4" });
const silent = () => new Progress({ write: () => {}, isTerminal: false, now: () => 0 });

function seed({ url }: TestDatabase, options: Partial<SeedOptions> = {}): Promise<Seeded> {
  return seedDemo(url, config, { ...OPTIONS, ...options }, silent());
}

async function verify({ url }: TestDatabase): Promise<readonly string[]> {
  const differences: string[] = [];
  await verifyDatabase(url, { report: check => differences.push(...check.differences) });
  return differences;
}

let demo: TestDatabase;
let seeded: Seeded;

beforeAll(async () => {
  demo = await createTestDatabase();
  seeded = await seed(demo);
});

/** Everything but the keys, as one digest a table. */
async function digest(sql: Sql): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const table of ["users", "cards", "attributions", "extropy_ledger", "sync_state", "transaction_notes"]) {
    const [row] = await sql.unsafe<{ digest: string }[]>(`
      SELECT md5(string_agg(line, chr(10) ORDER BY line COLLATE "C")) AS digest FROM (
        SELECT (to_jsonb(t) - '{api_key_hash,api_key_prefix}'::text[]
          - CASE '${table}' WHEN 'sync_state' THEN 'id' ELSE '' END)::text AS line
        FROM ${table} t WHERE to_jsonb(t) ->> 'username' IS DISTINCT FROM 'system') lines`);
    digests[table] = row?.digest ?? "";
  }
  return digests;
}

describe("a demo", () => {
  test("is what it was asked for", async () => {
    const [counts] = await demo.sql`
      SELECT (SELECT count(*)::int FROM users WHERE username <> 'system') AS users,
        (SELECT count(*)::int FROM cards) AS cards, (SELECT count(*)::int FROM attributions) AS attributions,
        (SELECT count(*)::int FROM extropy_ledger) AS entries, (SELECT count(*)::int FROM sync_state) AS devices,
        (SELECT sum(extropy_balance) FROM users) = ${seeded.issued}::numeric - ${seeded.burned}::numeric AS balances`;
    const { users, cards, attributions, entries, devices } = seeded;
    expect({ ...counts }).toEqual({ users, cards, attributions, entries, devices, balances: true });
    expect([users, entries]).toEqual([30, 1500]);
  });

  test("passes every check of migrate verify, triggers and indexes included", async () => {
    expect(await verify(demo)).toEqual([]);
  });

  test("has all types of entries and attributions, withdrawn cards and devices that are not in step", async () => {
    const types = await demo.sql`SELECT DISTINCT transaction_type AS type FROM extropy_ledger ORDER BY 1`;
    expect(types.map(row => row.type)).toEqual(
      [
        "admin_adjustment",
        "attribution_payment",
        "attribution_received",
        "bonus",
        "initial_grant",
        "penalty",
        "publish_reward",
        "reversal",
        "transfer_received",
        "transfer_sent",
      ].sort(),
    );
    const [row] = await demo.sql`
      SELECT (SELECT count(DISTINCT attribution_type)::int FROM attributions) AS types,
        (SELECT count(*) > 0 FROM cards WHERE withdrawn_at IS NOT NULL) AS withdrawn,
        (SELECT count(DISTINCT sync_status) > 1 FROM sync_state) AS statuses,
        (SELECT count(*) > 0 FROM transaction_notes) AS notes,
        (SELECT max(created_at) <= ${new Date(UNTIL_MS)} FROM extropy_ledger) AS past`;
    expect({ ...row }).toEqual({ types: 4, withdrawn: true, statuses: true, notes: true, past: true });
  });

  test("has cards whose hash, checksum and address follow from their text", async () => {
    const cards = await demo.sql`SELECT * FROM cards WHERE is_published`;
    expect(cards.length).toBeGreaterThan(100);
    for (const card of cards) {
      expect(card.content_hash).toBe(contentHash(card.title, card.content));
      expect(card.checksum).toBe(checksumOf(card as never));
      expect(card.slug.slice(0, -9)).toBe(slugStem(card.title, card.content));
      expect(card.slug.slice(-9)).toMatch(/^-[a-z0-9]{8}$/);
      expect(card.public_url).toBe(`/cards/${card.slug}`);
    }
    const [row] = await demo.sql`SELECT count(*)::int AS ends FROM (SELECT DISTINCT right(slug, 8) FROM cards) ends`;
    expect(row?.ends).toBe(seeded.cards);
  });

  test("has people who could have registered", async () => {
    const users = await demo.sql`
      SELECT username, email, display_name, bio FROM users WHERE username <> 'system'`;
    for (const user of users) expect(registration.safeParse(user).error).toBeUndefined();
  });

  test("rewards each card under the key that publishing would use", async () => {
    const [row] = await demo.sql`
      SELECT count(*)::int AS rewards, count(*) FILTER (
          WHERE l.idempotency_key = 'publish:' || c.user_id || ':' || c.content_hash AND l.amount = 1)::int AS right
      FROM extropy_ledger l JOIN cards c ON c.id = l.card_id WHERE l.transaction_type = 'publish_reward'`;
    expect(row).toMatchObject({ rewards: seeded.cards, right: seeded.cards });
  });

  test("gives the first users keys that work, and the others none", async () => {
    expect(seeded.keys).toHaveLength(2);
    for (const { username, apiKey } of seeded.keys) {
      expect(isWellFormedKey(apiKey)).toBe(true);
      const [row] =
        await demo.sql`SELECT api_key_hash, api_key_prefix, is_active FROM users WHERE username = ${username}`;
      expect(row?.api_key_prefix).toBe(keyPrefix(apiKey));
      expect(row?.is_active).toBe(true);
      expect(compareSync(apiKey, row?.api_key_hash)).toBe(true);
    }
    const [row] = await demo.sql`SELECT count(*)::int AS bcrypt FROM users WHERE api_key_hash LIKE '$2%'`;
    expect(row?.bcrypt).toBe(2);
  });

  test("can be lived in: its users go on where the ledger ends", async () => {
    const database = await createTestDatabase();
    await seed(database, { users: 3, entries: 40 });
    await database.sql`
      INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
      SELECT id, 'bonus', 1, extropy_balance, extropy_balance + 1 FROM users WHERE entry_count > 0`;
    expect(await verify(database)).toEqual([]);
    const [row] = await database.sql`SELECT max(id)::int AS last, count(*)::int AS count FROM extropy_ledger`;
    expect(row).toMatchObject({ last: 43, count: 43 });
  });

  test("is the same for the same seed, and another for another", async () => {
    const [again, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    await Promise.all([seed(again), seed(other, { seed: 8 })]);
    const [first, second, third] = await Promise.all([digest(demo.sql), digest(again.sql), digest(other.sql)]);
    expect(second).toEqual(first);
    for (const table of Object.keys(first)) expect(third[table]).not.toBe(first[table]);
  });
});

describe("refusals", () => {
  test("a database with users is left as it is; system and admins don't count", async () => {
    const before = await digest(demo.sql);
    expect(seed(demo)).rejects.toThrow("There are users in this database already");
    expect(await digest(demo.sql)).toEqual(before);

    const database = await createTestDatabase();
    await database.sql`
      INSERT INTO users (username, email, api_key_hash, api_key_prefix, role)
      VALUES ('admin', 'admin@extrophi.local', 'hash', 'ext_a', 'admin')`;
    expect(await seed(database, { users: 2, entries: 2 })).toMatchObject({ users: 2, entries: 2, cards: 0 });
  });

  test("what does not pass the checks never lands", async () => {
    const database = await createTestDatabase();
    // A trigger that the loader does not know stays on.
    await database.sql.unsafe(`
      CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.extropy_earned := NEW.extropy_earned + 1; RETURN NEW; END $$;
      CREATE TRIGGER spoil BEFORE INSERT ON cards FOR EACH ROW EXECUTE FUNCTION spoil()`);
    await expect(seed(database, { users: 5, entries: 100 })).rejects.toThrow(InvalidDemo);
    const [row] = await database.sql`
      SELECT (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM extropy_ledger) AS entries`;
    expect(row).toMatchObject({ users: 1, entries: 0 });
    await database.sql.unsafe("DROP TRIGGER spoil ON cards; DROP FUNCTION spoil");
    expect(await verify(database)).toEqual([]);
  });

  test("amounts that make no demo", async () => {
    for (const [name, value] of [
      ["INITIAL_GRANT", "0.00"],
      ["PUBLISH_REWARD", "0.00"],
      ["ATTRIBUTION_REMIX", "1000000.01"],
    ] as const) {
      const odd = readConfig({ [name]: value });
      await expect(seedDemo(demo.url, odd, OPTIONS, silent())).rejects.toThrow(`${name} is ${value}`);
    }
  });
});

test("the hash in JavaScript is the one in SQL, whatever an entry holds", async () => {
  const id = "0198c5e1-2345-7abc-8def-0123456789ab";
  const first = {
    prev_hash: "0".repeat(64),
    id: 1,
    user_id: id,
    user_seq: 1,
    transaction_id: id,
    transaction_type: "initial_grant",
    amount: "10.00",
    balance_before: "0.00",
    balance_after: "10.00",
    card_id: null,
    attribution_id: null,
    reverses_id: null,
    idempotency_key: null,
    description: null,
    metadata: "{}",
    created_at: Date.UTC(2026, 0, 31) * 1000,
  };
  const full = {
    ...first,
    prev_hash: "ab".repeat(32),
    id: 9_007_199_254_740_991,
    user_seq: 10_000_000,
    amount: "-0.05",
    balance_before: "999999999999.00",
    balance_after: "999999999998.95",
    card_id: id,
    attribution_id: id,
    reverses_id: 7,
    idempotency_key: "key:ünï\\code",
    description: "Zoë’s 🙂",
    metadata: '{"code": "a\\nb"}',
    created_at: Date.UTC(2026, 0, 31) * 1000 + 1,
  };
  for (const e of [first, full]) {
    const [row] = await demo.sql`
      SELECT sha256_hex(ledger_entry_text(${e.prev_hash}, ${e.id}, ${e.user_id}, ${e.user_seq}, ${e.transaction_id},
        ${e.transaction_type}, ${e.amount}, ${e.balance_before}, ${e.balance_after}, ${e.card_id}, ${e.attribution_id},
        ${e.reverses_id}, ${e.idempotency_key}, ${e.description}, ${e.metadata}::text::jsonb,
        'epoch'::timestamptz + ${String(e.created_at)}::text::bigint * interval '1 microsecond')) AS hash`;
    expect(hashEntry(e)).toBe(row?.hash);
  }
});

describe("the command", () => {
  const run = async (...args: string[]) => {
    const program = startProgram(["src/commands/seed-demo.ts", ...args], { env: { DATABASE_URL: target.url } });
    const exitCode = await program.exited;
    return { exitCode, stdout: program.stdout(), stderr: program.stderr() };
  };
  let target: TestDatabase;

  beforeAll(async () => {
    target = await createTestDatabase();
  });

  test("writes the keys to a new file that only its owner reads", async () => {
    const file = join(createFolder(), "keys");
    const { exitCode, stdout } = await run("--users", "4", "--entries=60", "--keys", "3", "--with-keys", file);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/users +4\n[\s\S]*ledger entries +60\n[\s\S]*The keys of 3 users are in /);
    expect(readFileSync(file, "utf8")).toMatch(/^(\S+\text_\w+\n){3}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(() => new KeyFile(file)).toThrow("exists already");

    const refused = await run("--with-keys", `${file}.2`);
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain("There are users in this database already");
    expect(existsSync(`${file}.2`)).toBe(false);
  });

  test("exits 2 on a bad argument and names it, and 0 on --help", async () => {
    const [bad, help] = await Promise.all([run("--users", "1"), run("--help")]);
    expect(bad).toMatchObject({ exitCode: 2, stdout: "" });
    expect(bad.stderr).toStartWith("--users is 1. It takes a whole number from 2 to 1,000,000.");
    expect(help).toMatchObject({ exitCode: 0, stderr: "" });
    expect(help.stdout).toStartWith("Usage: bun run seed-demo");
  });
});
