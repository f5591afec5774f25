// The books keep themselves: every invariant attacked by SQL, as the owner of the tables, past all of the server.

import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createPool, type Sql } from "../src/db.ts";
import { bookOf, expectBalancedBooks, insertCard, insertUser, refusalOf } from "./books-support.ts";
import { createTestDatabase } from "./support.ts";

const NOT_FOLLOWING = "EX001";
const KEPT_BY_TRIGGERS = "EX002";
const NO_MOVEMENT = "EX003";
const CHECK = "23514";
const UNIQUE = "23505";
const FOREIGN_KEY = "23503";

let sql: Sql;
let url: string;
beforeAll(async () => {
  ({ sql, url } = await createTestDatabase());
});
afterEach(() => expectBalancedBooks(sql));

/** Inserts a lone entry that leaves its place to the database. */
function enter(userId: string, type: string, amount: string, before: string, after: string, key?: string) {
  return sql`
    INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, idempotency_key)
    VALUES (${userId}, ${type}, ${amount}, ${before}, ${after}, ${key ?? null})`;
}

type Leg = { user: string; type: string; amount: string; leg?: number; reverses?: string | null; tx?: string };

/** Posts legs in one statement through the posting function, under one transaction id unless they bring their own. */
function post(legs: Leg[], shared: string = Bun.randomUUIDv7()) {
  const literals = legs.map(
    ({ user, type, amount, leg, reverses, tx }) =>
      `(${user},${type},${amount},,,${tx ?? shared},${leg ?? (type.endsWith("received") ? 2 : 1)},${reverses ?? ""},,test)`,
  );
  return sql`SELECT post_entries(${literals}::text[]::ledger_posting[])`;
}

describe("a balance", () => {
  test("never falls below zero by an UPDATE", async () => {
    const user = await insertUser(sql);
    const update = async () => sql`UPDATE users SET extropy_balance = -10.00 WHERE id = ${user}`;
    expect(await refusalOf(update())).toBe(CHECK);
    expect(update()).rejects.toThrow(/^Insufficient \$EXTROPY balance/);
    expect(await bookOf(sql, user)).toMatchObject({ balance: "100.00", count: 1 });
  });

  test("never starts below zero, and never falls below it by an entry", async () => {
    expect(await refusalOf(insertUser(sql, "-0.01"))).toBe(CHECK);
    const user = await insertUser(sql, "5.00");
    expect(await refusalOf(enter(user, "penalty", "-5.01", "5.00", "-0.01"))).toBe(CHECK);
    expect(await refusalOf(post([{ user, type: "penalty", amount: "-5.01" }]))).toBe(CHECK);
  });

  test("is never NaN or infinite, nor is any other amount", async () => {
    const user = await insertUser(sql);
    const card = await insertCard(sql, user);
    expect(await refusalOf(insertUser(sql, "NaN"))).toBe(CHECK);
    expect(await refusalOf(sql`UPDATE users SET extropy_balance = 'NaN' WHERE id = ${user}`)).toBe(CHECK);
    expect(await refusalOf(sql`UPDATE cards SET extropy_earned = 'NaN' WHERE id = ${card}`)).toBe(CHECK);
    expect(await refusalOf(enter(user, "bonus", "NaN", "100.00", "NaN"))).toBe(CHECK);
    const other = await insertUser(sql);
    const citing = await insertCard(sql, other);
    expect(
      await refusalOf(sql`
        INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type,
          extropy_amount) VALUES (${card}, ${user}, ${citing}, ${other}, 'citation', 'NaN')`),
    ).toBe(CHECK);
    for (const column of ["users SET extropy_balance", "cards SET extropy_earned"]) {
      expect(await refusalOf(sql.unsafe(`UPDATE ${column} = 'Infinity'`))).toBe("22003");
    }
  });

  test("given with a new user becomes the user's initial_grant", async () => {
    const user = await insertUser(sql, "12.34");
    expect((await bookOf(sql, user)).entries).toMatchObject([
      { transaction_type: "initial_grant", amount: "12.34", balance_before: "0.00", balance_after: "12.34" },
    ]);
  });

  test("written directly becomes an admin_adjustment, for many users in one statement too", async () => {
    const users = await Promise.all([insertUser(sql), insertUser(sql), insertUser(sql, "0.00")]);
    await sql`UPDATE users SET extropy_balance = extropy_balance + 0.50 WHERE id = ANY (${users}::uuid[])`;
    for (const user of users) {
      const { balance, entries } = await bookOf(sql, user);
      expect(entries.at(-1)).toMatchObject({ transaction_type: "admin_adjustment", amount: "0.50" });
      expect(entries.at(-1)).toMatchObject({ balance_after: balance });
    }
  });

  test("survives 20 direct writes and 20 entries at once", async () => {
    const user = await insertUser(sql);
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        await sql`UPDATE users SET extropy_balance = extropy_balance - 1 WHERE id = ${user}`;
        await post([{ user, type: "bonus", amount: "2" }]);
      }),
    );
    expect(await bookOf(sql, user)).toMatchObject({ balance: "120.00", count: 41 });
  });

  test("can't be slipped in beside an entry in the same statement", async () => {
    const user = await insertUser(sql);
    const both = sql`
      WITH moved AS (UPDATE users SET extropy_balance = 500 WHERE id = ${user})
      INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
      VALUES (${user}, 'admin_adjustment', 1, 100, 101)`;
    expect([NOT_FOLLOWING, KEPT_BY_TRIGGERS, UNIQUE, "27000"]).toContain(await refusalOf(both));
    expect(await bookOf(sql, user)).toMatchObject({ balance: "100.00", count: 1 });
  });
});

