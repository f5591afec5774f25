// Sessions of operators in a browser: what the cookie holds, and the SQL behind it. A session rests on the key that it
// was begun with, which is looked at with every request like any other remembered key: where it was rotated, revoked
// or its account deactivated, the session is over.

import type { Sql } from "../db.ts";
import { Problem } from "../problem.ts";
import { sha256 } from "../sha256.ts";
import { confirmOperator } from "./operator.ts";
import { type Caller, type Role, SCOPES, type Scope } from "./scopes.ts";

/** A session that nobody used for so long is over … */
export const IDLE_MINUTES = 60;
/** … and each one so long after it was begun: a working day. */
export const SESSION_HOURS = 12;
/** Sessions of one operator; when another one begins, the oldest is over. */
export const SESSIONS_MAX = 20;
/** Use is noted in steps of so many seconds, so that not every page is a write. */
const NOTED_AFTER_S = 60;

const TOKEN_BYTES = 32;

/** Whoever is signed in, and until when at the latest. */
export type Operator = Readonly<{ caller: Caller; username: string; role: Role; endsAt: string }>;

/**
 * A new session; returns the token, which only the browser keeps. Sessions that are over are cleared away, and the caller's
 * oldest ones where there are more than SESSIONS_MAX: of several that begin at once, the last to look sees all of them.
 */
export async function beginSession(sql: Sql, caller: Caller): Promise<string> {
  const token = Buffer.from(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES))).toString("base64url");
  await sql`
    INSERT INTO operator_sessions (token_hash, user_id, key_id)
    VALUES (${sha256(token)}, ${caller.userId}::uuid, ${caller.keyId}::uuid)`;
  await sql`
    DELETE FROM operator_sessions
    WHERE last_seen_at < now() - ${IDLE_MINUTES} * interval '1 minute'
      OR created_at < now() - ${SESSION_HOURS} * interval '1 hour'
      OR token_hash IN (
        SELECT s.token_hash FROM operator_sessions s WHERE s.user_id = ${caller.userId}::uuid AND ${isOpen(sql)}
        ORDER BY s.created_at DESC, s.token_hash OFFSET ${SESSIONS_MAX})`;
  return token;
}

type Row = {
  user_id: string;
  key_id: string;
  username: string;
  role: Role;
  is_account_key: boolean;
  scopes: Scope[] | null;
  is_due: boolean;
  ends_at: string;
};

/**
 * The operator of a session, who may read. `isUse` is false for what a page asks for by itself while it stands open:
 * otherwise no session would ever end for want of use. Throws `unauthenticated` where there is no such session or it is
 * over, and `forbidden` where the account is no operator's any more.
 */
export async function resumeSession(sql: Sql, token: string, { isUse = true } = {}): Promise<Operator> {
  const token_hash = sha256(token);
  const [row] = await sql<Row[]>`
    SELECT s.user_id, s.key_id, u.username, u.role, k.scopes,
      u.account_key_id = s.key_id OR k.kind = 'retiring' AS is_account_key,
      s.last_seen_at < now() - ${NOTED_AFTER_S} * interval '1 second' AS is_due,
      s.created_at + ${SESSION_HOURS} * interval '1 hour' AS ends_at
    FROM operator_sessions s JOIN users u ON u.id = s.user_id LEFT JOIN api_keys k ON k.id = s.key_id
    WHERE s.token_hash = ${token_hash} AND ${isOpen(sql)}`;
  if (!row) throw new Problem("unauthenticated");
  const { user_id, key_id, username, role, is_account_key, scopes, ends_at } = row;
  const caller: Caller = {
    userId: user_id,
    keyId: key_id,
    isAccountKey: is_account_key,
    scopes: new Set(is_account_key ? SCOPES : scopes),
  };
  await confirmOperator(sql, caller, "read");
  if (isUse && row.is_due)
    await sql`UPDATE operator_sessions SET last_seen_at = now() WHERE token_hash = ${token_hash}`;
  return { caller, username, role, endsAt: ends_at };
}

/** A session as its owner sees it. The id is a part of the token's hash, with which nobody signs in. */
export type ListedSession = Readonly<{
  id: string;
  begun_at: string;
  used_at: string;
  ends_at: string;
  is_this: boolean;
}>;

const idOf = (sql: Sql) => sql`left(s.token_hash, 16)`;

/** The sessions of an account that are open, those first that were used last. `token` is that of this one. */
export async function listSessions(sql: Sql, userId: string, token: string): Promise<ListedSession[]> {
  return sql<ListedSession[]>`
    SELECT ${idOf(sql)} AS id, s.created_at AS begun_at, s.last_seen_at AS used_at,
      s.created_at + ${SESSION_HOURS} * interval '1 hour' AS ends_at, s.token_hash = ${sha256(token)} AS is_this
    FROM operator_sessions s
    WHERE s.user_id = ${userId}::uuid AND ${isOpen(sql)}
    ORDER BY s.last_seen_at DESC, s.token_hash LIMIT ${SESSIONS_MAX}`;
}

/** Ends one of an account's sessions; nothing happens where it has ended already. */
export async function endListedSession(sql: Sql, userId: string, id: string): Promise<void> {
  await sql`DELETE FROM operator_sessions s WHERE s.user_id = ${userId}::uuid AND ${idOf(sql)} = ${id}`;
}

/** The condition that a session `s` is not over. */
function isOpen(sql: Sql) {
  return sql`s.last_seen_at >= now() - ${IDLE_MINUTES} * interval '1 minute'
    AND s.created_at >= now() - ${SESSION_HOURS} * interval '1 hour'`;
}

/** Ends one session. */
export async function endSession(sql: Sql, token: string): Promise<void> {
  await sql`DELETE FROM operator_sessions WHERE token_hash = ${sha256(token)}`;
}

/** Ends all sessions of an account. */
export async function endSessionsOf(sql: Sql, userId: string): Promise<void> {
  await sql`DELETE FROM operator_sessions WHERE user_id = ${userId}::uuid`;
}
