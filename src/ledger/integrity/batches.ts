// What a check goes through, cut into batches: of everything, stretches of each table in the order of its ids;
// or of what came since an earlier check, the users' new entries and what these belong to.

import type { Tx } from "../../db.ts";
import { type CheckRecord, notedHeads } from "./records.ts";
import { COLUMNS, type Kind, type Rows, TABLES, toArguments } from "./rule.ts";

/** `cost` in µs is an estimate, for the time that is left. `rows` may have to ask the database which they are. */
export type Batch = Readonly<{ cost: number; rows: (tx: Tx) => AsyncIterable<Rows> | Iterable<Rows> }>;

/**
 * Rows a stretch. 200,000 entries are sorted in the memory that a connection has (48 of 64 MB) and take some three
 * seconds. The last entries of 10,000 users stay in PostgreSQL's cache from one check to the next.
 */
const STRETCH = { entries: 200_000, attributions: 100_000, users: 10_000 } as const;

/** New entries that are looked at together: of their cards and attributions, this process holds the ids. */
const PORTION = 50_000;

/**
 * What a row costs, in µs of one core, with ten million entries of a demo (100,000 users, 1.4 million cards). Of an
 * entry's 15 µs the chain takes 5, the hash 3.4, the movement 2.5. One query over all entries takes no less for the
 * chain: 8 µs with a sort, 3.3 with a hash join that writes 2.5 GB to the disk.
 */
const COST_US: Readonly<Record<Kind, number>> = {
  entries: 15,
  users: 1,
  cards: 17,
  attributions: 4,
  heads: 7,
  accounts: 12,
  totals: 1.1,
  triggers: 0,
};

type Table = keyof typeof STRETCH;

/** Ids above `after`, up to and including `upTo`; without a bound it is open on that side. */
type Stretch = Readonly<{ after?: string; upTo?: string; count: number }>;

/** Everything: each row of each table once. `size` is how many at once, for tests. */
export async function batchesOfAll(tx: Tx, noted: CheckRecord | undefined, size?: number): Promise<Batch[]> {
  const entries = await cut(tx, "entries", size);
  const attributions = await cut(tx, "attributions", size);
  const users = await cut(tx, "users", size);
  const entryCount = entries.reduce((sum, { count }) => sum + count, 0);
  const [cards] = await tx.unsafe<{ count: string }[]>(`SELECT count(*) FROM ${TABLES.cards}`);
  return [
    batchOf(1, { of: "triggers", relation: "" }),
    // The two longest queries come where the other connections have work for as long as they take.
    batchOf(Number(cards?.count), { of: "cards", relation: TABLES.cards }),
    ...entries.map(stretch => batchOf(stretch.count, stretchOf("entries", stretch))),
    batchOf(entryCount, { of: "totals", relation: "" }),
    ...attributions.map(stretch => batchOf(stretch.count, stretchOf("attributions", stretch))),
    ...users.map(stretch => batchOf(stretch.count, stretchOf("users", stretch))),
    ...(noted ? users.map(stretch => batchOf(stretch.count, headsOf(noted, stretch))) : []),
  ];
}

/** What came since the check `base`: the heads of all users, and what is new of those that have new entries. */
export async function batchesSince(tx: Tx, base: CheckRecord, size?: number): Promise<Batch[]> {
  const users = await cut(tx, "users", size);
  return [
    batchOf(1, { of: "triggers", relation: "" }),
    ...users.map(stretch => ({
      cost: stretch.count * (COST_US.accounts + COST_US.heads),
      rows: (connection: Tx) => accountsSince(connection, base, stretch, size),
    })),
    { cost: 0, rows: () => unpaidSince(base.settled_at) },
  ];
}

async function* accountsSince(
  tx: Tx,
  base: CheckRecord,
  stretch: Stretch,
  size: number = PORTION,
): AsyncGenerator<Rows> {
  const users = stretchOf("users", stretch);
  yield users;
  yield { ...users, of: "accounts" };
  yield headsOf(base, stretch);
  for (const some of inPortions(await findMoved(tx, base, users), size)) yield* newRowsOf(tx, some);
}

function batchOf(count: number, rows: Rows): Batch {
  return { cost: count * COST_US[rows.of], rows: () => [rows] };
}

/** Cuts a table by one scan of its primary key's index. */
async function cut(tx: Tx, table: Table, size: number = STRETCH[table]): Promise<Stretch[]> {
  const bounds = await tx.unsafe<{ id: string }[]>(`
    SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM ${TABLES[table]}) AS numbered
    WHERE number % ${size} = 0 ORDER BY numbered.id`);
  const last = bounds.at(-1)?.id;
  const [rest] = await tx.unsafe<{ count: string }[]>(
    `SELECT count(*) FROM ${TABLES[table]} ${last === undefined ? "" : "WHERE id > $1"}`,
    last === undefined ? [] : [last],
  );
  return [...bounds.map(({ id }) => id), undefined].map((upTo, index) => {
    const after = bounds[index - 1]?.id;
    return {
      count: upTo === undefined ? Number(rest?.count) : size,
      ...(after !== undefined && { after }),
      ...(upTo !== undefined && { upTo }),
    };
  });
}

