// What no answer may hold: where the server's files are, its stack, its SQL, names of the database's inside, how to
// connect to it, keys, and what is another's.

import type { Sql } from "../../src/db.ts";
import { EXAMPLE_KEY } from "../../src/openapi/fields.ts";
import { PROJECT } from "../support.ts";
import type { Attempt, Reply } from "./attempt.ts";
import type { Circumstances } from "./judge.ts";

/** What an answer gives away, in words. */
export type Leaks = (attempt: Attempt, reply: Reply, circumstances: Circumstances) => string[];

const NEVER: readonly [string, RegExp][] = [
  ["a stack", /^\s*at .+:\d+:\d+/m],
  ["a connection string", /postgres(ql)?:\/\//i],
  ["a bcrypt hash", /\$2[aby]\$\d\d\$/],
  ["a folder of packages", /node_modules|\/\$bunfs\//],
];

/** Refusals are the server's own words. What people wrote may hold anything, and comes back in what succeeds. */
const NEVER_IN_REFUSALS: readonly [string, RegExp][] = [
  ["an error of the database", /PostgresError|SQLSTATE|syntax error at|violates|invalid input syntax|relation "/i],
  ["SQL", /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b[^"]*\b(FROM|VALUES|SET|WHERE)\b/],
  ["an error of JavaScript", /TypeError|RangeError|ReferenceError|undefined is not|is not a function|Cannot read/],
];

const KEY = /ext_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}/g;
const GIVES_A_KEY = /^POST \/api\/(users|keys|keys\/rotate|admin\/users\/\{id\}\/rotate-key)$/;

/** E-mail addresses, names of keys and devices, and settings, as cast.ts makes them. */
export const PRIVATE = /user-[0-9a-f]{8}-[0-9a-f]{4}@example\.org|(key|setting) of [0-9a-f-]{36}/g;

/** `documented` is text in which a name of the database may stand for something else. */
export async function createLeaks(sql: Sql, documented: string): Promise<Leaks> {
  const names = (await internalNames(sql)).filter(name => !documented.includes(name));
  const internal = new RegExp(`\\b(${names.map(name => RegExp.escape(name)).join("|")})\\b`);
  return function leaksIn(attempt, { status, text, headers }, { target, own }) {
    const lines = [...headers].map(([name, value]) => `${name}: ${value}`);
    // JSON writes the ends of lines as letters.
    const all = [...lines, text.replaceAll("\\n", "\n")].join("\n");
    const found = NEVER.filter(([, pattern]) => pattern.test(all)).map(([name]) => name);
    if (all.includes(PROJECT)) found.push("a path of this machine");
    if (status >= 400) {
      // A pointer names the field that was sent.
      const words = all.replace(/"pointer":"(?:[^"\\]|\\.)*"/g, "");
      for (const [name, pattern] of NEVER_IN_REFUSALS) if (pattern.test(words)) found.push(name);
      const name = internal.exec(words)?.[0];
      if (name) found.push(`the name ${name} of the database`);
    }
    const keys = (all.match(KEY) ?? []).filter(key => key !== EXAMPLE_KEY);
    if (keys.length > 0 && !(status < 300 && GIVES_A_KEY.test(target?.name ?? ""))) found.push("a key");
    // What they sent themselves, they know.
    const known = [...own, attempt.path].join("\n");
    const foreign = (all.match(PRIVATE) ?? []).filter(secret => !known.includes(secret));
    const isOperator = attempt.sender === "admin" || attempt.sender === "auditor";
    if (foreign.length > 0 && !isOperator) found.push(`what is another's: ${foreign[0]}`);
    return found;
  };
}

/** Tables, indexes, constraints, functions and triggers whose names can't be ordinary words. */
async function internalNames(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT DISTINCT name FROM (
      SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
      UNION ALL SELECT conname::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace
      UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      UNION ALL SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal) AS names
    WHERE name LIKE '%\\_%' ORDER BY name LIMIT 10000`;
  return rows.map(({ name }) => name);
}
