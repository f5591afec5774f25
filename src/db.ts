// The one connection pool, its types, and the table that turns a database error into a Problem.

import postgres from "postgres";
import { Problem, type ProblemSlug } from "./problem.ts";

export type Sql = postgres.Sql;
export type Tx = postgres.TransactionSql;
/** A part of a statement, as a template makes it. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** Constraints whose violation is an expected failure of a request, whoever wrote the row. */
const CONSTRAINT_PROBLEMS: Readonly<Record<string, ProblemSlug>> = {
  users_username: "username-taken",
  users_username_ci: "username-taken",
  users_email: "email-taken",
  users_email_ci: "email-taken",
  cards_content_hash: "duplicate-card",
};

/** Connections that the server itself opens, at most. */
const POOL_CONNECTIONS_MAX = 10;

const RECONNECT_S = 0.2;

/** What a statement may take. Less than a request may (deadline.ts): it ends, and its client hears so. */
const STATEMENT_MS_MAX = 20_000;

/** Times as RFC 3339 text in UTC with six decimals: a Date would cut them, and PostgreSQL leaves out zeros at the end. */
const TIMESTAMPTZ = {
  to: 1184,
  from: [1184],
  serialize: (value: string | Date) => (value instanceof Date ? value.toISOString() : value),
  parse: (text: string) => {
    const [second = "", fraction = ""] = text.replace(" ", "T").replace("+00", "").split(".");
    return `${second}.${fraction.padEnd(6, "0")}Z`;
  },
};

/** Opens the pool. No connection is made before the first query. Times are in the units of postgres.js (seconds). */
export function createPool(
  url: string,
  options: { max?: number; application?: string; idle_s?: number; statementMs?: number } = {},
): Sql {
  return postgres(url, {
    // postgres.js takes the name as it stands in the address, with %20 for a space.
    database: decodeURIComponent(new URL(url).pathname.slice(1)),
    max: options.max ?? POOL_CONNECTIONS_MAX,
    idle_timeout: options.idle_s ?? 60,
    connect_timeout: 5,
    // The default waits longer after each failure, up to 20 s: too long for a database that is back after one.
    backoff: () => RECONNECT_S,
    max_lifetime: 45 * 60,
    transform: { undefined: null },
    types: { timestamptz: TIMESTAMPTZ },
    onnotice: () => {},
    connection: {
      application_name: options.application ?? "extrophi",
      TimeZone: "UTC",
      // Compiling a plan whose cost was guessed too high takes a second; running it took 50 ms.
      jit: "off",
      statement_timeout: options.statementMs ?? STATEMENT_MS_MAX,
      idle_in_transaction_session_timeout: 30_000,
    },
  });
}

/** What a pool is doing: connections with and without work, and statements that wait for one before them. */
export type PoolLoad = Readonly<{ inUse: number; idle: number; waiting: number }>;

/** The load of a pool that `createPool` made. */
export function loadOf(sql: Sql): PoolLoad {
  // Our patch adds `load` (patches/); without it a start should not fail for the sake of a number.
  return (sql as Sql & { load?: () => PoolLoad }).load?.() ?? { inUse: 0, idle: 0, waiting: 0 };
}

/** Codes after which the same statement may simply be tried again: serialization failure and deadlock. */
const RETRYABLE = new Set(["40001", "40P01"]);
const ATTEMPTS_MAX = 5;
/** Before another attempt, times a random part of it and the number of the attempt: those that met part ways. */
const PAUSE_MS = 20;

/** Runs `work` again, up to five times in all, where PostgreSQL gave up a transaction in favour of another. */
export async function withRetry<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= ATTEMPTS_MAX || !RETRYABLE.has(sqlState(error) ?? "")) throw error;
      await Bun.sleep(Math.random() * PAUSE_MS * attempt);
    }
  }
}

/** The SQLSTATE of a database error, or undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof postgres.PostgresError ? error.code : undefined;
}

/** Errors of the connection rather than of the statement: driver codes, and SQLSTATE classes 08, 28, 53 and 57P. */
const DRIVER_DOWN = /^(CONNECT_TIMEOUT|CONNECTION_|ECONN|EPIPE|ENOTFOUND|ENOENT|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET)/;

/** Whether the database could not be reached, is starting or stopping, has no connection left, or lets nobody in. */
export function isUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return /^(08|53|57P|28|3D000)/.test(state);
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && DRIVER_DOWN.test(code);
}

/** SQLSTATEs of what the database was too busy for: a statement out of time (57014), or a lock that was not to be had. */
const TOO_BUSY = new Set(["57014", "55P03"]);

/** Whether the database is there, and took too long for this. Nothing was done. */
export function isTooBusy(error: unknown): boolean {
  return TOO_BUSY.has(sqlState(error) ?? "");
}

/** The Problem that stands for a database error; undefined where the error is none that a client should see. */
export function problemOf(error: unknown): Problem | undefined {
  if (isUnavailable(error) || isTooBusy(error)) return new Problem("unavailable");
  if (!(error instanceof postgres.PostgresError)) return undefined;
  if (error.code === "22003")
    return new Problem("validation", { detail: "A balance would get larger than one can be." });
  const slug = CONSTRAINT_PROBLEMS[error.constraint_name ?? ""];
  return slug && new Problem(slug);
}
