// What the search box finds.

import type { CardReference } from "../attributions/model.ts";
import type { Account } from "./users-model.ts";

export type Found = {
  accounts: Account[];
  cards: CardReference[];
  /** Ids of entries: by their own id, or by that of their movement. */
  entries: string[];
  attributions: string[];
};
