// Pulling what changed on the server, and starting over where it was taken back to an earlier state: then all that is here is
// compared with all that it has, and what it lost is given back to it.

import { isPullAnswer } from "./answers.ts";
import type { Device } from "./device.ts";
import { type Entity, inStep } from "./entity.ts";
import { Refused } from "./errors.ts";
import type { Change, PullAnswer, ServerVersion } from "./protocol.ts";
import type { Store } from "./store.ts";

const ITEMS_A_PULL = 200;

/** Pulls until there is no more. Throws Refused where the key may not, and Unreachable; then it goes on from there next time. */
export async function pullChanges(device: Device): Promise<void> {
  const { store, tell } = device;
  for (let hasMore = true; hasMore; ) {
    const cursor = store.recall("cursor");
    const { page, isAnew } = await pullPage(device, cursor);
    const changed = store.atOnce(() => {
      // Another process on the same file has pulled meanwhile: this page may be older than what it brought.
      if (store.recall("cursor") !== cursor) return [];
      if (isAnew) startComparing(store);
      const isComparing = store.recall("is_comparing") !== undefined;
      const taken = page.items.filter(item => take(store, item, isComparing));
      store.remember("cursor", page.cursor);
      if (!page.has_more) finishComparing(store);
      return taken;
    });
    hasMore = page.has_more;
    for (const { entity_type, entity_id, data } of changed) tell.onChange?.({ entity_type, entity_id, data });
  }
}

type Pulled = {
  page: PullAnswer;
  /** It is the first of all, since the server does not know the cursor any longer. */
  isAnew: boolean;
};

/** The next page. The old cursor, which tells whose the data here are, is kept until the first page of all is here. */
async function pullPage(device: Device, cursor: string | undefined): Promise<Pulled> {
  const { api, clientId } = device;
  const query = new URLSearchParams({ client_id: clientId, limit: String(ITEMS_A_PULL), ...(cursor && { cursor }) });
  try {
    const page = await api.call({ method: "GET", path: `/api/sync/pull?${query}` }, isPullAnswer);
    return { page, isAnew: false };
  } catch (error) {
    const isGone = error instanceof Refused && (error.code === "cursor-gone" || error.isAbout("cursor"));
    if (!isGone || cursor === undefined) throw error;
    const { page } = await pullPage(device, undefined);
    return { page, isAnew: true };
  }
}

/** Takes over a change of the server's; false where there is nothing to take, or something here that it must not cover. */
function take(store: Store, item: Change, isComparing: boolean): boolean {
  const { checksum, revision } = item;
  const here = store.find(item);
  const isSame = (here?.checksum ?? null) === checksum;
  if (here && isComparing) store.database.query(MARK_COMPARED).run(here.entity_type, here.entity_id);
  if (here && revision < here.base_revision && !(isSame && isComparing)) {
    // Without a restore between them, another process on the same file has brought something newer.
    if (isComparing) store.save({ ...here, is_dirty: true, base_checksum: checksum, base_revision: revision });
    return false;
  }
  if (here && !isSame && mustAsk(here, item, isComparing)) {
    // What is not decided yet is now about this. All else is pushed over what it was made of, and the server then tells.
    store.save({ ...here, is_dirty: true, conflict: here.conflict && versionOf(item) });
    return false;
  }
  if (checksum !== null) store.save(inStep(item, item));
  else if (here) store.drop(here);
  return !isSame;
}

/**
 * Whether an item must not take the place of what is here: it was edited; or the server was taken back since the device
 * was in step, so that what is here may be what it lost. Deletions are carried out nevertheless.
 */
function mustAsk(here: Entity, { checksum, revision }: Change, isComparing: boolean): boolean {
  return here.is_dirty || (isComparing && checksum !== null && revision > here.base_revision);
}

function versionOf({ checksum, revision, data, deleted }: Change): ServerVersion {
  return { checksum, revision, data, deleted };
}

const MARK_COMPARED = "UPDATE entities SET is_compared = 1 WHERE entity_type = ? AND entity_id = ?";

/** Everything comes once more from the beginning; nothing is pushed before all of it is here. */
function startComparing(store: Store): void {
  store.remember("is_comparing", "1");
  store.database.run("UPDATE entities SET is_compared = 0, conflict = NULL");
}

/** What was edited nowhere but is not among what came, not even as deleted, was lost by the server: it gets it back. */
function finishComparing(store: Store): void {
  if (store.recall("is_comparing") === undefined) return;
  store.remember("is_comparing", undefined);
  store.database.run("DELETE FROM entities WHERE is_compared = 0 AND data IS NULL");
  store.database.run(
    `UPDATE entities SET is_compared = 1, is_dirty = 1, base_checksum = NULL, base_revision = 0 WHERE is_compared = 0`,
  );
}