describe("the ledger is append-only", () => {
  const attacks = [
    "UPDATE extropy_ledger SET description = 'x'",
    "DELETE FROM extropy_ledger",
    "TRUNCATE extropy_ledger",
    "TRUNCATE users CASCADE",
    "INSERT INTO extropy_ledger SELECT * FROM extropy_ledger ON CONFLICT (id) DO UPDATE SET amount = 5",
    "MERGE INTO extropy_ledger l USING users u ON l.user_id = u.id WHEN MATCHED THEN DELETE",
  ];
  for (const attack of attacks) {
    test(`: ${attack}`, async () => {
      await insertUser(sql);
      expect(await refusalOf(sql.unsafe(attack))).toBe(KEPT_BY_TRIGGERS);
    });
  }

  test("for a session that acts as a replica too", async () => {
    await insertUser(sql);
    for (const attack of attacks.slice(0, 3)) {
      const asReplica = sql.begin(async tx => {
        await tx`SET LOCAL session_replication_role = replica`;
        await tx.unsafe(attack);
      });
      expect(await refusalOf(asReplica)).toBe(KEPT_BY_TRIGGERS);
    }
  });

  test("so that a user or a card with entries can't be deleted, and one without can", async () => {
    const user = await insertUser(sql);
    expect(await refusalOf(sql`DELETE FROM users WHERE id = ${user}`)).toBe(FOREIGN_KEY);
    const poor = await insertUser(sql, "0.00");
    await insertCard(sql, poor);
    await sql`DELETE FROM users WHERE id = ${poor}`;
    expect([...(await sql`SELECT FROM cards WHERE user_id = ${poor}`)]).toEqual([]);
  });
});

