// What operators see of sync: what is not in step, and the devices that were last heard of.

import { z } from "zod";
import { pageQuery } from "../cursor.ts";
import { entityType, type SyncState } from "../sync/model.ts";
import { anyText } from "../text.ts";
import { userText } from "./user-filter.ts";

export const unsettledQuery = z.strictObject({
  ...pageQuery,
  user: userText.optional(),
  client_id: anyText.max(255).optional(),
  status: z.enum(["pending", "conflict", "failed"]).optional(),
  entity_type: entityType.optional(),
});
export type UnsettledFilter = Omit<z.output<typeof unsettledQuery>, "limit" | "cursor">;

/** A state that is not `synced`, with whose it is. */
export type Unsettled = SyncState & { user: { id: string; username: string } };

export type HeardDevice = {
  user: { id: string; username: string };
  client_id: string;
  device_name: string | null;
  last_synced_at: string | null;
};

/** How many are not in step; counting ends at `limit`. */
export type UnsettledCounts = { pending: number; conflict: number; failed: number; limit: number };
