// What the parts of a client share: where it remembers, how it asks, who it is, and whom it tells.

import type { Api } from "./api.ts";
import type { Data } from "./entity.ts";
import type { Refused } from "./errors.ts";
import type { EntityError, EntityName, PublishAnswer, ServerVersion } from "./protocol.ts";
import type { Store } from "./store.ts";

export type Conflict = EntityName & {
  /** What this device has; null: it was deleted here. */
  local: Data | null;
  server: ServerVersion;
  /**
   * False where it was not edited here but was in step, until the server was restored from a backup: what it has may be
   * newer, or may stand where a newer version was lost.
   */
  isEdited: boolean;
};

/** Undefined puts the decision off: the conflict is reported with the next sync. */
export type Decision =
  | { resolution: "local_wins" | "remote_wins" }
  | { resolution: "manual"; data: Data | null }
  | undefined;

export type Failure = EntityName & { error: EntityError };

/**
 * Called by a sync, after what they tell of is kept. They must not wait for another sync. What they throw ends the
 * sync, and loses nothing.
 */
export type Callbacks = {
  /** This device and the server have different versions, and neither has seen the other's. */
  onConflict: (conflict: Conflict) => Decision | Promise<Decision>;
  /** Another device changed something, which is here now; `data` is null where it was deleted. */
  onChange?: (change: EntityName & { data: Data | null }) => void;
  /**
   * The server does not take this version, which is pushed again when it has been edited; or does not take the decision
   * about a conflict, which stays open.
   */
  onFailed?: (failure: Failure) => void;
  onPublished?: (answer: PublishAnswer, idempotencyKey: string) => void;
  /** The server will never publish these cards as they are. They are in the queue no longer. */
  onPublishRefused?: (refusal: Refused, idempotencyKey: string) => void;
};

export type Device = {
  store: Store;
  api: Api;
  clientId: string;
  deviceName: string | undefined;
  tell: Callbacks;
};