function stretchOf(table: Table, stretch: Stretch): Rows {
  const { condition, parameters } = within("id", stretch);
  return { of: table, relation: `(SELECT ${COLUMNS[table]} FROM ${TABLES[table]} WHERE ${condition})`, parameters };
}

function headsOf(noted: CheckRecord, stretch: Stretch): Rows {
  const { condition, parameters } = within("h.user_id", stretch);
  return { of: "heads", relation: notedHeads(noted, condition), parameters };
}

function within(column: string, { after, upTo }: Stretch): { condition: string; parameters: string[] } {
  const parameters: string[] = [];
  const conditions = ["true"];
  if (after !== undefined) conditions.push(`${column} > $${parameters.push(after)}`);
  if (upTo !== undefined) conditions.push(`${column} <= $${parameters.push(upTo)}`);
  return { condition: conditions.join(" AND "), parameters };
}

/** A user, the number of the last entry that the check saw, and how many came since. */
type Moved = { id: string; noted: string; came: string };

/**
 * The users with entries above those that the check saw. Ids and times can't tell which entries are new: they are
 * taken before commits and commit in another order. A user's own numbers can.
 */
async function findMoved(tx: Tx, base: CheckRecord, { relation, parameters }: Rows): Promise<Moved[]> {
  return await tx.unsafe<Moved[]>(
    `SELECT u.id, coalesce(n.entry_count, 0) AS noted, newest.user_seq - coalesce(n.entry_count, 0) AS came
    FROM ${relation} AS u
    LEFT JOIN LATERAL (SELECT h.entry_count FROM ${notedHeads(base, "h.user_id = u.id")} AS h) AS n ON true
    CROSS JOIN LATERAL (
      SELECT e.user_seq FROM ${TABLES.entries} e WHERE e.user_id = u.id ORDER BY e.user_seq DESC LIMIT 1) AS newest
    WHERE newest.user_seq > coalesce(n.entry_count, 0)`,
    toArguments(parameters),
  );
}

/** Users whose new entries are looked at together: about `size` entries, or the new ones of one user. */
function inPortions(moved: readonly Moved[], size: number): Moved[][] {
  const portions: Moved[][] = [];
  let room = 0;
  for (const user of moved) {
    if (room <= 0) {
      portions.push([]);
      room = size;
    }
    portions.at(-1)?.push(user);
    room -= Number(user.came);
  }
  return portions;
}

/** The new entries of these users, with the attributions and cards that they are about. */
async function* newRowsOf(tx: Tx, moved: readonly Moved[]): AsyncGenerator<Rows> {
  const relation = `(
    SELECT l.* FROM unnest($1::uuid[], $2::bigint[]) AS moved (user_id, entry_count)
    CROSS JOIN LATERAL (
      SELECT e.* FROM ${TABLES.entries} e WHERE e.user_id = moved.user_id AND e.user_seq > moved.entry_count) AS l)`;
  const parameters = [moved.map(({ id }) => id), moved.map(({ noted }) => noted)];
  yield { of: "entries", relation, parameters };
  const [named] = await tx.unsafe<{ attributions: string[]; cards: string[] }[]>(
    `WITH recent AS MATERIALIZED (SELECT l.card_id, l.attribution_id FROM ${relation} AS l),
    cited AS (
      SELECT a.source_card_id FROM ${TABLES.attributions} a WHERE a.id IN (SELECT r.attribution_id FROM recent r))
    SELECT array(SELECT DISTINCT r.attribution_id::text FROM recent r WHERE r.attribution_id IS NOT NULL) AS attributions,
      array(
        SELECT r.card_id::text FROM recent r WHERE r.card_id IS NOT NULL
        UNION SELECT c.source_card_id::text FROM cited c) AS cards`,
    toArguments(parameters),
  );
  yield byIds("attributions", named?.attributions ?? []);
  yield byIds("cards", named?.cards ?? []);
}

function byIds(of: "attributions" | "cards", ids: readonly string[]): Rows {
  return { of, relation: `(SELECT * FROM ${TABLES[of]} WHERE id = ANY ($1::uuid[]))`, parameters: [ids] };
}

/** Attributions made since a time that no entry names, and the cards that they cite: with others, entries came as well. */
function unpaidSince(time: string): Rows[] {
  const attributions = `(
    SELECT * FROM ${TABLES.attributions} a WHERE a.created_at >= $1
      AND NOT EXISTS (SELECT FROM ${TABLES.entries} e WHERE e.attribution_id = a.id))`;
  const cards = `(SELECT * FROM ${TABLES.cards} WHERE id IN (SELECT source_card_id FROM ${attributions} AS made))`;
  return [
    { of: "attributions", relation: attributions, parameters: [time] },
    { of: "cards", relation: cards, parameters: [time] },
  ];
}
