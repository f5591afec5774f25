// What a device remembers, in SQLite: its entities with what the server was last known to have of them, cards that are
// waiting to be published, and where the next pull goes on. It survives restarts at any moment.

import { Database } from "bun:sqlite";
import type { EntityError, EntityType, PublishRequest, ServerVersion } from "./protocol.ts";

export type Data = Record<string, unknown>;

/** An entity on this device. */
export type Entity = {
  entity_type: EntityType;
  entity_id: string;
  /** Null where this device has deleted it, and the server does not know yet. */
  data: Data | null;
  checksum: string | null;
  /** What the server had when this device last saw it; null: nothing. */
  base_checksum: string | null;
  /** Whether there is something to push. */
  is_dirty: boolean;
  /** Counts the edits on this device, so that one that was made during a request is not taken for what was sent. */
  edit_no: number;
  /** What the server has instead, where it told of a conflict. */
  conflict: ServerVersion | null;
  /** Why the server did not take it. It is not pushed again before it is edited. */
  error: EntityError | null;
};

export type QueuedPublish = { id: number; idempotency_key: string; body: PublishRequest };

type EntityRow = Omit<Entity, "data" | "conflict" | "error" | "is_dirty"> & {
  data: string | null;
  conflict: string | null;
  error: string | null;
  is_dirty: number;
};

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entities (
    entity_type TEXT NOT NULL, entity_id TEXT NOT NULL, data TEXT, checksum TEXT, base_checksum TEXT,
    is_dirty INTEGER NOT NULL, edit_no INTEGER NOT NULL, conflict TEXT, error TEXT,
    PRIMARY KEY (entity_type, entity_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entities_dirty ON entities (is_dirty) WHERE is_dirty = 1;
  CREATE TABLE IF NOT EXISTS publishes (id INTEGER PRIMARY KEY, idempotency_key TEXT NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS device (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT`;

export class Store {
  readonly #database: Database;

  /** Opens or makes the file; `:memory:` is a device that forgets everything. */
  constructor(file: string) {
    this.#database = new Database(file, { create: true, strict: true });
    this.#database.run("PRAGMA journal_mode = WAL");
    this.#database.run("PRAGMA busy_timeout = 5000");
    this.#database.run(SCHEMA);
  }

  /** Runs `work` in a transaction: all of it is remembered or nothing. */
  atOnce<T>(work: () => T): T {
    return this.#database.transaction(work).immediate();
  }

  find(type: EntityType, id: string): Entity | undefined {
    const row = this.#database
      .query<EntityRow, [string, string]>("SELECT * FROM entities WHERE entity_type = ? AND entity_id = ?")
      .get(type, id);
    return row ? toEntity(row) : undefined;
  }

  list(type: EntityType): Entity[] {
    return this.#database
      .query<EntityRow, [string]>(
        "SELECT * FROM entities WHERE entity_type = ? AND data IS NOT NULL ORDER BY entity_id",
      )
      .all(type)
      .map(toEntity);
  }

  /** What there is to push. */
  listDirty(): Entity[] {
    return this.#database
      .query<EntityRow, []>(
        "SELECT * FROM entities WHERE is_dirty = 1 AND conflict IS NULL AND error IS NULL ORDER BY entity_type, entity_id",
      )
      .all()
      .map(toEntity);
  }

  listConflicts(): Entity[] {
    return this.#database
      .query<EntityRow, []>("SELECT * FROM entities WHERE conflict IS NOT NULL ORDER BY entity_type, entity_id")
      .all()
      .map(toEntity);
  }

  save(entity: Entity): void {
    this.#database
      .query(
        `INSERT OR REPLACE INTO entities
         VALUES ($entity_type, $entity_id, $data, $checksum, $base_checksum, $is_dirty, $edit_no, $conflict, $error)`,
      )
      .run({
        ...entity,
        data: entity.data && JSON.stringify(entity.data),
        is_dirty: Number(entity.is_dirty),
        conflict: entity.conflict && JSON.stringify(entity.conflict),
        error: entity.error && JSON.stringify(entity.error),
      });
  }

  drop({ entity_type, entity_id }: Pick<Entity, "entity_type" | "entity_id">): void {
    this.#database.query("DELETE FROM entities WHERE entity_type = ? AND entity_id = ?").run(entity_type, entity_id);
  }

  queuePublish(idempotencyKey: string, body: PublishRequest): void {
    this.#database
      .query("INSERT INTO publishes (idempotency_key, body) VALUES (?, ?)")
      .run(idempotencyKey, JSON.stringify(body));
  }

  /** The publish that has waited longest. */
  nextPublish(): QueuedPublish | undefined {
    const row = this.#database
      .query<{ id: number; idempotency_key: string; body: string }, []>("SELECT * FROM publishes ORDER BY id LIMIT 1")
      .get();
    return row ? { ...row, body: JSON.parse(row.body) } : undefined;
  }

  dropPublish(id: number): void {
    this.#database.query("DELETE FROM publishes WHERE id = ?").run(id);
  }

  /** A fact about the device; `make` gives it where there is none. */
  recall(name: "client_id", make: () => string): string {
    this.#database.query("INSERT OR IGNORE INTO device VALUES (?, ?)").run(name, make());
    return this.#read(name) ?? "";
  }

  get cursor(): string | undefined {
    return this.#read("cursor");
  }

  set cursor(value: string) {
    this.#database.query("INSERT OR REPLACE INTO device VALUES ('cursor', ?)").run(value);
  }

  /** Before pulling from the beginning once more: what the server has of anything is not known any longer. */
  forgetServer(): void {
    this.atOnce(() => {
      this.#database.run("DELETE FROM device WHERE name = 'cursor'");
      this.#database.run("UPDATE entities SET base_checksum = NULL, is_dirty = 1, conflict = NULL");
    });
  }

  close(): void {
    this.#database.close();
  }

  #read(name: string): string | undefined {
    const row = this.#database.query<{ value: string }, [string]>("SELECT value FROM device WHERE name = ?").get(name);
    return row?.value;
  }
}

function toEntity(row: EntityRow): Entity {
  return {
    ...row,
    data: row.data === null ? null : JSON.parse(row.data),
    is_dirty: row.is_dirty === 1,
    conflict: row.conflict === null ? null : JSON.parse(row.conflict),
    error: row.error === null ? null : JSON.parse(row.error),
  };
}
