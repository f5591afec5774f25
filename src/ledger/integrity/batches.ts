// What a check goes through, cut into batches: of everything, stretches of each table in the order of its ids;
// or of what came since an earlier check, the users' new entries and what these belong to.

import type { Tx } from "../../db.ts";
import { type CheckRecord, notedHeads } from "./records.ts";
import { type Kind, type Rows, TABLES, toArguments } from "./rule.ts";

/** `cost` in µs is an estimate, for the time that is left. `rows` may have to ask the database which they are. */
export type Batch = Readonly<{ cost: number; rows: (tx: Tx) => Promise<readonly Rows[]> }>;

/**
 * Rows a stretch. 200,000 entries are sorted in the memory that a connection has (48 of 64 MB) and take some three
 * seconds. The last entries of 10,000 users stay in PostgreSQL's cache from one check to the next.
 */
const STRETCH = { entries: 200_000, attributions: 100_000, users: 10_000 } as const;

/**
 * What a row costs, in µs of one core, with ten million entries of a demo (100,000 users, 1.4 million cards). Of an
 * entry's 13 µs the chain takes 5, the hash 3.4, the movement 2.5. One query over all entries takes no less for the
 * chain: 8 µs with a sort, 3.3 with a hash join that writes 2.5 GB to the disk.
 */
const COST_US: Readonly<Record<Kind, number>> = {
  entries: 13,
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
      rows: async (connection: Tx): Promise<Rows[]> => [
        stretchOf("users", stretch),
        { ...stretchOf("users", stretch), of: "accounts" },
        headsOf(base, stretch),
        ...rowsOf(await findMoved(connection, base, stretch)),
      ],
    })),
    { cost: 0, rows: async () => rowsMadeSince(base.settled_at) },
  ];
}

function batchOf(count: number, rows: Rows): Batch {
  return { cost: count * COST_US[rows.of], rows: async () => [rows] };
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
  return { of: table, relation: `(SELECT * FROM ${TABLES[table]} WHERE ${condition})`, parameters };
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

/** Users with the number of their last entry that the check saw. */
type Moved = { ids: string[]; counts: string[] };

/**
 * The users with entries above those that the check saw. Ids and times can't tell which entries are new: they are
 * taken before commits and commit in another order. A user's own numbers can.
 */
async function findMoved(tx: Tx, base: CheckRecord, stretch: Stretch): Promise<Moved> {
  const { relation, parameters } = stretchOf("users", stretch);
  const rows = await tx.unsafe<{ id: string; noted: string }[]>(
    `SELECT u.id, coalesce(n.entry_count, 0) AS noted
    FROM ${relation} AS u
    LEFT JOIN LATERAL (SELECT h.entry_count FROM ${notedHeads(base, "h.user_id = u.id")} AS h) AS n ON true
    WHERE EXISTS (
      SELECT FROM ${TABLES.entries} e WHERE e.user_id = u.id AND e.user_seq > coalesce(n.entry_count, 0))`,
    toArguments(parameters),
  );
  return { ids: rows.map(({ id }) => id), counts: rows.map(({ noted }) => noted) };
}

/** The new entries of these users, with the attributions and cards that they are about. */
function rowsOf({ ids, counts }: Moved): Rows[] {
  if (ids.length === 0) return [];
  const entries = `(
    SELECT l.* FROM unnest($1::uuid[], $2::bigint[]) AS moved (user_id, entry_count)
    CROSS JOIN LATERAL (
      SELECT e.* FROM ${TABLES.entries} e WHERE e.user_id = moved.user_id AND e.user_seq > moved.entry_count) AS l)`;
  const attributions = `(
    SELECT * FROM ${TABLES.attributions} WHERE id IN (SELECT attribution_id FROM ${entries} AS recent))`;
  const cards = `(
    SELECT * FROM ${TABLES.cards} WHERE id IN (
      SELECT card_id FROM ${entries} AS recent UNION SELECT source_card_id FROM ${attributions} AS touched))`;
  const parameters = [ids, counts];
  return [
    { of: "entries", relation: entries, parameters },
    { of: "attributions", relation: attributions, parameters },
    { of: "cards", relation: cards, parameters },
  ];
}

/** Attributions made since a time, which may have no entry at all, and the cards that they cite. */
function rowsMadeSince(time: string): Rows[] {
  const attributions = `(SELECT * FROM ${TABLES.attributions} WHERE created_at >= $1)`;
  const cards = `(SELECT * FROM ${TABLES.cards} WHERE id IN (SELECT source_card_id FROM ${attributions} AS made))`;
  return [
    { of: "attributions", relation: attributions, parameters: [time] },
    { of: "cards", relation: cards, parameters: [time] },
  ];
}
