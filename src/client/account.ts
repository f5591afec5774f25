// What becomes of a device's data when its key belongs to another account. The cursor says whose the data are: the server
// refuses one that it gave to another account.

import type { Store } from "./store.ts";

/** Forgets all that is on the device, the queue included, so that another account begins with nothing. */
export function discardAll(store: Store): void {
  store.atOnce(() => {
    store.database.run("DELETE FROM entities");
    store.database.run("DELETE FROM publishes");
    forgetAccount(store);
  });
}

/** Makes all that is on the device new to the next account, which will be asked to take it; deletions are forgotten. */
export function carryOver(store: Store): void {
  store.atOnce(() => {
    store.database.run("DELETE FROM entities WHERE data IS NULL");
    store.database.run(
      "UPDATE entities SET base_checksum = NULL, base_revision = 0, is_dirty = 1, conflict = NULL, error = NULL",
    );
    forgetAccount(store);
  });
}

function forgetAccount(store: Store): void {
  for (const fact of ["cursor", "shared_revision"] as const) store.remember(fact, undefined);
}
