// The wire contract of accounts as operators see and change them.

import { z } from "zod";
import { anyText } from "../text.ts";
import { profile } from "../users/model.ts";
import { reason } from "./audit-model.ts";

/** Any account, with what its owner is not shown. */
export const account = profile
  .extend({
    api_key_prefix: z.string().meta({
      description: "The public beginning of the account key.",
      examples: ["ext_Docs1234"],
    }),
    entry_count: z
      .number()
      .int()
      .meta({ description: "How many entries the account has in the ledger.", examples: [2] }),
    erased_at: z
      .string()
      .nullable()
      .meta({ description: "When the account was erased; null: it was not.", examples: [null] }),
  })
  .meta({ id: "Account" });
export type Account = z.output<typeof account>;

export const accountWithKey = account.extend({ api_key: z.string() }).meta({ id: "AccountWithKey" });

const role = profile.shape.role;

/** What accounts can be sorted by; a minus in front: downwards. */
export const accountSort = z.enum(["created_at", "-created_at", "username", "-username", "balance", "-balance"]);
export type AccountSort = z.output<typeof accountSort>;

const QUERY_CHARACTERS_MAX = 255;

export const accountFilter = {
  q: anyText
    .max(QUERY_CHARACTERS_MAX)
    .optional()
    .describe("Only accounts whose username, display name, e-mail address or id begins with this, whatever the case."),
  role: role.optional().describe("Only accounts of this role."),
  active: z
    .enum(["true", "false"])
    .transform(text => text === "true")
    .optional()
    .describe("Only accounts that can sign in (`true`), or can't (`false`): deactivated and erased ones."),
  sort: accountSort.default("-created_at").describe("A minus in front sorts downwards."),
};
export type AccountFilter = {
  q?: string | undefined;
  role?: Account["role"] | undefined;
  active?: boolean | undefined;
  sort: AccountSort;
};

export const changeRequest = z.strictObject({ reason });
export const roleRequest = z.strictObject({ role, reason });
