// What a device remembers, in SQLite: its entities with what the server was last known to have of them, and where the
// next pull goes on. It survives restarts at any moment, and several processes may have it open.

import { Database } from "bun:sqlite";
import type { Entity } from "./entity.ts";
import type { EntityName, EntityType } from "./protocol.ts";

type EntityRow = Omit<Entity, "data" | "conflict" | "error" | "is_dirty"> & {
  data: string | null;
  conflict: string | null;
  error: string | null;
  is_dirty: number;
};

/** Facts about the device. `shared_revision` is there while everything is compared with the server's (pull.ts). */
type Fact = "client_id" | "cursor" | "edit_no" | "shared_revision";

/** Raised with every change of the tables that older clients could not read. */
const FORMAT = 1;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entities (
    entity_type TEXT NOT NULL, entity_id TEXT NOT NULL, data TEXT, checksum TEXT, base_checksum TEXT,
    base_revision INTEGER NOT NULL,
    is_dirty INTEGER NOT NULL, edit_no INTEGER NOT NULL, conflict TEXT, error TEXT, is_compared INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (entity_type, entity_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entities_dirty ON entities (entity_type, entity_id) WHERE is_dirty = 1;
  CREATE TABLE IF NOT EXISTS publishes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, idempotency_key TEXT NOT NULL, body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS device (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  PRAGMA user_version = ${FORMAT}`;

const BUSY_MS_MAX = 5_000;

/** What is listed: to be pushed, in conflict, or set aside. */
const STATES = {
  dirty: "is_dirty = 1 AND conflict IS NULL AND error IS NULL",
  conflict: "is_dirty = 1 AND conflict IS NOT NULL",
  failed: "is_dirty = 1 AND conflict IS NULL AND error IS NOT NULL",
} as const;
export type EntityState = keyof typeof STATES;

/** SQLite waits for no lock while it changes the mode of a file: where another process opens it at the same moment, again. */
function useWriteAheadLog(database: Database): void {
  for (const startedAt = performance.now(); ; Bun.sleepSync(10)) {
    try {
      database.run("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      const isBusy = (error as { code?: unknown }).code === "SQLITE_BUSY";
      if (!isBusy || performance.now() - startedAt > BUSY_MS_MAX) throw error;
    }
  }
}

export class Store {
  readonly database: Database;

  /** Opens or makes the file; `:memory:` is a device that forgets everything. Throws where a newer client wrote it. */
  constructor(file: string) {
    this.database = new Database(file, { create: true, strict: true });
    this.database.run(`PRAGMA busy_timeout = ${BUSY_MS_MAX}`);
    useWriteAheadLog(this.database);
    this.atOnce(() => {
      const format = this.database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
      if (format > FORMAT) throw new Error(`${file} was written by a newer version of this client (${format}).`);
      this.database.run(SCHEMA);
      // Another key may be allowed what the one before was not.
      this.database.run("UPDATE entities SET error = NULL WHERE error ->> 'code' = 'forbidden'");
    });
  }

  /** Runs `work` in a transaction: all of it is remembered or nothing. */
  atOnce<T>(work: () => T): T {
    return this.database.transaction(work).immediate();
  }

  find({ entity_type, entity_id }: EntityName): Entity | undefined {
    const row = this.database
      .query<EntityRow, [string, string]>("SELECT * FROM entities WHERE entity_type = ? AND entity_id = ?")
      .get(entity_type, entity_id);
    return row ? toEntity(row) : undefined;
  }

  list(type: EntityType): Entity[] {
    return this.database
      .query<EntityRow, [string]>(
        "SELECT * FROM entities WHERE entity_type = ? AND data IS NOT NULL ORDER BY entity_id",
      )
      .all(type)
      .map(toEntity);
  }

  /** Entities in a state, after the one named, in the order of their names. Read one by one: there may be very many. */
  *listIn(state: EntityState, after: EntityName = FIRST): Generator<Entity> {
    const rows = this.database
      .query<EntityRow, [string, string]>(
        `SELECT * FROM entities WHERE ${STATES[state]} AND (entity_type, entity_id) > (?, ?) ORDER BY entity_type, entity_id`,
      )
      .iterate(after.entity_type, after.entity_id);
    for (const row of rows) yield toEntity(row);
  }

  count(state: EntityState): number {
    const sql = `SELECT count(*) AS found FROM entities WHERE ${STATES[state]}`;
    return this.database.query<{ found: number }, []>(sql).get()?.found ?? 0;
  }

  save({ data, is_dirty, conflict, error, ...entity }: Entity): void {
    this.database
      .query(
        `INSERT INTO entities (entity_type, entity_id, data, checksum, base_checksum, base_revision, is_dirty, edit_no,
           conflict, error)
         VALUES ($entity_type, $entity_id, $data, $checksum, $base_checksum, $base_revision, $is_dirty, $edit_no,
           $conflict, $error)
         ON CONFLICT DO UPDATE SET data = excluded.data, checksum = excluded.checksum,
           base_checksum = excluded.base_checksum, base_revision = excluded.base_revision, is_dirty = excluded.is_dirty, edit_no = excluded.edit_no,
           conflict = excluded.conflict, error = excluded.error`,
      )
      .run({
        ...entity,
        data: data && JSON.stringify(data),
        is_dirty: Number(is_dirty),
        conflict: conflict && JSON.stringify(conflict),
        error: error && JSON.stringify(error),
      });
  }

  /**
   * Saves what is in step. Of what was deleted the base stays, so that whoever makes it anew says that the deletion was seen;
   * of what the server never had, nothing.
   */
  settle(entity: Entity): void {
    if (entity.data === null && entity.base_revision === 0) this.#drop(entity);
    else this.save(entity);
  }

  #drop({ entity_type, entity_id }: EntityName): void {
    this.database.query("DELETE FROM entities WHERE entity_type = ? AND entity_id = ?").run(entity_type, entity_id);
  }

  /** The number of the next edit. */
  nextEditNo(): number {
    const next = Number(this.recall("edit_no") ?? 0) + 1;
    this.remember("edit_no", String(next));
    return next;
  }

  recall(fact: Fact): string | undefined {
    const row = this.database.query<{ value: string }, [string]>("SELECT value FROM device WHERE name = ?").get(fact);
    return row?.value;
  }

  /** Remembers a fact; undefined forgets it. */
  remember(fact: Fact, value: string | undefined): void {
    if (value === undefined) this.database.query("DELETE FROM device WHERE name = ?").run(fact);
    else this.database.query("INSERT OR REPLACE INTO device VALUES (?, ?)").run(fact, value);
  }

  /** Remembers a fact unless there is one already, and returns what is remembered. */
  rememberOnce(fact: Fact, value: string): string {
    this.database.query("INSERT OR IGNORE INTO device VALUES (?, ?)").run(fact, value);
    return this.recall(fact) ?? value;
  }

  close(): void {
    this.database.close();
  }
}

/** Before every name. */
const FIRST = { entity_type: "" as EntityType, entity_id: "" };

function toEntity({ data, conflict, error, is_dirty, ...row }: EntityRow): Entity {
  return {
    entity_type: row.entity_type,
    entity_id: row.entity_id,
    data: data === null ? null : JSON.parse(data),
    checksum: row.checksum,
    base_checksum: row.base_checksum,
    base_revision: row.base_revision,
    is_dirty: is_dirty === 1,
    edit_no: row.edit_no,
    conflict: conflict === null ? null : JSON.parse(conflict),
    error: error === null ? null : JSON.parse(error),
  };
}
