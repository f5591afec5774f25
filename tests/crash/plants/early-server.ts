// A server that answers before its commit: what the crash test has to notice. Everything else is the real one; only the
// statements of the five commands run in a transaction that is committed a moment after their rows were handed on.

import { createApp } from "../../../src/app.ts";
import { readConfig } from "../../../src/config.ts";
import { openDatabase } from "../../../src/database.ts";
import { createPool, type Sql } from "../../../src/db.ts";
import { createLogger } from "../../../src/log.ts";
import { applyMigrations } from "../../../src/migrate.ts";
import { ensureAdmin } from "../../../src/users/ensure-admin.ts";

const COMMANDS = /FROM (publish_cards|attribute_cards|send_transfers|adjust_balances|reverse_movements)\(/;
/** Longer than a client pauses before the kill (BEFORE in round.ts), so that the kill meets answers without a commit. */
const COMMIT_DELAY_MS = 250;

const config = readConfig(process.env);
const log = createLogger(config.logLevel);
const database = await openDatabase(config, { supervise: true, log });
await applyMigrations(database.ownerUrl, { serverUrl: database.url });
const pool = createPool(database.url);
const sql = new Proxy(pool, {
  apply(target, self, args: unknown[]) {
    const [strings] = args;
    const isCommand = Array.isArray(strings) && "raw" in strings && COMMANDS.test(strings.join("?"));
    return isCommand ? answerEarly(args) : Reflect.apply(target, self, args);
  },
}) as Sql;
createApp({ config, sql, log }).listen({ hostname: config.host, port: config.port, reusePort: false });
await ensureAdmin({ sql, config, log });

function answerEarly(args: unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    pool
      .begin(async tx => {
        resolve(await Reflect.apply(tx, undefined, args));
        await Bun.sleep(COMMIT_DELAY_MS);
      })
      .catch(reject);
  });
}