describe("an entry", () => {
  test("that continues the one before it moves the balance", async () => {
    const user = await insertUser(sql);
    await enter(user, "publish_reward", "10.00", "100.00", "110.00");
    const { balance, head, entries } = await bookOf(sql, user);
    expect(balance).toBe("110.00");
    expect(entries.map(entry => entry.user_seq)).toEqual(["1", "2"]);
    expect(entries[1]?.prev_hash).toBe(entries[0]?.entry_hash as string);
    expect(head).toBe(entries[1]?.entry_hash as string);
  });

  test("is refused when its balances are not the user's", async () => {
    const user = await insertUser(sql);
    expect(await refusalOf(enter(user, "bonus", "10.00", "90.00", "100.00"))).toBe(NOT_FOLLOWING);
    expect(await refusalOf(enter(user, "bonus", "10.00", "0.00", "10.00"))).toBe(NOT_FOLLOWING);
    expect(await refusalOf(enter(user, "bonus", "10.00", "100.00", "111.00"))).toBe(CHECK);
    expect(await refusalOf(enter(user, "bonus", "0.00", "100.00", "100.00"))).toBe(CHECK);
    expect(await refusalOf(enter(user, "bonus", "-1.00", "100.00", "99.00"))).toBe(CHECK);
    expect(await refusalOf(enter(user, "gift", "1.00", "100.00", "101.00"))).toBe(CHECK);
    // An adjustment that ends at the balance that is there already, as a direct write would look half-way.
    expect(await refusalOf(enter(user, "admin_adjustment", "10.00", "90.00", "100.00"))).toBe(NOT_FOLLOWING);
    expect(await refusalOf(enter(user, "initial_grant", "100.00", "0.00", "100.00"))).toBe(NOT_FOLLOWING);
  });

  test("is refused for nobody, and about a card that is another's", async () => {
    expect(await refusalOf(enter(crypto.randomUUID(), "bonus", "1.00", "0.00", "1.00"))).toBe(FOREIGN_KEY);
    const [user, other] = [await insertUser(sql), await insertUser(sql)];
    const card = await insertCard(sql, other);
    const entry = sql`
      INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, card_id)
      VALUES (${user}, 'publish_reward', 1, 100, 101, ${card})`;
    expect(await refusalOf(entry)).toBe(FOREIGN_KEY);
  });

  const places = {
    "a gap before it": { user_seq: 3 },
    "a place that is taken": { user_seq: 1 },
    "another past": { prev_hash: "f".repeat(64) },
    "a hash that is not its own": { entry_hash: "e".repeat(64) },
    "a time before its predecessor": { created_at: "2001-01-01T00:00:00Z" },
    "a time in the future": { created_at: "2999-01-01T00:00:00Z" },
  };
  for (const [what, place] of Object.entries(places)) {
    test(`is refused with ${what}`, async () => {
      const user = await insertUser(sql);
      const row = {
        user_id: user,
        transaction_type: "bonus",
        amount: "1",
        balance_before: "100",
        balance_after: "101",
      };
      const refusal = await refusalOf(sql`INSERT INTO extropy_ledger ${sql({ ...row, ...place })}`);
      expect([NOT_FOLLOWING, UNIQUE]).toContain(refusal);
    });
  }

  test("leaves its place to the database only when it comes alone", async () => {
    const user = await insertUser(sql);
    const two = sql`
      INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
      VALUES (${user}, 'bonus', 1, 100, 101), (${user}, 'bonus', 1, 101, 102)`;
    expect(await refusalOf(two)).toBe(UNIQUE);
    await enter(user, "bonus", "1.00", "100.00", "101.00");
    expect(await bookOf(sql, user)).toMatchObject({ balance: "101.00", count: 2 });
  });

  test("may bring its place along, several of one user in one statement", async () => {
    const user = await insertUser(sql);
    const { head } = await bookOf(sql, user);
    await sql`
      WITH given AS (
        SELECT nextval('extropy_ledger_id_seq') AS id, uuid_v7() AS tx, n, now() + n * interval '1 microsecond' AS at
        FROM generate_series(1, 3) n ORDER BY n
      ), first AS (
        SELECT *, sha256_hex(ledger_entry_text(${head as string}, id, ${user}, 2, tx, 'bonus', 1.00, 100.00, 101.00,
          NULL, NULL, NULL, NULL, NULL, '{}', at)) AS hash FROM given WHERE n = 1
      ), second AS (
        SELECT g.*, sha256_hex(ledger_entry_text(f.hash, g.id, ${user}, 3, g.tx, 'bonus', 1.00, 101.00, 102.00,
          NULL, NULL, NULL, NULL, NULL, '{}', g.at)) AS hash, f.hash AS prev FROM given g, first f WHERE g.n = 2
      )
      INSERT INTO extropy_ledger (id, user_id, transaction_type, amount, balance_before, balance_after, transaction_id,
        user_seq, prev_hash, entry_hash, created_at)
      SELECT id, ${user}::uuid, 'bonus', 1, 100, 101, tx, 2, ${head as string}, hash, at FROM first
      UNION ALL SELECT id, ${user}::uuid, 'bonus', 1, 101, 102, tx, 3, prev, hash, at FROM second`;
    expect(await bookOf(sql, user)).toMatchObject({ balance: "102.00", count: 3 });
  });

  test("with a repeated idempotency key is a duplicate key and moves nothing, also when the balance has moved on", async () => {
    const user = await insertUser(sql, "0.00");
    const key = crypto.randomUUID();
    await enter(user, "publish_reward", "10.00", "0.00", "10.00", key);
    expect(await refusalOf(enter(user, "publish_reward", "10.00", "0.00", "10.00", key))).toBe(UNIQUE);
    expect(await refusalOf(enter(user, "publish_reward", "10.00", "10.00", "20.00", key))).toBe(UNIQUE);
    await sql`
      INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, idempotency_key)
      VALUES (${user}, 'publish_reward', 10, 10, 20, ${key}) ON CONFLICT (idempotency_key) DO NOTHING`;
    expect(await bookOf(sql, user)).toMatchObject({ balance: "10.00", count: 1 });
  });

  test("has a place from 1 on", async () => {
    const user = await insertUser(sql);
    for (const place of [0, -7]) {
      const entry = sql`
        INSERT INTO extropy_ledger (user_id, user_seq, transaction_type, amount, balance_before, balance_after)
        VALUES (${user}, ${place}, 'bonus', 1000, 0, 1000)`;
      expect(await refusalOf(entry)).toBe(CHECK);
    }
  });

  test("posted to nobody is refused, also among others", async () => {
    const user = await insertUser(sql);
    const bonus = (to: string) => ({ user: to, type: "bonus", amount: "1.00", tx: Bun.randomUUIDv7() });
    expect(await refusalOf(post([bonus(user), bonus(crypto.randomUUID())]))).toBe(FOREIGN_KEY);
  });

  test("can't be dated in the future", async () => {
    const user = await insertUser(sql);
    const entry = sql`
      INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, created_at)
      VALUES (${user}, 'bonus', 1, 100, 101, now() + interval '2 minutes')`;
    expect(await refusalOf(entry)).toBe(NOT_FOLLOWING);
    expect(entry).rejects.toThrow(/is dated in the future$/);
  });

  test("can't hide a line break in its text, by which two entries could share one hash", async () => {
    const user = await insertUser(sql);
    expect(await refusalOf(enter(user, "bonus", "1.00", "100.00", "101.00", "a\nb"))).toBe(CHECK);
    expect(await refusalOf(enter(user, "bonus", "1.00", "100.00", "101.00", ""))).toBe(CHECK);
  });

  test("rises strictly in time within a user, even a thousand in one statement", async () => {
    const user = await insertUser(sql);
    const lone = () => ({ user, type: "bonus", amount: "0.01", tx: Bun.randomUUIDv7() });
    await post(Array.from({ length: 1000 }, lone));
    await sql.begin(async tx => {
      for (let i = 0; i < 50; i++) {
        await tx`
          INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
          SELECT id, 'bonus', 0.01, extropy_balance, extropy_balance + 0.01 FROM users WHERE id = ${user}`;
      }
    });
    const times = (await bookOf(sql, user)).entries.map(entry => entry.created_at as string);
    expect(times).toEqual([...new Set(times)].sort());
  });
});

