// The wire contract of accounts as operators see and change them.

import { z } from "zod";
import { profile } from "../users/model.ts";

/** Any account, with what its owner is not shown. */
export const account = profile
  .extend({
    api_key_prefix: z.string().describe("The public beginning of the account key."),
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
