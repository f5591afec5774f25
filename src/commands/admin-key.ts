// `bun run admin-key [USERNAME]`: makes a new account key for an admin and prints it once. Exits 0 when it did, 1
// when there is no such admin, 2 when the arguments are wrong.

import { parseArgs } from "node:util";
import { BcryptPool } from "../auth/bcrypt-pool.ts";
import { generateKey, keyPrefix } from "../auth/key.ts";
import { runCommand, useDatabase } from "../command.ts";
import type { Config } from "../config.ts";
import { createPool, type Sql } from "../db.ts";
import { createLogger } from "../log.ts";
import { applyMigrations } from "../migrate.ts";
import { StartError } from "../start-error.ts";
import { readWithHelp } from "../usage-error.ts";
import { type Admin, findAccount, findFirstAdmin, replaceAdminKey } from "../users/admin-key.ts";
import { ensureAdmin } from "../users/ensure-admin.ts";

const HELP = `Usage: bun run admin-key [USERNAME]

Makes a new account key for an admin and prints it, this once. The account's old key stops working at once,
also in a server that is running; keys with a name go on working. Without USERNAME it is the admin who has
been there longest; where there is no active admin, one is made.

The database is the one that DATABASE_URL names, else the embedded one.`;

await runCommand(readArguments, async (config, { username }) => console.log(await makeKey(config, username)));

function readArguments(args: readonly string[]): { username: string | undefined } | { help: string } {
  return readWithHelp(HELP, () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { help: { type: "boolean", short: "h" } },
    });
    if (values.help) return { help: HELP };
    if (positionals.length > 1) throw new Error(`"${positionals[1]}" is one argument too many.`);
    if (positionals[0] === "") throw new Error("The username is empty.");
    return { username: positionals[0] };
  });
}

/** Makes the key, on a database that is brought up to date first, and returns what to print. Throws StartError. */
function makeKey(config: Config, username: string | undefined): Promise<string> {
  return useDatabase(config, async ({ url, ownerUrl }) => {
    await applyMigrations(ownerUrl, { serverUrl: url });
    const sql = createPool(url, { max: 1 });
    try {
      const admin = username === undefined ? await findFirstAdmin(sql) : await getAdmin(sql, username);
      return admin ? await renewKey(sql, config, admin) : await makeFirstAdmin(sql, config);
    } finally {
      await sql.end();
    }
  });
}

async function getAdmin(sql: Sql, username: string): Promise<Admin> {
  const account = await findAccount(sql, username);
  if (!account) throw new StartError(`There is no account with the username "${username}".`);
  if (account.role !== "admin") {
    throw new StartError(
      `"${account.username}" is not an admin: its role is "${account.role}". This command makes keys for admins only; an admin gives other accounts new keys at /admin.`,
    );
  }
  if (!account.is_active) {
    throw new StartError(
      `"${account.username}" is deactivated, so that no key of it works. Another admin can activate it.`,
    );
  }
  return account;
}

async function renewKey(sql: Sql, config: Config, { id, username }: Admin): Promise<string> {
  const apiKey = generateKey();
  const bcrypt = new BcryptPool(config.bcryptCost);
  const hash = await bcrypt.hash(apiKey);
  bcrypt.close();
  if (!(await replaceAdminKey(sql, id, { hash, prefix: keyPrefix(apiKey) }))) {
    throw new StartError(`"${username}" is no longer an active admin.`);
  }
  return introduce("A new key was made for this admin. The account's old key has stopped working.", username, apiKey);
}

async function makeFirstAdmin(sql: Sql, config: Config): Promise<string> {
  const made = await ensureAdmin({ sql, config, log: createLogger("silent") });
  // A server that was starting has made one in between, and has printed the key.
  if (!made)
    throw new StartError("An admin was made by another process just now. Run the command again for a new key.");
  return introduce("There was no active admin, so one was made.", made.username, made.apiKey);
}

function introduce(what: string, username: string, apiKey: string): string {
  return `
  ${what}

  Username        ${username}
  API key         ${apiKey}

  The key is shown only now: keep it where you keep passwords. Send it to the API as
  \`Authorization: Bearer <API key>\`.
`;
}