describe("the ledger's head in users", () => {
  const attacks = [
    "entry_count = entry_count + 1",
    "entry_count = 0",
    "head_hash = repeat('a', 64)",
    "head_at = now()",
    "rewards_count = 0, rewards_on = NULL, entry_count = entry_count - 1",
    "rewards_count = rewards_count + 1",
    "extropy_balance = extropy_balance + 1, entry_count = entry_count + 1, head_at = now()",
    "extropy_balance = extropy_balance + 1, head_hash = repeat('b', 64)",
  ];
  for (const attack of attacks) {
    test(`can't be written directly: ${attack}`, async () => {
      const user = await insertUser(sql);
      expect(await refusalOf(sql.unsafe(`UPDATE users SET ${attack} WHERE id = '${user}'`))).toBe(KEPT_BY_TRIGGERS);
    });
  }

  /** Two bonuses of 1.00 in one statement that also moves the head to where `head` says; each has the hash of its own text. */
  async function bringAlong(
    user: string,
    { second = {}, head = {} }: { second?: Record<string, string>; head?: Record<string, string> } = {},
  ) {
    const { head: opening } = await bookOf(sql, user);
    const draft = async (fields: Record<string, unknown>) => {
      const [row] = await sql`
        SELECT e.*, sha256_hex(ledger_entry_text(e.prev_hash, e.id, e.user_id, e.user_seq, e.transaction_id,
          e.transaction_type, e.amount, e.balance_before, e.balance_after, NULL, NULL, NULL, NULL, NULL, '{}',
          e.created_at)) AS entry_hash
        FROM jsonb_populate_record(NULL::extropy_ledger, ${sql.json({
          user_id: user,
          transaction_type: "bonus",
          amount: "1.00",
          transaction_id: Bun.randomUUIDv7(),
          leg: 1,
          ...fields,
        } as never)} || jsonb_build_object('id', nextval('extropy_ledger_id_seq'))) AS p
        CROSS JOIN LATERAL (SELECT p.id, p.user_id, p.user_seq, p.transaction_id, p.transaction_type, p.amount,
          p.balance_before, p.balance_after, p.leg, p.prev_hash, p.created_at) e`;
      return row as Record<string, string>;
    };
    const now = new Date();
    const a = await draft({
      ...{ user_seq: 2, prev_hash: opening, balance_before: "100.00", balance_after: "101.00" },
      created_at: now.toISOString(),
    });
    const b = await draft({
      ...{ user_seq: 3, prev_hash: a.entry_hash, balance_before: "101.00", balance_after: "102.00" },
      created_at: new Date(now.getTime() + 1).toISOString(),
      ...second,
    });
    const moved = {
      extropy_balance: b.balance_after as string,
      entry_count: 3,
      head_hash: b.entry_hash as string,
      head_at: b.created_at as string,
      ...head,
    };
    await sql`
      WITH posted AS (INSERT INTO extropy_ledger ${sql([a, b])})
      UPDATE users SET ${sql(moved)} WHERE id = ${user}`;
  }

  test("moves over several entries at once, as far as they go", async () => {
    const user = await insertUser(sql);
    await bringAlong(user);
    expect(await bookOf(sql, user)).toMatchObject({ balance: "102.00", count: 3 });
  });

  /** One entry in one statement that moves the head to it, both with hashes that are right in themselves. */
  async function bringOne(user: string, before: string, amount: string, head: Record<string, string> = {}) {
    const { head: opening } = await bookOf(sql, user);
    await sql`
      WITH e AS MATERIALIZED (
        SELECT nextval('extropy_ledger_id_seq') AS id, uuid_v7() AS tx, clock_timestamp() AS at
      ), h AS MATERIALIZED (
        SELECT e.*, sha256_hex(ledger_entry_text(${opening as string}, id, ${user}, 2, tx, 'admin_adjustment',
          ${amount}::decimal(20, 2), ${before}::decimal(20, 2), (${before}::decimal + ${amount}::decimal)::decimal(20, 2),
          NULL, NULL, NULL, NULL, NULL, '{}', at)) AS hash FROM e
      ), posted AS (
        INSERT INTO extropy_ledger (id, user_id, transaction_type, amount, balance_before, balance_after, transaction_id,
          leg, user_seq, prev_hash, entry_hash, created_at)
        SELECT id, ${user}::uuid, 'admin_adjustment', ${amount}::decimal, ${before}::decimal,
          ${before}::decimal + ${amount}::decimal, tx, 1, 2, ${opening as string}, hash, at FROM h
      )
      UPDATE users SET extropy_balance = ${before}::decimal + ${amount}::decimal, entry_count = 2, head_hash = h.hash,
        head_at = h.at, rewards_count = ${head.rewards_count ?? "0"}::integer
      FROM h WHERE users.id = ${user}`;
  }

  test("moves to a lone entry, and to none that starts from another balance or fakes rewards", async () => {
    const user = await insertUser(sql);
    expect(await refusalOf(bringOne(user, "105.00", "-5.00"))).toBe(KEPT_BY_TRIGGERS);
    expect(await refusalOf(bringOne(user, "95.00", "5.00"))).toBe(KEPT_BY_TRIGGERS);
    expect(await refusalOf(bringOne(user, "100.00", "1.00", { rewards_count: "-5" }))).toBe(KEPT_BY_TRIGGERS);
    await bringOne(user, "100.00", "1.00");
    expect(await bookOf(sql, user)).toMatchObject({ balance: "101.00", count: 2 });
  });

  test("is not moved by an entry that explains a balance written in the same statement wrongly", async () => {
    const user = await insertUser(sql, "10.00");
    const slipped = sql`
      WITH u AS (UPDATE users SET extropy_balance = 20 WHERE id = ${user})
      INSERT INTO extropy_ledger (user_id, user_seq, transaction_type, amount, balance_before, balance_after)
      VALUES (${user}, 2, 'penalty', -10, 20, 10)`;
    expect(await refusalOf(slipped)).toBe(KEPT_BY_TRIGGERS);
    const newcomer = sql`
      WITH n AS (
        INSERT INTO users (username, email, api_key_hash, api_key_prefix, extropy_balance)
        VALUES ('newcomer', 'newcomer@example.org', 'newcomer', 'ext_test', 10) RETURNING id)
      INSERT INTO extropy_ledger (user_id, user_seq, transaction_type, amount, balance_before, balance_after, prev_hash,
        transaction_id, leg, created_at)
      SELECT id, 1, 'penalty', -10, 10, 0, repeat('0', 64), uuid_v7(), 1, now() FROM n`;
    expect(await refusalOf(newcomer)).toBe(KEPT_BY_TRIGGERS);
  });

  test("stays with its user: an id can't be changed, nor taken over together with its entries", async () => {
    const [one, other] = [await insertUser(sql), await insertUser(sql, "0.00")];
    expect([FOREIGN_KEY, KEPT_BY_TRIGGERS]).toContain(
      await refusalOf(sql`UPDATE users SET id = uuid_v7() WHERE id = ${other}`),
    );
    const swapped = sql`
      UPDATE users SET id = CASE id WHEN ${one}::uuid THEN ${other}::uuid ELSE ${one}::uuid END
      WHERE id IN (${one}, ${other})`;
    expect([UNIQUE, KEPT_BY_TRIGGERS]).toContain(await refusalOf(swapped));
    const replaced = sql`
      WITH gone AS (DELETE FROM users WHERE id = ${one} RETURNING id)
      INSERT INTO users (id, username, email, api_key_hash, api_key_prefix)
      SELECT id, 'heir', 'heir@example.org', 'heir', 'ext_test' FROM gone`;
    expect(await refusalOf(replaced)).toBe(KEPT_BY_TRIGGERS);
  });

  test("and its proofs don't look at operators that somebody else has made", async () => {
    const user = await insertUser(sql);
    const forged = sql.begin(async tx => {
      await tx`CREATE SCHEMA evil`;
      for (const [name, left, right] of [
        ["<>", "numeric", "numeric"],
        ["<>", "varchar", "text"],
        ["<", "numeric", "integer"],
      ]) {
        await tx.unsafe(`
          CREATE FUNCTION evil.never(${left}, ${right}) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
          CREATE OPERATOR evil.${name} (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = evil.never)`);
      }
      await tx`SET LOCAL search_path = evil, pg_catalog, public`;
      await tx`SAVEPOINT before`;
      const wrongSum = tx`
        INSERT INTO public.extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
        VALUES (${user}, 'bonus', 5, 100, 777)`;
      expect(await refusalOf(wrongSum)).toBe(CHECK);
      await tx`ROLLBACK TO SAVEPOINT before`;
      await tx`
        INSERT INTO public.extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after, entry_hash)
        VALUES (${user}, 'bonus', 5, 100, 105, repeat('f', 64))`;
    });
    expect(await refusalOf(forged)).toBe(NOT_FOLLOWING);
  });

  const broken: [string, Parameters<typeof bringAlong>[1]][] = [
    ["further than they go", { head: { entry_count: "4" } }],
    ["less far than they go", { head: { entry_count: "2" } }],
    ["to another balance", { head: { extropy_balance: "500.00" } }],
    ["to another hash", { head: { head_hash: "a".repeat(64) } }],
    ["to another time", { head: { head_at: "2020-01-01T00:00:00Z" } }],
    ["over a gap", { second: { user_seq: "4" }, head: { entry_count: "4" } }],
    ["over a link that is none", { second: { prev_hash: "b".repeat(64) } }],
    ["over a leap of the balance", { second: { balance_before: "901.00", balance_after: "902.00" } }],
    ["back in time", { second: { created_at: "2020-01-01T00:00:00Z" } }],
  ];
  for (const [how, forged] of broken) {
    test(`doesn't move over several entries ${how}`, async () => {
      const user = await insertUser(sql);
      expect(["EX001", "EX002"]).toContain(await refusalOf(bringAlong(user, forged)));
      expect(await bookOf(sql, user)).toMatchObject({ balance: "100.00", count: 1 });
    });
  }

  test("moves entry by entry where many post for the same users at once", async () => {
    const [one, other] = [await insertUser(sql), await insertUser(sql)];
    const send = (from: string, to: string) =>
      post([
        { user: from, type: "transfer_sent", amount: "-1.00" },
        { user: to, type: "transfer_received", amount: "1.00" },
      ]);
    await Promise.all(Array.from({ length: 40 }, (_, n) => (n % 2 ? send(one, other) : send(other, one))));
    expect(await bookOf(sql, one)).toMatchObject({ balance: "100.00", count: 41 });
  });

  test("can't be brought along by a new user", async () => {
    const user = sql`
      INSERT INTO users (username, email, api_key_hash, api_key_prefix, extropy_balance, entry_count)
      VALUES ('forger', 'forger@example.org', 'forger', 'ext_test', 5, 1)`;
    expect(await refusalOf(user)).toBe(KEPT_BY_TRIGGERS);
  });

  test("can't be moved from inside another trigger either", async () => {
    const user = await insertUser(sql);
    const nested = sql.begin(async tx => {
      await tx`CREATE TABLE decoy (id int)`;
      await tx.unsafe(`CREATE FUNCTION decoy() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN UPDATE users SET extropy_balance = 7, entry_count = entry_count + 1 WHERE id = '${user}'; RETURN NULL; END $$`);
      await tx`CREATE TRIGGER decoy AFTER INSERT ON decoy FOR EACH ROW EXECUTE FUNCTION decoy()`;
      await tx`INSERT INTO decoy VALUES (1)`;
    });
    expect(await refusalOf(nested)).toBe(KEPT_BY_TRIGGERS);
  });
});

