// Makes a demo: simulates a year, copies its rows into an empty database, proves them there, and only then commits.

import { type Bare, withBareTables } from "../bare-tables.ts";
import type { Config } from "../config.ts";
import type { Sql, Tx } from "../db.ts";
import { withDatabase } from "../migrate/connection.ts";
import { applyMigrations } from "../migrate.ts";
import type { Progress } from "../progress.ts";
import { StartError } from "../start-error.ts";
import { Activity, type ActivityOptions } from "./activity.ts";
import { trimYear, type Year } from "./activity-model.ts";
import { readAmounts } from "./amounts.ts";
import { checkDemo } from "./check.ts";
import { copyRows } from "./copy.ts";
import { DEVICE_COLUMNS, Devices } from "./devices.ts";
import { Ids } from "./ids.ts";
import { type DemoKey, makeKeys } from "./keys.ts";
import { LedgerHeads } from "./ledger-chain.ts";
import { LEDGER_COLUMNS, ledgerRows, NOTE_COLUMNS, noteRows } from "./ledger-rows.ts";
import { ATTRIBUTION_COLUMNS, attributionRows, CARD_COLUMNS, cardRows, USER_COLUMNS, userRows } from "./rows.ts";

export type SeedOptions = Readonly<{
  users: number;
  entries: number;
  /** 0 to 2^32 - 1. With the same other options the same rows, but for the keys. */
  seed: number;
  /** The end of the year that is simulated; whole milliseconds. */
  untilMs: number;
  /** How many of the users get a key. */
  keys: number;
}>;

/** What was made. Amounts are text, as the database computed them. */
export type Seeded = Readonly<{
  users: number;
  cards: number;
  attributions: number;
  entries: number;
  devices: number;
  issued: string;
  burned: string;
  keys: readonly DemoKey[];
}>;

/**
 * Applies the pending migrations and fills the database at `ownerUrl` in one transaction, which nobody else sees
 * before it has been checked. Holds ACCESS EXCLUSIVE locks meanwhile, so a running server waits. Throws StartError
 * where there are users already (other than the system and admins) or the amounts are out of bounds, InvalidDemo where
 * a check finds something, and what applyMigrations throws.
 */
export async function seedDemo(
  ownerUrl: string,
  config: Pick<Config, "amounts" | "publishRewardsPerDay" | "bcryptCost">,
  options: SeedOptions,
  progress: Progress,
): Promise<Seeded> {
  const amounts = readAmounts(config);
  await applyMigrations(ownerUrl);
  return await withDatabase(ownerUrl, async sql => {
    await requireNobody(sql);
    const keys = await makeKeys(Math.min(options.keys, options.users), config.bcryptCost);
    const year = await simulate({ ...options, amounts, rewardsPerDay: config.publishRewardsPerDay }, progress);
    const seeded = await sql.begin(tx => fill(tx, year, options, keys, progress));
    // The first readers would otherwise do this work, page by page.
    progress.begin("tidying up (VACUUM)");
    await sql`VACUUM public.users, public.cards, public.attributions, public.extropy_ledger`;
    return seeded;
  });
}

async function requireNobody(sql: Sql | Tx): Promise<void> {
  const [row] = await sql<{ username: string }[]>`
    SELECT username FROM public.users
    WHERE id <> '00000000-0000-0000-0000-000000000000' AND role <> 'admin' LIMIT 1`;
  if (!row) return;
  throw new StartError(
    `There are users in this database already, such as ${row.username}. A demo is made only where there is nobody but the admins. Set DATA_DIR or DATABASE_URL to another database. Nothing was changed.`,
  );
}

const EVENTS_A_TURN = 50_000;

/** Pauses now and then, so that a signal is heard and garbage collected. */
async function simulate(options: ActivityOptions, progress: Progress): Promise<Year> {
  const activity = new Activity(options);
  progress.begin("imagining a year", options.entries);
  while (!activity.isDone) {
    const before = activity.year.entries;
    for (let events = 0; events < EVENTS_A_TURN && !activity.isDone; events++) activity.step();
    progress.advance(activity.year.entries - before);
    await Bun.sleep(0);
  }
  const year = trimYear(activity.year);
  Bun.gc(true);
  return year;
}

const HASH_BYTES = 32;

/** The large tables, and the triggers for inserted rows whose work is done here; those of later migrations go on firing. */
const BARE: Bare = {
  tables: ["public.cards", "public.attributions", "public.extropy_ledger"],
  triggers: [
    "users_open_account",
    "users_number_insert",
    "cards_number_insert",
    "update_card_extropy_on_attribution",
    "extropy_ledger_fill",
    "extropy_ledger_apply",
    "extropy_ledger_check_legs",
  ],
};

