// The callers of the benchmark: accounts with keys, money and cards, written straight into the database.

import { hashSync } from "bcryptjs";
import { generateKey, keyPrefix } from "../src/auth/key.ts";
import type { Sql } from "../src/db.ts";
import type { Server } from "./server.ts";

export type Author = { key: string; hash: string };

const CHEAPEST_COST = 4;
const BALANCE = "1000000.00";
const VERIFIED_AT_ONCE = 8;

/** New keys with their hashes; `cost` is bcrypt's. */
export async function makeAuthors(count: number, cost = CHEAPEST_COST): Promise<Author[]> {
  const keys = Array.from({ length: count }, generateKey);
  // Bun's own bcrypt works in threads, which counts where the cost is high; bcryptjs is quicker for cheap ones.
  const hashes = await Promise.all(
    keys.map(key => (cost > 8 ? Bun.password.hash(key, { algorithm: "bcrypt", cost }) : hashSync(key, cost))),
  );
  return keys.map((key, place) => ({ key, hash: hashes[place] ?? "" }));
}

export type Accounts = {
  /** Begins the usernames; the first account is number 1. */
  name: string;
  role?: "member" | "admin";
  cardsEach?: number;
};

/**
 * Inserts the accounts, with cards that earned nothing. The ids end in the account's number, from `firstNo` on, so
 * that a pgbench script can work them out.
 */
export async function insertAuthors(sql: Sql, authors: readonly Author[], accounts: Accounts, firstNo = 1) {
  const { name, role = "member", cardsEach = 0 } = accounts;
  await sql.begin(async tx => {
    await tx`SET LOCAL statement_timeout = 0`;
    await tx`
      INSERT INTO users (id, account_key_id, username, email, role, extropy_balance, api_key_hash, api_key_prefix)
      SELECT id, id, ${name} || no, ${name} || no || '@example.org', ${role}::user_role, ${BALANCE}, hash, prefix
      FROM unnest(${authors.map(({ hash }) => hash)}::text[], ${authors.map(({ key }) => keyPrefix(key))}::text[])
        WITH ORDINALITY AS a (hash, prefix, no),
        LATERAL (SELECT ('00000000-0000-7000-8000-' || lpad((${firstNo}::bigint + no - 1)::text, 12, '0'))::uuid AS id) i`;
    await tx`
      INSERT INTO cards (user_id, title, content, content_hash, privacy_level, is_published, published_at, slug, public_url)
      SELECT u.id, 'To be cited', content, sha256_hex('To be cited' || chr(10) || chr(10) || content), 'IDEAS', true,
        now(), slug, '/cards/' || slug
      FROM users u, generate_series(1, ${cardsEach}::integer) AS no,
        LATERAL (SELECT 'Card ' || no || ' of ' || u.username AS content,
          'to-be-cited-' || u.username || '-' || lpad(no::text, 8, '0') AS slug) c
      WHERE starts_with(u.username, ${name})`;
  });
  // Otherwise autovacuum does it, in the middle of somebody's turn.
  await sql`VACUUM (ANALYZE) users, cards, extropy_ledger`;
}

/** One line for each author: the key, then the ids of the cards. What load.lua reads. */
export async function writeAuthorsFile(path: string, sql: Sql, authors: readonly Author[], name: string) {
  const rows = await sql<{ cards: string[] }[]>`
    SELECT coalesce(array_agg(c.id ORDER BY c.slug) FILTER (WHERE c.id IS NOT NULL), '{}') AS cards
    FROM users u LEFT JOIN cards c ON c.user_id = u.id
    WHERE starts_with(u.username, ${name}) GROUP BY u.id ORDER BY u.id LIMIT ${authors.length}`;
  const lines = authors.map(({ key }, place) => [key, ...(rows[place]?.cards ?? [])].join(" "));
  await Bun.write(path, `${lines.join("\n")}\n`);
}

/** Uses every key once, so that the server knows it. Throws where one is refused. */
export async function verifyKeys({ baseUrl }: Server, authors: readonly Author[], atOnce = VERIFIED_AT_ONCE) {
  const waiting = authors.values();
  const verifyNext = async () => {
    for (const { key } of waiting) {
      const { status } = await fetch(`${baseUrl}/api/me`, { headers: { authorization: `Bearer ${key}` } });
      if (status !== 200) throw new Error(`a key of the benchmark was refused with ${status}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, verifyNext));
}
