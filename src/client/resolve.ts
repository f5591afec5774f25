// Having conflicts decided, and telling the server of the decisions, each over the version that it was made about. One
// that can't be taken holds up no other.

import { isPushResultOf } from "./answers.ts";
import type { Conflict, Decision, Device } from "./device.ts";
import { type Data, type Entity, inStep, isSettledSince, obstacleTo, plainOf } from "./entity.ts";
import { Refused, Unreachable } from "./errors.ts";
import type { EntityError, EntityName, PushResult, ServerVersion } from "./protocol.ts";
import type { Store } from "./store.ts";

/** While somebody keeps changing what is being resolved here. */
const ROUNDS_MAX = 5;

type Made = {
  /** As it was when it was decided. */
  entity: Entity;
  over: ServerVersion;
  resolution: NonNullable<Decision>["resolution"];
  data: Data | null;
  checksum: string | null;
};

type Outcome = "done" | "again" | EntityError;

/** Asks for each conflict once. Throws Refused where the key may not, and Unreachable; then the rest waits. */
export async function resolveConflicts(device: Device): Promise<void> {
  const { store, tell } = device;
  let tooLarge: Unreachable | undefined;
  for (let next = nextConflict(store); next; next = nextConflict(store, next)) {
    try {
      const error = await resolveOne(device, next);
      if (error) tell.onFailed?.({ entity_type: next.entity_type, entity_id: next.entity_id, error });
    } catch (error) {
      if (!(error instanceof Unreachable) || error.status !== 413) throw error;
      tooLarge = error;
    }
  }
  if (tooLarge) throw tooLarge;
}

function nextConflict(store: Store, after?: EntityName): EntityName | undefined {
  for (const entity of store.listIn("conflict", after)) return entity;
  return undefined;
}

/** A conflict as the app sees it; undefined where there is none. */
export function toConflict({ entity_type, entity_id, data, conflict, edit_no }: Entity): Conflict | undefined {
  return conflict ? { entity_type, entity_id, local: data, server: conflict, isEdited: edit_no > 0 } : undefined;
}

/** Has one decided until it is, or put off; returns why the decision can't be taken. */
async function resolveOne(device: Device, name: EntityName): Promise<EntityError | undefined> {
  const { store, tell } = device;
  for (let round = 1; round <= ROUNDS_MAX; round++) {
    const entity = store.find(name);
    const conflict = entity && toConflict(entity);
    if (!conflict) return undefined;
    const decision = await tell.onConflict(conflict);
    if (!decision) return undefined;
    const { resolution } = decision;
    const decided = decision.resolution === "manual" ? decision.data && plainOf(decision.data) : entity;
    const made = {
      entity,
      over: conflict.server,
      resolution,
      data: decided?.data ?? null,
      checksum: decided?.checksum ?? null,
    };
    const outcome = await send(device, made);
    if (typeof outcome === "object") return outcome;
    if (outcome === "done") return undefined;
  }
  return undefined;
}

async function send(device: Device, made: Made): Promise<Outcome> {
  const { store, api, clientId: client_id } = device;
  const { entity, over, resolution, data, checksum } = made;
  const { entity_type, entity_id } = entity;
  const obstacle = resolution === "remote_wins" ? undefined : obstacleTo(entity_type, data);
  if (obstacle) return obstacle;
  // Says what it is over: should the server have told of something newer in an answer that was lost, that stands.
  const version =
    resolution === "remote_wins" ? {} : { data, checksum, base_checksum: over.checksum, base_revision: over.revision };
  const body = { client_id, entity_type, entity_id, resolution, ...version };
  try {
    const request = { method: "POST", path: "/api/sync/resolve", body } as const;
    const result = await api.call(request, isPushResultOf(entity), ["not-found"]);
    if (result.error) return result.error;
    const { outcome, change } = store.atOnce(() => settle(store, made, result));
    if (change) device.tell.onChange?.({ entity_type, entity_id, data: change.data });
    return outcome;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.code === "not-found") {
      reopen(store, made);
      return "done";
    }
    if (!error.isAbout("data")) throw error;
    return { code: "invalid", detail: error.message };
  }
}

type Settled = { outcome: Outcome; change?: Entity };

function settle(store: Store, made: Made, result: PushResult): Settled {
  const now = store.find(made.entity);
  if (!now || isSettledSince(made.entity, now)) return { outcome: "done" };
  const { server } = result;
  if (result.sync_status === "conflict" && server) {
    store.save({ ...now, conflict: server });
    return { outcome: "again" };
  }
  if (now.edit_no !== made.entity.edit_no) {
    settleEdited(store, now, made, result);
    return { outcome: "done" };
  }
  const settled = server ? inStep(now, server) : settledAs(now, made, result);
  if (!settled) store.save({ ...now, conflict: null });
  else store.settle(settled);
  const isChange = settled && (server || made.resolution === "manual");
  return { outcome: "done", ...(isChange ? { change: settled } : {}) };
}

/**
 * It was edited since it was decided, so that only a decision for this device's version stands, unless somebody who saw it
 * changed it since: the next push tells how things are.
 */
function settleEdited(store: Store, now: Entity, { resolution }: Made, result: PushResult): void {
  const { server, checksum = null, revision = 0 } = result;
  const isBase = resolution === "local_wins" && !server;
  const base = isBase ? { base_checksum: checksum, base_revision: revision } : {};
  store.save({ ...now, ...base, conflict: null });
}

/** What a decision for this device's version, or one made of both, comes to. */
function settledAs(now: Entity, { resolution, data, checksum }: Made, result: PushResult): Entity | undefined {
  if (resolution === "remote_wins") return undefined;
  const version = { data, checksum, revision: result.revision ?? 0, deleted: data === null };
  return { ...inStep(now, version), base_checksum: result.checksum ?? null };
}

/** The conflict is over without this device's doing: the next push tells how things stand. */
function reopen(store: Store, { entity }: Made): void {
  store.atOnce(() => {
    const now = store.find(entity);
    if (now) store.save({ ...now, conflict: null });
  });
}