describe("what somebody puts between the tables and their guards is no help", () => {
  /** Scripts for one transaction by the owner of the tables; USER is a user with 100.00 and one entry. */
  const scripts: [string, string][] = [
    [
      "a trigger that takes the entry of a direct write away",
      `CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
       CREATE TRIGGER zzz BEFORE INSERT ON extropy_ledger FOR EACH ROW EXECUTE FUNCTION swallow();
       UPDATE users SET extropy_balance = 1000000 WHERE id = USER`,
    ],
    [
      "a rule that does",
      `CREATE RULE swallow AS ON INSERT TO extropy_ledger DO INSTEAD NOTHING;
       UPDATE users SET extropy_balance = 1000000 WHERE id = USER`,
    ],
    [
      "a rule that leaves a head where it is",
      `CREATE TABLE decoy (x integer); INSERT INTO decoy VALUES (1);
       CREATE RULE astray AS ON UPDATE TO users DO INSTEAD UPDATE decoy SET x = x + 1;
       INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
         VALUES (USER, 'bonus', 5, 100, 105)`,
    ],
    [
      "an entry in a child table",
      `CREATE TABLE child () INHERITS (extropy_ledger);
       INSERT INTO child (id, user_id, user_seq, transaction_type, amount, balance_before, balance_after, created_at,
         transaction_id, leg, prev_hash, entry_hash)
         SELECT 0, id, 2, 'bonus', 999900, 100, 1000000, now(), uuid_v7(), 1, head_hash, repeat('a', 64)
         FROM users WHERE id = USER;
       UPDATE users SET extropy_balance = 1000000, entry_count = 2, head_hash = repeat('a', 64), head_at = now()
         WHERE id = USER`,
    ],
    [
      "a head in a child table",
      `CREATE TABLE child () INHERITS (users);
       INSERT INTO child (id, username, email, extropy_balance, api_key_hash, api_key_prefix, entry_count, head_hash, head_at)
         SELECT id, username, email, extropy_balance, api_key_hash, api_key_prefix, 1000, head_hash, head_at
         FROM users WHERE id = USER;
       INSERT INTO extropy_ledger (user_id, user_seq, transaction_type, amount, balance_before, balance_after)
         VALUES (USER, 77, 'bonus', 5, 500, 505)`,
    ],
    [
      "a type of the session's own",
      `CREATE TYPE pg_temp.text AS ENUM ('x');
       CREATE FUNCTION pg_temp.nothing(pg_catalog.text) RETURNS pg_temp.text LANGUAGE sql IMMUTABLE
         AS 'SELECT NULL::pg_temp.text';
       CREATE CAST (pg_catalog.text AS pg_temp.text) WITH FUNCTION pg_temp.nothing(pg_catalog.text) AS ASSIGNMENT;
       INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
         VALUES (USER, 'bonus', 5, 100, 777)`,
    ],
    ["another type for a column", "ALTER TABLE extropy_ledger ALTER metadata TYPE jsonb USING '{}'::jsonb"],
    ["another type for a head", "ALTER TABLE users ALTER head_hash TYPE varchar(64) USING repeat('f', 64)"],
  ];
  for (const [what, script] of scripts) {
    test(what, async () => {
      const user = await insertUser(sql);
      // A connection of its own: what a function was compiled with stays in its session.
      const session = createPool(url, { max: 1 });
      try {
        const forged = session.begin(tx => tx.unsafe(script.replaceAll("USER", `'${user}'`)));
        expect(["EX001", "EX002", CHECK, "0A000"]).toContain(await refusalOf(forged));
      } finally {
        await session.end();
      }
      expect(await bookOf(sql, user)).toMatchObject({ balance: "100.00", count: 1 });
    });
  }
});

