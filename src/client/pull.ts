// Pulling what changed on the server, and starting over where it was taken back to an earlier state: then all that is here is
// compared with all that it has, and what it lost is given back to it.

import { isPullAnswer } from "./answers.ts";
import type { Device } from "./device.ts";
import { Refused } from "./errors.ts";
import type { Change, PullAnswer } from "./protocol.ts";
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
      const taken = page.items.filter(item => take(store, item));
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
    if (!(error instanceof Refused) || !error.isAbout("cursor") || cursor === undefined) throw error;
    const { page } = await pullPage(device, undefined);
    return { page, isAnew: true };
  }
}

/** Takes over a change of the server's; false where there is nothing to take, or something here that it must not cover. */
function take(store: Store, item: Change): boolean {
  const { entity_type, entity_id, checksum, data } = item;
  const here = store.find(item);
  const isSame = here ? here.checksum === checksum : checksum === null;
  if (here) store.database.query(MARK_COMPARED).run(entity_type, entity_id);
  if (here?.is_dirty && !isSame) {
    // Undecided still, and now about this.
    if (here.conflict) store.save({ ...here, conflict: { checksum, data, deleted: checksum === null } });
    return false;
  }
  if (checksum === null) {
    if (here) store.drop(here);
  } else {
    const edit_no = here?.edit_no ?? 0;
    const settled = { is_dirty: false, edit_no, conflict: null, error: null };
    store.save({ entity_type, entity_id, data, checksum, base_checksum: checksum, ...settled });
  }
  return !isSame;
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
  store.database.run("UPDATE entities SET is_compared = 1, is_dirty = 1, base_checksum = NULL WHERE is_compared = 0");
}
