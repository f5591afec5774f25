// What a person reads when a migration command can't do its work: one message, no stack, no secret.

import postgres from "postgres";

/** An expected failure of a migration command. `message` is complete and may be printed as it is. */
export class MigrationError extends Error {
  override name = "MigrationError";
}

/** PL/pgSQL's RAISE EXCEPTION without a code: a sentence written for people. */
const RAISED = "P0001";

const LOCK_NOT_AVAILABLE = "55P03";

/** The error of a file's SQL as a MigrationError with the file's name, the place in it and what PostgreSQL said. */
export function failureOf(file: string, sql: string, error: unknown): unknown {
  if (!(error instanceof postgres.PostgresError)) return error;
  const place = error.position ? `, ${placeOf(sql, Number(error.position))}` : "";
  const lines = [`${file}${place}: ${error.message}`];
  if (error.detail) lines.push(`  Detail: ${error.detail}`);
  if (error.code === LOCK_NOT_AVAILABLE) {
    lines.push("  Another session holds a lock that this needs. Try again when it is done, or stop it first.");
  }
  if (error.hint) lines.push(`  Hint: ${error.hint}`);
  if (error.code !== RAISED) {
    if (error.where) lines.push(`  Where: ${error.where.replaceAll("\n", "\n         ")}`);
    lines.push(`  SQLSTATE ${error.code}`);
  }
  return new MigrationError(lines.join("\n"), { cause: error });
}

/** PostgreSQL counts characters from 1, not UTF-16 units. */
function placeOf(sql: string, position: number): string {
  const before = [...sql].slice(0, position - 1).join("");
  const lines = before.split("\n");
  return `line ${lines.length}, column ${[...(lines.at(-1) ?? "")].length + 1}`;
}