describe("a movement between two users", () => {
  test("moves the amount from one to the other", async () => {
    const [a, b] = [await insertUser(sql), await insertUser(sql)];
    await post([
      { user: a, type: "transfer_sent", amount: "-30" },
      { user: b, type: "transfer_received", amount: "30" },
    ]);
    expect([(await bookOf(sql, a)).balance, (await bookOf(sql, b)).balance]).toEqual(["70.00", "130.00"]);
  });

  test("has both legs, in one statement", async () => {
    const [a, b] = [await insertUser(sql), await insertUser(sql)];
    expect(await refusalOf(post([{ user: a, type: "transfer_sent", amount: "-30" }]))).toBe(NO_MOVEMENT);
    expect(await refusalOf(post([{ user: b, type: "attribution_received", amount: "30" }]))).toBe(NO_MOVEMENT);
    const tx = Bun.randomUUIDv7();
    const oneByOne = sql.begin(async () => {
      await post([{ user: a, type: "transfer_sent", amount: "-30" }], tx);
      await post([{ user: b, type: "transfer_received", amount: "30" }], tx);
    });
    expect(await refusalOf(oneByOne)).toBe(NO_MOVEMENT);
  });

  test("has legs that match", async () => {
    const [a, b] = [await insertUser(sql), await insertUser(sql)];
    const pairs: [Leg, Leg][] = [
      [
        { user: a, type: "transfer_sent", amount: "-30" },
        { user: b, type: "transfer_received", amount: "31" },
      ],
      [
        { user: a, type: "transfer_sent", amount: "-30" },
        { user: a, type: "transfer_received", amount: "30" },
      ],
      [
        { user: a, type: "transfer_sent", amount: "-30" },
        { user: b, type: "attribution_received", amount: "30" },
      ],
      [
        { user: a, type: "penalty", amount: "-30" },
        { user: b, type: "transfer_received", amount: "30" },
      ],
    ];
    for (const pair of pairs) expect(await refusalOf(post(pair))).toBe(NO_MOVEMENT);
    expect(
      await refusalOf(
        post([
          { user: a, type: "transfer_sent", amount: "30" },
          { user: b, type: "transfer_received", amount: "-30" },
        ]),
      ),
    ).toBe(CHECK);
  });

  test("never gets a third leg", async () => {
    const [a, b, c] = [await insertUser(sql), await insertUser(sql), await insertUser(sql)];
    const tx = Bun.randomUUIDv7();
    await post(
      [
        { user: a, type: "transfer_sent", amount: "-30" },
        { user: b, type: "transfer_received", amount: "30" },
      ],
      tx,
    );
    for (const type of ["bonus", "transfer_received", "admin_adjustment"]) {
      expect(await refusalOf(post([{ user: c, type, amount: "30" }], tx))).toBe(UNIQUE);
    }
    const lone = Bun.randomUUIDv7();
    await post([{ user: a, type: "bonus", amount: "5" }], lone);
    expect(await refusalOf(post([{ user: c, type: "penalty", amount: "-5" }], lone))).toBe(UNIQUE);
  });
});

