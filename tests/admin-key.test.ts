// `bun run admin-key`: which admin gets the key, what stops working and what goes on, and what a person is told.

import { expect, setDefaultTimeout, test } from "bun:test";
import { generateKey, keyPrefix } from "../src/auth/key.ts";
import type { Sql } from "../src/db.ts";
import { createFolder, startProgram, startServer } from "./server.ts";
import { createTestDatabase, DATA_FOLDER, emptyDatabase } from "./support.ts";

setDefaultTimeout(60_000);

/** Runs the command to its end. `key` is the one that it printed. */
async function runAdminKey(env: Record<string, string>, ...args: string[]) {
  const program = startProgram(["run", "--silent", "admin-key", ...args], { env: { BCRYPT_COST: "4", ...env } });
  const exitCode = await program.exited;
  const [stdout, stderr] = [program.stdout(), program.stderr()];
  return {
    exitCode,
    stdout,
    stderr,
    username: /Username +(\S+)/.exec(stdout)?.[1],
    key: /API key +(ext_\S+)/.exec(stdout)?.[1] ?? "",
  };
}

/** An account whose key nobody knows. */
async function addAccount(
  sql: Sql,
  username: string,
  role: "admin" | "auditor" | "member",
  is_active = true,
): Promise<void> {
  const [api_key_hash, api_key_prefix] = [`hash of ${username}`, keyPrefix(generateKey())];
  const account = { username, email: `${username}@example.org`, role, is_active, api_key_hash, api_key_prefix };
  await sql`INSERT INTO users ${sql(account)}`;
}

function statusWith(baseUrl: string, key: string): Promise<number> {
  return fetch(`${baseUrl}/api/me`, { headers: { authorization: `Bearer ${key}` } }).then(({ status }) => status);
}

test("a running server on the embedded database refuses the old key at once and takes the new one; named keys stay", async () => {
  const env = { DATA_DIR: createFolder(DATA_FOLDER) };
  const server = await startServer(env);
  const [, oldKey = ""] = await server.waitFor(/API key +(\S+)/);
  const named = await fetch(`${server.baseUrl}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${oldKey}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "laptop" }),
  });
  const { api_key: namedKey } = (await named.json()) as { api_key: string };
  expect(await statusWith(server.baseUrl, oldKey)).toBe(200);

  const made = await runAdminKey(env);
  expect(made).toMatchObject({ exitCode: 0, username: "admin", stderr: "" });
  expect(made.stdout.split(made.key)).toHaveLength(2);
  expect(await statusWith(server.baseUrl, oldKey)).toBe(401);
  expect(await statusWith(server.baseUrl, made.key)).toBe(200);
  expect(await statusWith(server.baseUrl, namedKey)).toBe(200);

  const again = await runAdminKey(env, "ADMIN");
  expect(again).toMatchObject({ exitCode: 0, username: "admin" });
  expect(await statusWith(server.baseUrl, made.key)).toBe(401);
  expect(await statusWith(server.baseUrl, again.key)).toBe(200);
  expect(await server.stop()).toBe(0);
});

test("a key of before a rotation stops as well", async () => {
  const { url } = await createTestDatabase();
  const server = await startServer({ DATABASE_URL: url });
  const [, oldKey = ""] = await server.waitFor(/API key +(\S+)/);
  const headers = { authorization: `Bearer ${oldKey}` };
  await fetch(`${server.baseUrl}/api/keys/rotate`, { method: "POST", headers });
  expect(await statusWith(server.baseUrl, oldKey)).toBe(200);
  const { key } = await runAdminKey({ DATABASE_URL: url });
  expect(await statusWith(server.baseUrl, oldKey)).toBe(401);
  expect(await statusWith(server.baseUrl, key)).toBe(200);
});

test("without a username it is the first active admin; where there is none, one is made, on an empty database too", async () => {
  const { url, sql } = await emptyDatabase();
  const first = await runAdminKey({ DATABASE_URL: url });
  expect(first).toMatchObject({ exitCode: 0, username: "admin" });
  expect(first.stdout).toContain("one was made");
  await addAccount(sql, "later", "admin");
  expect(await runAdminKey({ DATABASE_URL: url })).toMatchObject({ exitCode: 0, username: "admin" });
  await sql`UPDATE users SET is_active = false WHERE username = 'admin'`;
  expect(await runAdminKey({ DATABASE_URL: url })).toMatchObject({ exitCode: 0, username: "later" });
});

test("who is unknown, not an admin or deactivated gets no key, and nothing changes", async () => {
  const { url, sql } = await createTestDatabase();
  await addAccount(sql, "boss", "admin");
  await addAccount(sql, "writer", "member");
  await addAccount(sql, "reader", "auditor");
  await addAccount(sql, "former", "admin", false);
  const keys = () => sql`SELECT username, api_key_hash, account_key_id FROM users ORDER BY username`;
  const before = await keys();
  for (const [username, reason] of [
    ["nobody", "no account"],
    ["writer", 'is not an admin: its role is "member"'],
    ["reader", 'is not an admin: its role is "auditor"'],
    ["former", "deactivated"],
  ] as const) {
    const refused = await runAdminKey({ DATABASE_URL: url }, username);
    expect(refused).toMatchObject({ exitCode: 1, key: "" });
    expect(refused.stderr).toContain(`"${username}"`);
    expect(refused.stderr).toContain(reason);
    expect(refused.stderr.trim()).not.toContain("\n");
  }
  expect(await keys()).toEqual(before);
});

test("--help explains; wrong arguments exit with 2; neither opens a database", async () => {
  const env = { DATABASE_URL: "postgres://127.0.0.1:1/nowhere" };
  const help = await runAdminKey(env, "--help");
  expect(help).toMatchObject({ exitCode: 0, stderr: "" });
  expect(help.stdout).toContain("Usage: bun run admin-key [USERNAME]");
  for (const args of [["one", "two"], ["--force"], [""]]) {
    const refused = await runAdminKey(env, ...args);
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
    expect(refused.stderr).toContain("Usage: bun run admin-key [USERNAME]");
  }
});
