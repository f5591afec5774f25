// Whether an answer is one of the server's: a network that signs its guests in answers anything with 200 and a page of
// its own, and what was not understood must not count as done.

import type { EntityName, PublishAnswer, PullAnswer, PushAnswer, PushResult } from "./protocol.ts";

type Fields = Record<string, unknown>;

export function isPublishAnswer(value: unknown): value is PublishAnswer {
  return isObject(value) && Array.isArray(value.cards) && typeof value.cards_published === "number";
}

export function isPullAnswer(value: unknown): value is PullAnswer {
  return (
    isObject(value) &&
    typeof value.cursor === "string" &&
    typeof value.has_more === "boolean" &&
    Array.isArray(value.items) &&
    value.items.every(item => isNamed(item) && isVersion(item))
  );
}

/** The answer to a push of these entities: a result for each, in their order. */
export function isPushAnswerTo(sent: readonly EntityName[]) {
  return (value: unknown): value is PushAnswer =>
    isObject(value) &&
    Array.isArray(value.results) &&
    value.results.length === sent.length &&
    value.results.every((result, index) => isPushResultOf(sent[index] as EntityName)(result));
}

/** The result of pushing or resolving this entity. */
export function isPushResultOf({ entity_type, entity_id }: EntityName) {
  return (value: unknown): value is PushResult => {
    if (!isNamed(value) || value.entity_type !== entity_type || value.entity_id !== entity_id) return false;
    switch (value.sync_status) {
      case "synced":
        return (
          isChecksum(value.checksum) && isRevision(value) && (value.server === undefined || isVersion(value.server))
        );
      case "conflict":
        return isVersion(value.server);
      default:
        return value.sync_status === "failed" && isObject(value.error) && typeof value.error.code === "string";
    }
  };
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNamed(value: unknown): value is Fields {
  return isObject(value) && typeof value.entity_type === "string" && typeof value.entity_id === "string";
}

/** Something with a checksum and data, or with neither. */
function isVersion(value: unknown): boolean {
  if (!isObject(value) || !isRevision(value) || !isChecksum(value.checksum)) return false;
  return value.checksum === null ? value.data === null : isObject(value.data);
}

function isRevision({ revision }: Fields): boolean {
  return Number.isSafeInteger(revision);
}

function isChecksum(value: unknown): boolean {
  return value === null || (typeof value === "string" && /^[0-9a-f]{64}$/.test(value));
}