describe("a reversal", () => {
  async function movement() {
    const [a, b] = [await insertUser(sql), await insertUser(sql)];
    await post([
      { user: a, type: "transfer_sent", amount: "-30" },
      { user: b, type: "transfer_received", amount: "30" },
    ]);
    const entryOf = async (user: string) => (await bookOf(sql, user)).entries.at(-1)?.id as string;
    return { a, b, sent: await entryOf(a), received: await entryOf(b) };
  }

  test("undoes both legs, once", async () => {
    const { a, b, sent, received } = await movement();
    const undo = () =>
      post([
        { user: a, type: "reversal", amount: "30", leg: 1, reverses: sent },
        { user: b, type: "reversal", amount: "-30", leg: 2, reverses: received },
      ]);
    await undo();
    expect([(await bookOf(sql, a)).balance, (await bookOf(sql, b)).balance]).toEqual(["100.00", "100.00"]);
    expect(await refusalOf(undo())).toBe(UNIQUE);
  });

  test("of half a movement, of another amount, for another user or of a reversal is refused", async () => {
    const { a, b, sent, received } = await movement();
    const half = [{ user: a, type: "reversal", amount: "30", leg: 1, reverses: sent }];
    expect(await refusalOf(post(half))).toBe(NO_MOVEMENT);
    const other = [
      { user: a, type: "reversal", amount: "31", leg: 1, reverses: sent },
      { user: b, type: "reversal", amount: "-31", leg: 2, reverses: received },
    ];
    expect(await refusalOf(post(other))).toBe(NO_MOVEMENT);
    const swapped = [
      { user: b, type: "reversal", amount: "30", leg: 1, reverses: sent },
      { user: a, type: "reversal", amount: "-30", leg: 2, reverses: received },
    ];
    expect(await refusalOf(post(swapped))).toBe(NO_MOVEMENT);
    const bonus = await insertUser(sql);
    const first = (await bookOf(sql, bonus)).entries[0]?.id as string;
    await post([{ user: bonus, type: "reversal", amount: "-100", reverses: first }]);
    const second = (await bookOf(sql, bonus)).entries[1]?.id as string;
    expect(await refusalOf(post([{ user: bonus, type: "reversal", amount: "100", reverses: second }]))).toBe(
      NO_MOVEMENT,
    );
    expect(await refusalOf(post([{ user: bonus, type: "reversal", amount: "1" }]))).toBe(CHECK);
  });

  test("of an entry that stands alone takes no second leg", async () => {
    const user = await insertUser(sql);
    const first = (await bookOf(sql, user)).entries[0]?.id as string;
    const tx = Bun.randomUUIDv7();
    await post([{ user, type: "reversal", amount: "-100", reverses: first }], tx);
    expect(await refusalOf(post([{ user, type: "bonus", amount: "1" }], tx))).toBe(UNIQUE);
  });
});

