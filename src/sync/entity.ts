// One pushed entity: what can be said of it without the database. What can't be taken gets an error of its own, and
// of a private card neither text nor checksum goes any further.

import { z } from "zod";
import type { Scope } from "../auth/scopes.ts";
import { describeIssues, expectation } from "../bad-values.ts";
import { publicLevelOf, syncedCard } from "../cards/model.ts";
import { contentHash, slugEnd, slugStem } from "../cards/text.ts";
import { anyText, storableObject, text } from "../text.ts";
import { syncedProfile } from "../users/model.ts";
import { canonicalOf } from "./checksum.ts";
import {
  DOCUMENT_BYTES_MAX,
  DOCUMENT_LEVELS_MAX,
  ENTITY_ID_CHARACTERS_MAX,
  type EntityError,
  type EntityType,
  entityType,
  type PushedEntity,
} from "./model.ts";

/** An entity as the database gets it. Where `error` is set, it is only recorded as failed. */
export type Candidate = {
  entityType: EntityType;
  /** Of a card in lower case. */
  entityId: string;
  base: string | null;
  /** Null where the device does not say. */
  baseRevision: number | null;
  /** Both null: a deletion, or nothing that may be kept. The data are canonical JSON. */
  checksum: string | null;
  json: string | null;
  card?: { hash: string; slugStem: string; slugEnd: string };
  error?: EntityError;
};

export type EntityName = Pick<PushedEntity, "entity_type" | "entity_id">;

/** An entity that nothing can be recorded of: its name is none. */
export type Nameless = { error: EntityError };

const NEEDED_SCOPES: Partial<Record<EntityType, Scope>> = { card: "publish", user_profile: "profile" };

const CHECKSUM = /^[0-9a-f]{64}$/;
/** Stands for a base that is no checksum at all, and so is nothing that the server ever had. */
const NO_BASE = "-";

const cardId = z.guid();
const documentId = text(1, ENTITY_ID_CHARACTERS_MAX);
const document = storableObject(DOCUMENT_LEVELS_MAX, DOCUMENT_BYTES_MAX);

/** Looks at one entity that a key with these scopes pushes. */
export function checkEntity(pushed: PushedEntity, scopes: ReadonlySet<Scope>): Candidate | Nameless {
  const named = checkName(pushed);
  if (!("entityId" in named)) return named;
  const { base_checksum, base_revision: baseRevision = null } = pushed;
  const base = base_checksum === null || CHECKSUM.test(base_checksum) ? base_checksum : NO_BASE;
  const judged = judge(named.entityType, pushed, scopes);
  return "code" in judged
    ? { ...named, base, baseRevision, error: judged }
    : { ...named, base, baseRevision, ...judged };
}

/** Looks at the name of an entity alone. */
export function checkName({ entity_type, entity_id }: EntityName): Candidate | Nameless {
  const type = entityType.safeParse(entity_type).data;
  if (!type) return { error: { code: "unknown-type", detail: "There is no such entity_type." } };
  const entityId = idOf(type, entity_id);
  if (entityId === undefined) return { error: { code: "invalid-id", detail: ID_RULES[type] } };
  return { entityType: type, entityId, base: null, baseRevision: null, checksum: null, json: null };
}

const ID_RULES: Readonly<Record<EntityType, string>> = {
  card: "The id of a card is a UUID.",
  user_profile: "The id of the profile is `me`.",
  settings: `An id is text of 1 to ${ENTITY_ID_CHARACTERS_MAX} characters.`,
  session: `An id is text of 1 to ${ENTITY_ID_CHARACTERS_MAX} characters.`,
};

function idOf(type: EntityType, id: string): string | undefined {
  switch (type) {
    case "card":
      return cardId.safeParse(id).data?.toLowerCase();
    case "user_profile":
      return id === "me" ? id : undefined;
    default:
      return documentId.safeParse(id).data;
  }
}

type Judged = Pick<Candidate, "checksum" | "json" | "card">;

function judge(type: EntityType, pushed: PushedEntity, scopes: ReadonlySet<Scope>): Judged | EntityError {
  const data = pushed.data ?? null;
  if (type === "card" && isPrivate(data)) {
    return { code: "private", detail: "Only BUSINESS and IDEAS leave a device. Nothing of this card was kept." };
  }
  const scope = NEEDED_SCOPES[type];
  if (scope && !scopes.has(scope)) return { code: "forbidden", detail: `This key lacks the scope \`${scope}\`.` };
  if (pushed.deleted) return judgeDeletion(type, data, pushed.checksum ?? null);

  return type === "card" ? judgeCard(data, pushed.checksum) : judgeOther(type, data, pushed.checksum);
}

const SCHEMAS: Readonly<Record<Exclude<EntityType, "card">, z.ZodType>> = {
  user_profile: syncedProfile,
  settings: document,
  session: document,
};

const MISMATCH: EntityError = {
  code: "checksum-mismatch",
  detail: "`checksum` is not the SHA-256 of the canonical JSON of `data`.",
};

function judgeOther(type: Exclude<EntityType, "card">, data: unknown, checksum: unknown): Judged | EntityError {
  const parsed = SCHEMAS[type].safeParse(data, { error: expectation });
  if (!parsed.success) return { code: "invalid", detail: describe(parsed.error, data) };
  const canonical = canonicalOf(data);
  if (canonical.checksum !== checksum) return MISMATCH;
  // Of the profile what its own call would store: addresses without the white space around them.
  return type === "user_profile" ? canonicalOf(parsed.data) : canonical;
}

/** A card is stored and shown with its level in capitals, and with what is empty in one form. */
function judgeCard(sent: unknown, checksum: unknown): Judged | EntityError {
  const parsed = syncedCard.safeParse(sent, { error: expectation });
  if (!parsed.success) return { code: "invalid", detail: describe(parsed.error, sent) };
  if (canonicalOf(sent).checksum !== checksum) return MISMATCH;
  const { title, content, privacy_level, category, tags, metadata } = parsed.data;
  const data = {
    title: title || null,
    content,
    privacy_level: publicLevelOf(privacy_level),
    category,
    tags: tags ?? [],
    metadata: metadata ?? {},
  };
  const card = {
    hash: contentHash(title, content),
    slugStem: slugStem(data.title, content),
    slugEnd: slugEnd(),
  };
  return { ...canonicalOf(data), card };
}

/** Whether it says that it is private, or says a level that nobody knows. Where it says none, it is no card. */
function isPrivate(data: unknown): boolean {
  const level = (data as { privacy_level?: unknown } | null)?.privacy_level;
  return anyText.safeParse(level).success && publicLevelOf(level as string) === undefined;
}

function judgeDeletion(type: EntityType, data: unknown, checksum: string | null): Judged | EntityError {
  if (data !== null || checksum !== null) {
    return { code: "invalid", detail: "With `deleted`, `data` and `checksum` are null." };
  }
  if (type === "user_profile") return { code: "invalid", detail: "The profile can't be deleted." };
  return { checksum: null, json: null };
}

/** The first fault, with where it is. */
function describe({ issues }: z.ZodError, data: unknown): string {
  const [fault] = describeIssues(issues, data, "field");
  return `data${fault?.pointer}: ${fault?.detail}`.slice(0, 500);
}