async function fill(
  tx: Tx,
  year: Year,
  { seed }: SeedOptions,
  keys: readonly DemoKey[],
  progress: Progress,
): Promise<Seeded> {
  const tables = "public.users, public.cards, public.attributions, public.extropy_ledger";
  await tx.unsafe(`LOCK TABLE ${tables}, public.sync_state, public.transaction_notes IN ACCESS EXCLUSIVE MODE`);
  await requireNobody(tx);
  // For building indexes and for the checks, which read whole tables: the defaults would sort ten million entries in
  // tiny pieces, follow an index through all of them (three times as long), and use one core.
  await tx`
    SELECT set_config('maintenance_work_mem', '256MB', true), set_config('work_mem', '64MB', true),
      set_config('random_page_cost', '4', true), set_config('parallel_tuple_cost', '0', true)`;

  const ids = new Ids(seed, year);
  const heads = new LedgerHeads(year.users.joined);
  const devices = new Devices(year, ids, seed);
  const hashes = Buffer.alloc(year.cards.count * HASH_BYTES);
  const contentHashOf = (card: number) => hashes.toString("hex", card * HASH_BYTES, (card + 1) * HASH_BYTES);
  const copy = async (table: string, size: number, ...[columns, rows]: CopyPlan) => {
    progress.begin(`copying ${table}`, size);
    await copyRows(tx, table, columns, rows, count => progress.advance(count));
  };

  await withBareTables(
    tx,
    BARE,
    async () => {
      const cards = cardRows(year, ids, seed, (card, hash, checksum) => {
        hashes.write(hash, card * HASH_BYTES, "hex");
        devices.add(card, checksum);
      });
      await copy("cards", year.cards.count, CARD_COLUMNS, cards);
      await copy("attributions", year.attributions.count, ATTRIBUTION_COLUMNS, attributionRows(year, ids, seed));
      const firstId = await reserveEntryIds(tx, year.entries);
      const entries = ledgerRows({ year, ids, firstId, contentHashOf, heads });
      await copy("extropy_ledger", year.entries, LEDGER_COLUMNS, entries);
      // After the ledger, since a user's row holds the head of the user's chain.
      await copy("users", year.users.joined, USER_COLUMNS, userRows(year, ids, seed, heads, keys));
      await numberChanges(tx);
      await copy("sync_state", devices.rows.length, DEVICE_COLUMNS, devices.rows);
      await copy("transaction_notes", year.specials.length, NOTE_COLUMNS, noteRows(year, ids, seed));
      // Before the foreign keys are proved: without statistics that takes a plan for small tables.
      progress.begin("analysing");
      await tx.unsafe(`ANALYZE ${tables}, public.sync_state, public.transaction_notes`);
    },
    (what, done, total) => progress.begin(`building ${what} (${done + 1} of ${total})`),
  );
  await checkDemo(tx, (name, done, total) => progress.begin(`checking ${name} (${done + 1} of ${total})`));
  progress.begin("counting the supply");
  const [supply] = await tx<{ issued: string; burned: string }[]>`
    SELECT coalesce(sum(issued), 0.00) AS issued, coalesce(sum(burned), 0.00) AS burned FROM public.extropy_supply`;
  return {
    users: year.users.joined,
    cards: year.cards.count,
    attributions: year.attributions.count,
    entries: year.entries,
    devices: devices.rows.length,
    issued: supply?.issued ?? "0.00",
    burned: supply?.burned ?? "0.00",
    keys,
  };
}

/** What the triggers that number changes would have left: the profile's number is 1, and a user's head is the last card's. */
async function numberChanges(tx: Tx): Promise<void> {
  await tx`
    INSERT INTO public.sync_heads (user_id, change_no, profile_change_no, profile_changed_at)
    SELECT u.id, coalesce(c.change_no, 1), 1, u.created_at
    FROM public.users u
    LEFT JOIN (SELECT user_id, max(change_no) AS change_no FROM public.cards GROUP BY user_id) c ON c.user_id = u.id
    ON CONFLICT DO NOTHING`;
}

type CopyPlan = [columns: Parameters<typeof copyRows>[2], rows: Parameters<typeof copyRows>[3]];

/** The first of so many ids that the sequence gives to nobody else. */
async function reserveEntryIds(tx: Tx, count: number): Promise<number> {
  const [row] = await tx<{ first: string }[]>`SELECT nextval('public.extropy_ledger_id_seq') AS first`;
  const first = Number(row?.first);
  await tx`SELECT setval('public.extropy_ledger_id_seq', ${first + count - 1})`;
  return first;
}
