// The first admin: made where there is none. Nobody is promoted.

import { BcryptPool } from "../auth/bcrypt-pool.ts";
import { generateKey, keyPrefix } from "../auth/key.ts";
import type { Config } from "../config.ts";
import { problemOf, type Sql } from "../db.ts";
import type { Logger } from "../log.ts";
import { createUser } from "./store.ts";

/** An admin that was just made, with the key that is shown once. */
export type NewAdmin = { username: string; apiKey: string };

/** Makes an admin where no active one is; undefined where there is. Servers that start together make one between them. */
export async function ensureAdmin(deps: { sql: Sql; config: Config; log: Logger }): Promise<NewAdmin | undefined> {
  const { sql, config, log } = deps;
  if (await hasAdmin(sql)) return undefined;
  const apiKey = config.adminApiKey ?? generateKey();
  const bcrypt = new BcryptPool(config.bcryptCost);
  const key = { hash: await bcrypt.hash(apiKey), prefix: keyPrefix(apiKey) };
  bcrypt.close();
  for (const username of ["admin", `admin-${crypto.randomUUID().slice(0, 8)}`]) {
    try {
      await createUser(sql, { username, email: `${username}@extrophi.local`, role: "admin", grant: "0.00", key });
      log.info({ username }, "the first admin was created");
      return { username, apiKey };
    } catch (error) {
      const slug = problemOf(error)?.slug;
      if (slug !== "username-taken" && slug !== "email-taken") throw error;
      if (await hasAdmin(sql)) return undefined;
    }
  }
  throw new Error("no admin could be created: both names are taken");
}

async function hasAdmin(sql: Sql): Promise<boolean> {
  const [row] = await sql`SELECT FROM users WHERE role = 'admin' AND is_active LIMIT 1`;
  return row !== undefined;
}
