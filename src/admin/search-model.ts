// What the search box finds.

import type { CardReference } from "../attributions/model.ts";
import type { HeardDevice } from "./sync-model.ts";
import type { Account } from "./users-model.ts";

/** A device by its id, and whose it is: two people's may have the same one. */
export type FoundDevice = Pick<HeardDevice, "client_id" | "user">;

export type Found = {
  accounts: Account[];
  cards: CardReference[];
  /** Ids of entries: by their own id, or by that of their movement. */
  entries: string[];
  attributions: string[];
  devices: FoundDevice[];
  /** Ids of requests by which operators changed something. */
  requests: string[];
};
