// Pushing what was edited here, in batches that fit into requests, and noting what became of each entity. Whatever the
// server says is about an entity as it was sent: it may have been edited since, here or by another process.

import { isPushAnswerTo } from "./answers.ts";
import type { Device } from "./device.ts";
import { type Entity, inStep, isSettledSince, obstacleTo, toPushed } from "./entity.ts";
import { Refused, Unreachable } from "./errors.ts";
import type { EntityError, EntityName, PushResult } from "./protocol.ts";
import type { Store } from "./store.ts";

const ENTITIES_A_PUSH = 500;
/** Small enough for slow networks and for what proxies let through; an entity that is larger goes alone. */
const BYTES_A_PUSH = 900_000;

/**
 * Pushes everything that was edited, and returns whether anything was sent. Throws Unreachable, and Refused where the key may
 * not or the server was taken back; then the rest waits for the next time.
 */
export async function pushEdited(device: Device): Promise<boolean> {
  let isAnySent = false;
  let after: EntityName | undefined;
  const tooLarge: Unreachable[] = [];
  for (;;) {
    const { batch, last } = nextBatch(device, after);
    if (!last) break;
    after = last;
    if (batch.length === 0) continue;
    await pushBatch(device, batch, tooLarge);
    isAnySent = true;
  }
  if (tooLarge[0]) throw tooLarge[0];
  return isAnySent;
}

/** The next entities to push, and the last one that was looked at. Those that must not be sent are set aside. */
function nextBatch(device: Device, after: EntityName | undefined): { batch: Entity[]; last: EntityName | undefined } {
  const batch: Entity[] = [];
  const held: [Entity, EntityError][] = [];
  let last: EntityName | undefined;
  let bytes = 0;
  for (const entity of device.store.listIn("dirty", after)) {
    const obstacle = obstacleTo(entity.entity_type, entity.data);
    const size = obstacle ? 0 : Buffer.byteLength(JSON.stringify(toPushed(entity)));
    if (batch.length > 0 && bytes + size > BYTES_A_PUSH) break;
    if (obstacle) held.push([entity, obstacle]);
    else batch.push(entity);
    bytes += size;
    last = entity;
    if (batch.length + held.length === ENTITIES_A_PUSH) break;
  }
  for (const [entity, obstacle] of held) setAside(device, entity, obstacle);
  return { batch, last };
}

async function pushBatch(device: Device, batch: readonly Entity[], tooLarge: Unreachable[]): Promise<void> {
  const { store, api, clientId: client_id, deviceName: device_name } = device;
  const cursor = store.recall("cursor");
  const body = { client_id, device_name, cursor, entities: batch.map(toPushed) };
  try {
    const { results } = await api.call({ method: "POST", path: "/api/sync/push", body }, isPushAnswerTo(batch));
    const changed = store.atOnce(() =>
      batch.flatMap((sent, index) => settle(device, sent, results[index] as PushResult) ?? []),
    );
    for (const { entity_type, entity_id, data } of changed) device.tell.onChange?.({ entity_type, entity_id, data });
    for (const [index, { error }] of results.entries()) {
      if (error && !mayPass(error, results)) setAside(device, batch[index] as Entity, error);
    }
  } catch (error) {
    const isProxy = error instanceof Unreachable && error.status === 413;
    const isRefused = error instanceof Refused && error.isAbout("entities");
    if (!isProxy && !isRefused) throw error;
    const [only] = batch;
    if (only && batch.length === 1) {
      if (isProxy) tooLarge.push(error);
      else setAside(device, only, { code: "invalid", detail: error.message });
      return;
    }
    // Finds the one for which a whole push was refused, so that the others get through.
    const middle = batch.length >> 1;
    await pushBatch(device, batch.slice(0, middle), tooLarge);
    await pushBatch(device, batch.slice(middle), tooLarge);
  }
}

/** Whether the next push may take it as it is: there is room for the answer then, or a card of this push gave up its text. */
function mayPass({ code, card_id }: EntityError, results: readonly PushResult[]): boolean {
  const isOfThisPush = ({ entity_id, sync_status }: PushResult) => entity_id === card_id && sync_status === "synced";
  return code === "answer-full" || (code === "duplicate-card" && results.some(isOfThisPush));
}

/** Sets an entity aside until it is edited, and tells of it; unless it was edited while it was under way. */
function setAside({ store, tell }: Device, sent: Entity, error: EntityError): void {
  const isAside = store.atOnce(() => {
    const now = store.find(sent);
    if (!now || now.edit_no !== sent.edit_no || isSettledSince(sent, now)) return false;
    store.save({ ...now, error });
    return true;
  });
  if (isAside) tell.onFailed?.({ entity_type: sent.entity_type, entity_id: sent.entity_id, error });
}

/** Notes what became of an entity as it was sent; returns it where it is another one now. */
function settle({ store }: Device, sent: Entity, result: PushResult): Entity | undefined {
  const { sync_status, checksum = null, revision = 0, server } = result;
  const now = store.find(sent);
  if (!now || isSettledSince(sent, now)) return undefined;
  const isEdited = now.edit_no !== sent.edit_no;
  if (sync_status === "conflict" && server) {
    store.save({ ...now, conflict: server });
  } else if (server) {
    // It was taken when it was first sent, and somebody who saw it has changed it since. The next push of an edit tells.
    return isEdited ? undefined : settled(store, inStep(now, server));
  } else if (sync_status === "synced") {
    const base = { base_checksum: checksum, base_revision: revision };
    if (isEdited) store.save({ ...now, ...base });
    else store.settle({ ...now, ...base, is_dirty: false, edit_no: 0 });
  }
  return undefined;
}

function settled(store: Store, entity: Entity): Entity {
  store.settle(entity);
  return entity;
}
