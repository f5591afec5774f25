// Pushing and resolving: from a request to a command, from a batch of commands to one statement, and from its rows to
// the results. The rules about bases and conflicts stand in push_changes (migrations/0008_push.sql).

import type { Caller } from "../auth/scopes.ts";
import type { SharedKind } from "../commit-sharing.ts";
import { PAGE_BYTES_MAX } from "../cursor.ts";
import { type Sql, sqlState } from "../db.ts";
import { Problem } from "../problem.ts";
import { type Candidate, checkEntity, checkName, type EntityName, type Nameless } from "./entity.ts";
import { storeChecksums } from "./missing-checksums.ts";
import {
  DOCUMENT_BYTES_TOTAL_MAX,
  DOCUMENTS_MAX,
  type EntityError,
  type PushedEntity,
  type PushRequest,
  type PushResult,
  type ResolveRequest,
} from "./model.ts";
import { cursorGone, decodePosition, type Position } from "./position.ts";

export type PushRules = { reward: string; rewardsPerDay: number };

type Resolution = ResolveRequest["resolution"];

/** One request: its entities as they were sent, and as far as they can be taken or at least be recorded. */
export type PushCommand = {
  caller: Caller;
  clientId: string;
  deviceName: string | null;
  /** How far the device has pulled, where it says so. */
  position?: Position | undefined;
  sent: readonly EntityName[];
  judged: readonly (Candidate | Nameless)[];
  /** Set for a request to resolve, which has one entity. */
  resolution?: Resolution;
};

export type PushOutcome = { command: PushCommand; rows: readonly Row[] };

type Row = {
  request_no: number | null;
  entity_no: number | null;
  state: "done" | "unauthenticated" | "cursor-gone";
  outcome: Accepted | "conflict" | Failure | "refused" | "no-conflict" | "unknown-checksum";
  checksum: string | null;
  revision: string | null;
  server_data: Record<string, unknown> | null;
  other_id: string | null;
};

type Accepted = "same" | "superseded" | "taken" | "document" | "profile" | "change" | "withdraw" | "publish";
type Failure = "foreign-id" | "not-published" | "quota-exceeded" | "answer-full" | "duplicate-card";

/** Cards written directly at the same moment, or since their checksums were looked up, make a push begin anew. */
const ATTEMPTS_MAX = 5;
const UNIQUE_VIOLATION = "23505";

/** Bytes of data that weigh as much as the work for one entity. */
const BYTES_A_ROW = 8192;

/** How pushes share a commit: one a user, since the second of one user must see what the first did. */
export function pushKind(sql: Sql, rules: PushRules): SharedKind<PushCommand, PushOutcome> {
  return {
    name: "push",
    async execute(commands) {
      const rows = await pushUntilDecided(sql, commands, rules);
      const byRequest = Map.groupBy(rows, row => row.request_no);
      return commands.map((command, index) => ({ command, rows: byRequest.get(index + 1) ?? [] }));
    },
    claimsOf: ({ caller }) => [`sync:${caller.userId}`],
    weightOf: ({ judged }) =>
      judged.reduce((weight, one) => weight + 1 + ("json" in one && one.json ? one.json.length / BYTES_A_ROW : 0), 1),
  };
}

/** A request to push as a command. Throws `other-account`, and `validation` for a bad cursor. */
export function toPushCommand(caller: Caller, { client_id, device_name, cursor, entities }: PushRequest): PushCommand {
  const position = decodePosition(cursor, caller.userId);
  const seen = new Set<string>();
  const judged = entities.map(entity => {
    const one = checkEntity(entity, caller.scopes);
    if (!("entityId" in one)) return one;
    const name = `${one.entityType}\n${one.entityId}`;
    // Not recorded as failed: the first one's state must stand.
    if (seen.has(name)) return TWICE;
    seen.add(name);
    return one;
  });
  return { caller, clientId: client_id, deviceName: device_name ?? null, position, sent: entities, judged };
}

const TWICE: Nameless = { error: { code: "entity-twice", detail: "The push has this entity once already." } };

/** A request to resolve as a command. */
export function toResolveCommand(caller: Caller, request: ResolveRequest): PushCommand {
  const { client_id, entity_type, entity_id, resolution } = request;
  const name = { entity_type, entity_id };
  const judged = request.resolution === "remote_wins" ? checkName(name) : checkEntity(toPushed(request), caller.scopes);
  // In push_changes NULL stands for what the device was last told of.
  const hasSeenNothing = request.resolution !== "remote_wins" && request.base_checksum === null;
  const based = hasSeenNothing && "entityId" in judged ? { ...judged, base: "" } : judged;
  return { caller, clientId: client_id, deviceName: null, sent: [name], judged: [based], resolution };
}

function toPushed(request: Extract<ResolveRequest, { data: unknown }>): PushedEntity {
  const { entity_type, entity_id, data, checksum, base_checksum, base_revision } = request;
  const deleted = (data ?? null) === null && checksum === null;
  return { entity_type, entity_id, base_checksum: base_checksum ?? null, base_revision, checksum, data, deleted };
}

/**
 * The results of one request, in its order. Throws `unauthenticated` and `cursor-gone`; for a request to resolve,
 * `not-found` as well.
 */
