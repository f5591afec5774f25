// Statements for traces: when each begins and ends, and a name for it that holds no value.

import type { Sql } from "../db.ts";

/** Called when a statement begins; what it gives is called at its end, with the error if it failed. */
type OnStatement = (name: string) => ((error?: unknown) => void) | undefined;

/** The parts of postgres.js' Query that matter here. */
type Query = {
  strings: readonly string[];
  executed: boolean;
  resolve(value: unknown): void;
  reject(error: unknown): void;
};

type QueryPrototype = { handle(this: Query): unknown };

/**
 * Watches the statements of all pools of the process, those within transactions included, until the returned function is
 * called. There is no hook for it, so the method is wrapped through which every statement is sent.
 */
export function watchStatements(sql: Sql, onStatement: OnStatement): () => void {
  const prototype = Object.getPrototypeOf(sql`SELECT`) as QueryPrototype;
  const original = prototype.handle;
  prototype.handle = function handle() {
    const end = this.executed ? undefined : onStatement(nameOf(this.strings));
    if (end) {
      const { resolve, reject } = this;
      this.resolve = value => {
        end();
        resolve(value);
      };
      this.reject = error => {
        end(error);
        reject(error);
      };
    }
    return original.call(this);
  };
  return () => {
    prototype.handle = original;
  };
}

/** Templates are the same array at each call, so that each is read once. */
const names = new WeakMap<readonly string[], string>();

function nameOf(strings: readonly string[]): string {
  let name = names.get(strings);
  if (name === undefined) {
    name = summarise(strings.join(" "));
    names.set(strings, name);
  }
  return name;
}

/** What a statement does, and to which table or function first: `SELECT publish_cards`, `UPDATE users`. */
export function summarise(text: string): string {
  const [verb = "statement"] =
    /\b(SELECT|INSERT|UPDATE|DELETE|COPY|LOCK|SET|BEGIN|COMMIT|ROLLBACK|SAVEPOINT)\b/i.exec(text) ?? [];
  const [, target] =
    /\b(?:FROM|INTO|UPDATE|TABLE|COPY)\s+(?:ONLY\s+)?(?:public\.)?(?!unnest\b|generate_series\b)([a-z_]\w*)/i.exec(
      text,
    ) ?? [];
  return target ? `${verb.toUpperCase()} ${target}` : verb.toUpperCase();
}
