// The wire contract of sync: what devices push, what becomes of it, and what they pull.

import { z } from "zod";
import { pageQuery } from "../cursor.ts";
import { wholeNumber } from "../query.ts";
import { jsonObject, text } from "../text.ts";

export const ENTITIES_A_PUSH_MAX = 500;
/** Seconds that a pull may wait for something to come. */
export const WAIT_S_MAX = 30;
/** Bytes (as JSON) and levels of what a device keeps under `settings` and `session`. */
export const DOCUMENT_BYTES_MAX = 262_144;
export const DOCUMENT_LEVELS_MAX = 64;
export const ENTITY_ID_CHARACTERS_MAX = 255;
/** How many settings and sessions an account has, deleted ones too: one a minute for two months, or ten a day for 27 years. */
export const DOCUMENTS_MAX = 100_000;
/** Bytes of their JSON, of those that stand: 256 MiB. */
export const DOCUMENT_BYTES_TOTAL_MAX = 268_435_456;

export const ENTITY_TYPES = ["card", "user_profile", "settings", "session"] as const;
export const entityType = z.enum(ENTITY_TYPES);
export type EntityType = z.output<typeof entityType>;

const clientId = text(1, 255);
const cursor = z.string().min(1).max(500);

/** The number of the change that made a version; 0 where there never was one. Rises with every change of an account. */
const revision = z.int().min(0);

/**
 * Names and values of an entity are looked at one by one (entity.ts), so that one that can't be taken fails alone; the
 * form is the same for all.
 */
const pushedEntity = z
  .strictObject({
    entity_type: z.string(),
    entity_id: z.string(),
    base_checksum: z.string().nullable(),
    base_revision: revision.optional(),
    checksum: z.string().nullish(),
    data: z.unknown().optional(),
    deleted: z.boolean().optional(),
  })
  .meta({ id: "PushedEntity" });
export type PushedEntity = z.output<typeof pushedEntity>;

export const pushRequest = z
  .strictObject({
    client_id: clientId,
    device_name: text(0, 255).nullish(),
    cursor: cursor.optional(),
    entities: z
      .array(pushedEntity)
      .min(1, `1 to ${ENTITIES_A_PUSH_MAX} entities`)
      .max(ENTITIES_A_PUSH_MAX, `1 to ${ENTITIES_A_PUSH_MAX} entities`),
  })
  .meta({ id: "PushRequest" });
export type PushRequest = z.output<typeof pushRequest>;

export const ERROR_CODES = [
  "unknown-type",
  "invalid-id",
  "invalid",
  "checksum-mismatch",
  "private",
  "forbidden",
  "entity-twice",
  "duplicate-card",
  "foreign-id",
  "not-published",
  "quota-exceeded",
  "answer-full",
] as const;

const entityError = z
  .object({ code: z.enum(ERROR_CODES), detail: z.string(), card_id: z.guid().optional() })
  .meta({ id: "EntityError" });
export type EntityError = z.output<typeof entityError>;

const serverVersion = z
  .object({ checksum: z.string().nullable(), revision, data: jsonObject.nullable(), deleted: z.boolean() })
  .meta({ id: "ServerVersion" });
export type ServerVersion = z.output<typeof serverVersion>;

export const pushResult = z
  .object({
    entity_type: z.string(),
    entity_id: z.string(),
    sync_status: z.enum(["synced", "conflict", "failed"]),
    checksum: z.string().nullable().optional(),
    revision: revision.optional(),
    server: serverVersion.optional(),
    error: entityError.optional(),
  })
  .meta({ id: "PushResult" });
export type PushResult = z.output<typeof pushResult>;

export const pushAnswer = z.object({ results: z.array(pushResult) }).meta({ id: "PushAnswer" });
export type PushAnswer = z.output<typeof pushAnswer>;

const conflicted = { client_id: clientId, entity_type: entityType, entity_id: z.string() };

export const resolveRequest = z
  .discriminatedUnion("resolution", [
    z.strictObject({
      ...conflicted,
      resolution: z.enum(["local_wins", "manual"]),
      data: z.unknown(),
      checksum: z.string().nullable(),
      base_checksum: z.string().nullable().optional(),
      base_revision: revision.optional(),
    }),
    z.strictObject({ ...conflicted, resolution: z.literal("remote_wins") }),
  ])
  .meta({ id: "ResolveRequest" });
export type ResolveRequest = z.output<typeof resolveRequest>;

export const pullQuery = z.strictObject({
  ...pageQuery,
  cursor: cursor.optional().describe("The `cursor` of the pull before; without one it begins at the beginning."),
  client_id: clientId.optional(),
  wait: wholeNumber({ min: 0, max: WAIT_S_MAX, standard: 0 }),
});

export const change = z
  .object({
    entity_type: entityType,
    entity_id: z.string(),
    checksum: z.string().nullable(),
    revision,
    data: jsonObject.nullable(),
    deleted: z.boolean(),
    client_id: z.string().nullable(),
    changed_at: z.string(),
  })
  .meta({ id: "Change" });
export type Change = z.output<typeof change>;

export const pullAnswer = z
  .object({ items: z.array(change), cursor: z.string(), has_more: z.boolean() })
  .meta({ id: "PullAnswer" });
export type PullAnswer = z.output<typeof pullAnswer>;

const syncStatus = z.enum(["pending", "synced", "conflict", "failed"]);

export const stateQuery = z.strictObject({
  ...pageQuery,
  client_id: clientId.optional(),
  status: syncStatus.optional(),
});

export const syncState = z
  .object({
    id: z.guid(),
    client_id: z.string(),
    device_name: z.string().nullable(),
    entity_type: entityType,
    entity_id: z.string(),
    sync_status: syncStatus,
    last_synced_at: z.string().nullable(),
    local_checksum: z.string().nullable(),
    remote_checksum: z.string().nullable(),
    remote_revision: revision.nullable(),
    conflict_resolution: z.enum(["local_wins", "remote_wins", "manual"]).nullable(),
    sync_direction: z.enum(["push", "pull", "bidirectional"]),
    error_message: z.string().nullable(),
    retry_count: z.number().int(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: "SyncState" });
export type SyncState = z.output<typeof syncState>;

export const streamQuery = z.strictObject({ client_id: clientId.optional() });
