// Finding accounts: by what one knows of them, sorted as asked, page by page without gaps, and as fast deep down.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import postgres from "postgres";
import { z } from "zod";
import type { Account } from "../src/admin/users-model.ts";
import { listAccounts } from "../src/admin/users-store.ts";
import { cursorsOf, encodeCursor } from "../src/cursor.ts";
import { type Api, createApi, type Member } from "./api-support.ts";

setDefaultTimeout(60_000);

let api: Api;
let admin: Member;
beforeAll(async () => {
  api = await createApi();
  admin = await api.registerOperator("admin");
});

type List = { items: Account[]; next_cursor: string | null };

const list = (query: string, on = api, by = admin) =>
  on.call<List>("GET", `/api/admin/users?${query}`, { key: by.key });
const namesOf = async (query: string) => (await list(query)).body.items.map(({ username }) => username).sort();

/** For cursors that no list would give. */
const anything = z.array(z.string());

/** All accounts of a list, page by page. */
async function readAll(query: string, limit: number, on = api, by = admin): Promise<Account[]> {
  const items: Account[] = [];
  let cursor: string | null = "";
  do {
    const { body } = await list(`${query}&limit=${limit}${cursor && `&cursor=${cursor}`}`, on, by);
    expect(body.items.length).toBeLessThanOrEqual(limit);
    items.push(...body.items);
    cursor = body.next_cursor;
  } while (cursor);
  return items;
}

describe("a search", () => {
  const names = { ada: "ada-lovelace", grace: "grace-hopper" };
  beforeAll(async () => {
    for (const name of Object.values(names)) await api.register(name);
    await api.sql`UPDATE users SET display_name = 'Ådmiral Grace', email = 'Amazing.Grace@Navy.Example'
      WHERE username = ${names.grace}`;
    await api.sql`UPDATE users SET display_name = '100%_sure' WHERE username = ${names.ada}`;
  });

  test("goes by the beginning of name, display name and e-mail address, whatever the case", async () => {
    const { ada, grace } = names;
    for (const [q, found] of [
      ["ada-", [ada]],
      ["ADA-LOVE", [ada]],
      ["lovelace", []],
      ["grace-", [grace]],
      ["ådmiral", [grace]],
      ["Ådmiral Grace", [grace]],
      ["amazing.grace@NAVY", [grace]],
      ["100%", [ada]],
      ["100%_", [ada]],
      ["100__", []],
      ["%", []],
      ["_", []],
      ["'; --", []],
      ["\\", []],
    ] as const) {
      expect([q, await namesOf(`q=${encodeURIComponent(q)}`)]).toEqual([q, [...found]]);
    }
  });

  test("goes by the id and by its beginning", async () => {
    const { id, username } = (await list("q=ada-lovelace")).body.items[0] as Account;
    for (const q of [id, id.toUpperCase(), id.slice(0, 36), id.slice(0, 24), id.slice(0, 19)]) {
      expect(await namesOf(`q=${q}`)).toContain(username);
    }
    expect(await namesOf(`q=${id}0`)).toEqual([]);
    expect(await namesOf(`q=${id.slice(0, 35)}${id.endsWith("0") ? 1 : 0}`)).toEqual([]);
  });

  test("goes together with role and activity, and shows the system and erased accounts as what they are", async () => {
    const auditor = await api.registerOperator("auditor");
    expect(await namesOf("role=auditor")).toEqual([auditor.name]);
    expect(await namesOf(`role=auditor&active=true&q=${auditor.name.slice(0, 8)}`)).toEqual([auditor.name]);
    expect(await namesOf("role=auditor&active=false")).toEqual([]);
    const gone = await api.register();
    await api.call("DELETE", "/api/me", { key: gone.key });
    const inactive = (await list("active=false")).body.items;
    expect(inactive.map(({ username }) => username)).toContain("system");
    expect(inactive.find(({ id }) => id === gone.id)?.erased_at).toMatch(/^\d{4}-/);
    expect(await namesOf(`q=${gone.name}`)).toEqual([]);
  });

  test("shows all of an account but its secrets", async () => {
    const { items } = (await list("q=grace-hopper")).body;
    expect(Object.keys(items[0] ?? {})).not.toContain("api_key_hash");
    expect(items[0]).toMatchObject({
      email: "Amazing.Grace@Navy.Example",
      balance: "10.00",
      entry_count: 1,
      role: "member",
    });
    const one = await api.call("GET", `/api/admin/users/${items[0]?.id}`, { key: admin.key });
    expect(one.body).toEqual(items[0] as unknown as typeof one.body);
  });
});