describe("cards and attributions", () => {
  test("a private card is never published", async () => {
    const user = await insertUser(sql);
    for (const level of ["PRIVATE", "PERSONAL"]) {
      const card = sql`
        INSERT INTO cards (user_id, content, content_hash, privacy_level, is_published)
        VALUES (${user}, 'x', ${level}, ${level}, true)`;
      expect(await refusalOf(card)).toBe(CHECK);
    }
    const card = await insertCard(sql, user);
    expect(await refusalOf(sql`UPDATE cards SET privacy_level = 'PRIVATE' WHERE id = ${card}`)).toBe(CHECK);
  });

  test("an attribution names the true owners, two of them, once, and adds to what the cited card earned", async () => {
    const [a, b] = [await insertUser(sql), await insertUser(sql)];
    const [cited, citing] = [await insertCard(sql, a), await insertCard(sql, b)];
    const cite = (source: string, sourceUser: string, target: string, targetUser: string) => sql`
      INSERT INTO attributions (source_card_id, source_user_id, target_card_id, target_user_id, attribution_type,
        extropy_amount) VALUES (${source}, ${sourceUser}, ${target}, ${targetUser}, 'citation', 0.10)`;
    expect(await refusalOf(cite(cited, b, citing, a))).toBe(FOREIGN_KEY);
    expect(await refusalOf(cite(cited, a, cited, a))).toBe(CHECK);
    expect(await refusalOf(cite(cited, a, await insertCard(sql, a), a))).toBe(CHECK);
    await cite(cited, a, citing, b);
    expect(await refusalOf(cite(cited, a, citing, b))).toBe(UNIQUE);
    const [card] = await sql`SELECT extropy_earned, attribution_count FROM cards WHERE id = ${cited}`;
    expect(card).toEqual({ extropy_earned: "0.10", attribution_count: 1 });
  });

  test("updated_at follows every change", async () => {
    const user = await insertUser(sql);
    const card = await insertCard(sql, user);
    await sql`UPDATE users SET bio = 'x' WHERE id = ${user}`;
    await sql`UPDATE cards SET view_count = 1 WHERE id = ${card}`;
    await sql`INSERT INTO sync_state (user_id, client_id, entity_type, entity_id) VALUES (${user}, 'c', 'card', ${card})`;
    await sql`UPDATE sync_state SET sync_status = 'synced' WHERE user_id = ${user}`;
    for (const table of ["users", "cards", "sync_state"]) {
      const key = table === "users" ? "id" : "user_id";
      const [row] = await sql`SELECT updated_at > created_at AS later FROM ${sql(table)} WHERE ${sql(key)} = ${user}`;
      expect(row?.later).toBe(true);
    }
  });
});

test("the supply is what was issued less what was burned, and equals all balances", async () => {
  const [row] = await sql`
    SELECT (SELECT sum(issued) - sum(burned) FROM extropy_supply) = (SELECT sum(extropy_balance) FROM users) AS equal`;
  expect(row?.equal).toBe(true);
});
