// The server's own login in the embedded PostgreSQL, made where it is missing. Its password follows from the superuser's,
// so that there is no second file to keep, and tells nothing of it.

import { createHmac } from "node:crypto";
import postgres from "postgres";
import { quoted } from "../migrate/connection.ts";
import { createRoleStatement } from "../migrate/server-role.ts";
import { scramVerifier } from "../scram.ts";

const NAME = "extrophi_server";

/** The address of the same database with the server's login. */
export function serverUrlOf(superuserUrl: string): string {
  const url = new URL(superuserUrl);
  url.password = derive(url.password, "password").toString("hex");
  url.username = NAME;
  return url.href;
}

/**
 * Makes sure that the server's login works. What the role may do in a database is `migrate apply`'s to grant. Call it one
 * at a time for each instance.
 */
export async function ensureServerLogin(superuserUrl: string): Promise<void> {
  const salt = derive(new URL(superuserUrl).password, "salt").subarray(0, 16);
  const verifier = scramVerifier(new URL(serverUrlOf(superuserUrl)).password, salt);
  const sql = postgres(superuserUrl, { max: 1, connect_timeout: 10, fetch_types: false, onnotice: () => {} });
  try {
    const [role] = await sql<{ rolpassword: string | null }[]>`
      SELECT rolpassword FROM pg_authid WHERE rolname = ${NAME}`;
    if (!role) await sql.unsafe(createRoleStatement(NAME, verifier));
    // The superuser's password was changed together with its file.
    else if (role.rolpassword !== verifier) await sql.unsafe(`ALTER ROLE ${quoted(NAME)} PASSWORD '${verifier}'`);
  } finally {
    await sql.end();
  }
}

function derive(secret: string, purpose: string): Buffer {
  return createHmac("sha256", secret).update(`${NAME} ${purpose}`).digest();
}