test("bad filters, sorts, limits and cursors are refused, also the cursor of another sort", async () => {
  const { next_cursor } = (await list("limit=1")).body;
  for (const query of [
    "sort=password",
    "sort=created_at;DROP",
    "sort=--balance",
    "sort=",
    "role=system",
    "active=yes",
    "limit=0",
    "limit=201",
    "cursor=x",
    `cursor=${next_cursor}&sort=balance`,
    `cursor=${next_cursor}&sort=created_at`,
    `cursor=${next_cursor}&role=member`,
    `cursor=${next_cursor}&q=a`,
    "q=%00",
    `q=${"q".repeat(256)}`,
    "more=1",
  ]) {
    expect([query, (await list(query)).status]).toEqual([query, 422]);
  }
  for (const value of ["NaN", "1e3", "-1.00", "0001-01-01"]) {
    const cursor = encodeCursor(cursorsOf("accounts", { sort: "balance" }, anything).keyOf(value, admin.id));
    expect((await list(`sort=balance&cursor=${cursor}`)).status).toBe(422);
  }
  expect((await list("q=")).status).toBe(200);
  expect((await list(`q=${"q".repeat(255)}`)).body.items).toEqual([]);
  for (const id of [crypto.randomUUID(), "x"]) {
    expect((await api.call("GET", `/api/admin/users/${id}`, { key: admin.key })).status).toBe(404);
  }
});

describe("with thousands of accounts", () => {
  let large: Api;
  let operator: Member;
  beforeAll(async () => {
    large = await createApi();
    operator = await large.registerOperator("admin");
    // Times and balances that several accounts share; the balance makes an entry each.
    await large.sql`
      INSERT INTO users (username, email, display_name, api_key_hash, api_key_prefix, created_at, extropy_balance, is_active)
      SELECT 'many-' || md5(i::text), 'm' || i || '@example.org', 'Number ' || i, 'hash ' || i, 'ext_many',
        timestamptz '2026-01-01' + (i / 3) * interval '1 second', CASE WHEN i % 4 = 0 THEN i % 7 ELSE 0 END, i % 50 <> 0
      FROM generate_series(1, 4000) i`;
    await large.sql`ANALYZE users`;
  });

  const COLUMNS = { created_at: "created_at", username: 'lower(username) COLLATE "C"', balance: "extropy_balance" };
  for (const [name, column] of Object.entries(COLUMNS)) {
    for (const [sort, direction] of [
      [name, "ASC"],
      [`-${name}`, "DESC"],
    ] as const) {
      test(`sort=${sort} gives every account once, in order, with filters or without`, async () => {
        for (const [query, condition] of [
          ["", "true"],
          ["&q=many-", "starts_with(username, 'many-')"],
          ["&q=m1&active=true", "starts_with(email, 'm1') AND is_active"],
          ["&active=false", "NOT is_active"],
        ] as const) {
          const expected = await large.sql.unsafe<{ id: string }[]>(
            `SELECT id FROM users WHERE ${condition} ORDER BY ${column} ${direction}, id ${direction}`,
          );
          const found = await readAll(`sort=${sort}${query}`, 200, large, operator);
          expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
        }
      });
    }
  }

  test("a page deep down, and one of a search that finds nearly all, is read by an index", async () => {
    let sent: { text: string; values: unknown[] } = { text: "", values: [] };
    const debug = (_: number, text: string, values: unknown[]) => {
      sent = { text, values };
    };
    const watched = postgres(large.url, { max: 1, debug });
    try {
      for (const sort of ["created_at", "-created_at", "username", "-username"] as const) {
        const deep = (await readAll(`sort=${sort}`, 200, large, operator))[3500] as Account;
        const value = sort.endsWith("created_at") ? deep.created_at : deep.username;
        for (const q of [undefined, "many-"]) {
          const cursor = encodeCursor(cursorsOf("accounts", { sort, q }, anything).keyOf(value, deep.id));
          const { items } = await listAccounts(watched, { sort, q }, { limit: 50, cursor });
          expect(items).toHaveLength(50);
          const { text, values } = sent;
          const rows = await large.sql.unsafe(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values as string[]);
          const plan = rows[0]?.["QUERY PLAN"]?.[0]?.Plan;
          expect(JSON.stringify(plan)).not.toContain("Seq Scan");
          expect(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]).toBeLessThan(300);
        }
      }
    } finally {
      await watched.end();
    }
  });
});

test("no index holds what a payment changes, which keeps its updates in place", async () => {
  const indexes = await api.sql<{ definition: string }[]>`
    SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = 'users'::regclass`;
  const changed = /extropy_balance|entry_count|head_hash|head_at|rewards_on|rewards_count|updated_at/;
  expect(indexes.length).toBeGreaterThan(5);
  expect(indexes.filter(({ definition }) => changed.test(definition))).toEqual([]);
});
