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
      const isComparing = store.recall("shared_revision") !== undefined;
      const taken = page.items.filter(item => (isComparing ? compare(device, item) : take(device, item)));
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
function take(device: Device, item: Change): boolean {
  const { store } = device;
  const { checksum, revision } = item;
  const here = store.find(item);
  const isSame = (here?.checksum ?? null) === checksum;
  // Another process on the same file has brought something newer.
  if (here && revision < here.base_revision) return false;
  if (here?.is_dirty && !isSame) {
    // Undecided still, and now about this.
    if (here.conflict) store.save({ ...here, conflict: versionOf(item) });
    return false;
  }
  if (here && isSame) agree(device, here, item);
  else store.settle(inStep(item, item));
  return !isSame;
}

/**
 * Takes over what is here just so. Where it was edited here as well, and another device made it, the server may list a
 * conflict, one whose answer was lost even: the next push, which changes nothing, tells it that all is in step.
 */
function agree({ store, clientId }: Device, here: Entity, item: Change): void {
  const mayConflict = here.conflict !== null || item.client_id !== clientId;
  if (here.is_dirty && !here.error && mayConflict) {
    store.save({ ...here, base_checksum: item.checksum, base_revision: item.revision, conflict: null });
  } else {
    store.settle(inStep(item, item));
  }
}

function versionOf({ checksum, revision, data, deleted }: Change): ServerVersion {
  return { checksum, revision, data, deleted };
}

/**
 * The same after the server was taken back. The items come by rising revision, and one that the device knows under the same
 * shows that both share all that was before it; what the device knows from later may be lost.
 */
function compare(device: Device, item: Change): boolean {
  const { store } = device;
  const here = store.find(item);
  if (!here) return take(device, item);
  const { checksum, revision } = item;
  store.database.query(MARK_COMPARED).run(here.entity_type, here.entity_id);
  if (revision === here.base_revision) store.remember("shared_revision", String(revision));
  if (here.checksum === checksum) {
    agree(device, here, item);
    return false;
  }
  if (revision < here.base_revision) {
    // The server lost what this was made of: it gets it back, over what it has.
    store.save({ ...here, is_dirty: true, base_checksum: checksum, base_revision: revision });
    return false;
  }
  if (here.is_dirty) return false;
  const isShared = here.base_revision < Number(store.recall("shared_revision"));
  const isAnyDeleted = checksum === null || here.checksum === null;
  if (isShared || isAnyDeleted || revision === here.base_revision) return take(device, item);
  // Newer than what is here, or made of what was before it. It is pushed as it is, and the server tells of a conflict.
  store.save({ ...here, is_dirty: true });
  return false;
}

const MARK_COMPARED = "UPDATE entities SET is_compared = 1 WHERE entity_type = ? AND entity_id = ?";

/**
 * Everything comes once more from the beginning; nothing is pushed before all of it is here. Deletions that were in step
 * come, too, or the server lost them: what they deleted is there again.
 */
function startComparing(store: Store): void {
  store.remember("shared_revision", "0");
  store.database.run("DELETE FROM entities WHERE data IS NULL AND is_dirty = 0");
  store.database.run("UPDATE entities SET is_compared = 0, conflict = NULL");
}

/** What was edited nowhere but is not among what came, not even as deleted, was lost by the server: it gets it back. */
function finishComparing(store: Store): void {
  if (store.recall("shared_revision") === undefined) return;
  store.remember("shared_revision", undefined);
  store.database.run("DELETE FROM entities WHERE is_compared = 0 AND data IS NULL");
  store.database.run(
    `UPDATE entities SET is_compared = 1, is_dirty = 1, base_checksum = NULL, base_revision = 0 WHERE is_compared = 0`,
  );
}
