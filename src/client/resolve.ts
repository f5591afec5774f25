// Having conflicts decided, and telling the server of the decisions, each over the version that it was made about. One
// that can't be taken holds up no other.

import { isPushResultOf } from "./answers.ts";
import type { Decision, Device } from "./device.ts";
import { type Data, type Entity, isSettledSince, obstacleTo, plainOf } from "./entity.ts";
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

/** Has one decided until it is, or put off; returns why the decision can't be taken. */
async function resolveOne(device: Device, name: EntityName): Promise<EntityError | undefined> {
  const { store, tell } = device;
  for (let round = 1; round <= ROUNDS_MAX; round++) {
    const entity = store.find(name);
    if (!entity?.conflict) return undefined;
    const { entity_type, entity_id, data: local, conflict: over } = entity;
    const decision = await tell.onConflict({ entity_type, entity_id, local, server: over });
    if (!decision) return undefined;
    const { resolution } = decision;
    const decided = decision.resolution === "manual" ? decision.data && plainOf(decision.data) : entity;
    const made = { entity, over, resolution, data: decided?.data ?? null, checksum: decided?.checksum ?? null };
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
  const version = resolution === "remote_wins" ? {} : { data, checksum, base_checksum: over.checksum };
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

type Settled = { outcome: Outcome; change?: { data: Data | null } };

function settle(store: Store, { entity, resolution, data, checksum }: Made, result: PushResult): Settled {
  const now = store.find(entity);
  if (!now || isSettledSince(entity, now)) return { outcome: "done" };
  if (result.sync_status === "conflict" && result.server) {
    store.save({ ...now, conflict: result.server });
    return { outcome: "again" };
  }
  const isEdited = now.edit_no !== entity.edit_no;
  if (isEdited && resolution !== "local_wins") {
    // Decided about what is here no longer: the next push tells how things stand.
    store.save({ ...now, conflict: null });
    return { outcome: "done" };
  }
  const base_checksum = result.checksum ?? null;
  if (isEdited) {
    store.save({ ...now, base_checksum, conflict: null });
    return { outcome: "done" };
  }
  const settled = resolution === "remote_wins" ? result.server : { data, checksum };
  if (!settled) {
    store.save({ ...now, conflict: null });
    return { outcome: "done" };
  }
  const version = { data: settled.data, checksum: settled.checksum, base_checksum };
  if (settled.data === null) store.drop(now);
  else store.save({ ...now, ...version, is_dirty: false, conflict: null, error: null });
  return { outcome: "done", ...(resolution === "local_wins" ? {} : { change: { data: settled.data } }) };
}

/** The conflict is over without this device's doing: the next push tells how things stand. */
function reopen(store: Store, { entity }: Made): void {
  store.atOnce(() => {
    const now = store.find(entity);
    if (now) store.save({ ...now, conflict: null });
  });
}