export function toPushResults({ command, rows }: PushOutcome): PushResult[] {
  if (rows[0]?.state === "cursor-gone") throw cursorGone();
  if (rows[0]?.state !== "done") throw new Problem("unauthenticated");
  const decided = rows.filter(row => row.entity_no !== null).values();
  return command.judged.map((one, index): PushResult => {
    const { entity_type, entity_id } = command.sent[index] as EntityName;
    const row = "entityId" in one ? decided.next().value : undefined;
    // As pulls name it: the id of a card may have come in capitals.
    return { entity_type, entity_id: "entityId" in one ? one.entityId : entity_id, ...toResult(one, row) };
  });
}

function toResult(one: Candidate | Nameless, row: Row | undefined): Omit<PushResult, "entity_type" | "entity_id"> {
  if (one.error) return { sync_status: "failed", error: one.error };
  const outcome = row?.outcome;
  switch (outcome) {
    case "conflict":
      return { sync_status: "conflict", server: serverOf(row as Row) };
    case "taken":
    case "superseded":
      return { ...synced(row), server: serverOf(row as Row) };
    case "foreign-id":
    case "not-published":
    case "quota-exceeded":
    case "answer-full":
    case "duplicate-card":
      return { sync_status: "failed", error: toError(outcome, row?.other_id ?? null) };
    case "no-conflict":
      throw new Problem("not-found", {
        detail: "This device was told of no conflict on this entity, or it was resolved. Push, and see.",
      });
    default:
      return synced(row);
  }
}

function synced(row: Row | undefined) {
  return { sync_status: "synced" as const, checksum: row?.checksum ?? null, revision: Number(row?.revision ?? 0) };
}

function serverOf({ checksum, revision, server_data }: Row) {
  return { checksum, revision: Number(revision ?? 0), data: server_data, deleted: checksum === null };
}

const FAILURES: Readonly<Record<Failure, string>> = {
  "foreign-id": "This id is taken. Give the card another one.",
  "not-published": "A card with this id exists and is not published.",
  "quota-exceeded": `An account has at most ${DOCUMENTS_MAX} settings and sessions, with ${DOCUMENT_BYTES_TOTAL_MAX} bytes.`,
  "answer-full": "A conflict, whose data no longer fit into this answer. Push it again.",
  "duplicate-card": "Another of your cards has this text; `card_id` names it.",
};

function toError(code: Failure, otherId: string | null): EntityError {
  return { code, detail: FAILURES[code], ...(otherId ? { card_id: otherId } : {}) };
}

async function pushUntilDecided(sql: Sql, commands: readonly PushCommand[], rules: PushRules): Promise<Row[]> {
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt >= ATTEMPTS_MAX;
    try {
      const entities = toEntities(commands);
      const rows = await callPushChanges(sql, commands, entities, rules);
      const unknown = rows.filter(row => row.outcome === "unknown-checksum");
      if (unknown.length === 0) return rows;
      if (isLast) throw new Error("checksums became unknown again and again");
      const names = unknown.flatMap(row => entities[(row.entity_no ?? 0) - 1] ?? []);
      await storeChecksums(sql, names);
    } catch (error) {
      if (isLast || sqlState(error) !== UNIQUE_VIOLATION) throw error;
    }
  }
}

/** What the entities of all commands are, in the order of the rows of `entity_no`. */
function toEntities(commands: readonly PushCommand[]) {
  return commands.flatMap(({ caller: { userId }, judged, resolution }, index) =>
    judged.flatMap(one => ("entityId" in one ? [{ ...one, userId, resolution, requestNo: index + 1 }] : [])),
  );
}

function callPushChanges(
  sql: Sql,
  commands: readonly PushCommand[],
  entities: ReturnType<typeof toEntities>,
  { reward, rewardsPerDay }: PushRules,
) {
  return sql<Row[]>`
    SELECT * FROM push_changes(
      ${commands.map(command => command.caller.userId)}::uuid[],
      ${commands.map(command => command.caller.keyId)}::uuid[],
      ${commands.map(command => command.clientId)}::varchar[],
      ${commands.map(command => command.deviceName)}::varchar[],
      ${commands.map(command => command.position?.epoch ?? null)}::varchar[],
      ${commands.map(command => command.position?.changeNo ?? null)}::bigint[],
      ${entities.map(entity => entity.requestNo)}::integer[],
      ${entities.map(entity => entity.entityType)}::varchar[],
      ${entities.map(entity => entity.entityId)}::varchar[],
      ${entities.map(entity => entity.base)}::text[],
      ${entities.map(entity => entity.baseRevision)}::bigint[],
      ${entities.map(entity => entity.checksum)}::varchar[],
      ${entities.map(entity => entity.json)}::text[],
      ${entities.map(entity => entity.card?.hash ?? null)}::varchar[],
      ${entities.map(entity => entity.card?.slugStem ?? null)}::text[],
      ${entities.map(entity => entity.card?.slugEnd ?? null)}::text[],
      ${entities.map(entity => entity.resolution ?? null)}::varchar[],
      ${entities.map(entity => entity.error?.code ?? null)}::text[],
      ${reward}, ${rewardsPerDay}, ${PAGE_BYTES_MAX}, ${DOCUMENTS_MAX},
      ${DOCUMENT_BYTES_TOTAL_MAX})`;
}
