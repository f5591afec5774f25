// An entity on a device, and what of it may leave the device.

import { checksumOf } from "./checksum.ts";
import type { EntityError, EntityName, EntityType, PushedEntity, ServerVersion } from "./protocol.ts";

export type Data = Record<string, unknown>;

export type Entity = EntityName & {
  /** Null where it was deleted: here, which the server does not know yet, or by whomever, where it is not edited. */
  data: Data | null;
  checksum: string | null;
  /** What the server had when this device last saw it; null: nothing. */
  base_checksum: string | null;
  /** Which version that was; 0: there never was one. */
  base_revision: number;
  /** Whether there is something to push. */
  is_dirty: boolean;
  /**
   * Of the latest edit that is not in step yet, and never used twice: one that is made during a request is not taken for
   * what was sent. 0: not edited.
   */
  edit_no: number;
  /** What the server has instead, where it told of a conflict. */
  conflict: ServerVersion | null;
  /** Why the server did not take it. It is not pushed again before it is edited. */
  error: EntityError | null;
};

/** The server takes 8 MiB; the rest is for what stands around the entities. */
export const BODY_BYTES_MAX = 8_380_000;
/** The server takes 100 levels in all. */
const LEVELS_MAX = 95;

/** The name as the server has it: ids of cards are UUIDs, which are the same in capitals. */
export function nameOf(type: EntityType, id: string): EntityName {
  return { entity_type: type, entity_id: type === "card" ? id.toLowerCase() : id };
}

/** The data as JSON has them: what is stored, sent and summed up must be the same. */
export function plainOf(data: Data): { data: Data; checksum: string } {
  const plain: Data = JSON.parse(JSON.stringify(data));
  return { data: plain, checksum: checksumOf(plain) };
}

/** What an edit is made over. One that makes what the server has ends a conflict: nothing is left to decide. */
export function standingOf(before: Entity | undefined, checksum: string | null) {
  const { base_checksum = null, base_revision = 0, conflict = null } = before ?? {};
  return conflict?.checksum === checksum
    ? { base_checksum: checksum, base_revision: conflict.revision, conflict: null }
    : { base_checksum, base_revision, conflict };
}

/** Whether a level is one of those that the server publishes. It takes them in any case, and as nothing but text. */
export function isPublic(level: unknown): boolean {
  return typeof level === "string" && /^(business|ideas)$/i.test(level);
}

/** Why data of an entity must not, or can't, be sent; undefined: they may. */
export function obstacleTo(type: EntityType, data: Data | null): EntityError | undefined {
  if (data === null) return undefined;
  if (type === "card" && !isPublic(data.privacy_level)) {
    return { code: "private", detail: "Only cards with the level BUSINESS or IDEAS leave this device." };
  }
  if (levelsOf(data, LEVELS_MAX) > LEVELS_MAX) {
    return { code: "invalid", detail: `data: at most ${LEVELS_MAX} levels of arrays and objects` };
  }
  if (Buffer.byteLength(JSON.stringify(data)) > BODY_BYTES_MAX) {
    return { code: "invalid", detail: `data: at most ${BODY_BYTES_MAX} bytes as JSON` };
  }
  return undefined;
}

/** Levels of arrays and objects, counted up to one more than `max`. */
function levelsOf(value: unknown, max: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (max === 0) return 1;
  let levels = 0;
  for (const part of Object.values(value)) levels = Math.max(levels, levelsOf(part, max - 1));
  return levels + 1;
}

export function toPushed({
  entity_type,
  entity_id,
  base_checksum,
  base_revision,
  checksum,
  data,
}: Entity): PushedEntity {
  const deleted = data === null ? { deleted: true } : {};
  return { entity_type, entity_id, base_checksum, base_revision, checksum, data, ...deleted };
}

/** What another device made of an entity, as this device keeps it. */
export function inStep(name: EntityName, { checksum, revision, data }: ServerVersion): Entity {
  const { entity_type, entity_id } = name;
  const base = { base_checksum: checksum, base_revision: revision };
  return { entity_type, entity_id, data, checksum, ...base, is_dirty: false, edit_no: 0, conflict: null, error: null };
}

/** Whether an entity is as it was read: nobody, not even another process on the same file, has settled it since. */
export function isSettledSince(read: Entity, now: Entity): boolean {
  return !now.is_dirty || now.base_checksum !== read.base_checksum || now.base_revision !== read.base_revision;
}
