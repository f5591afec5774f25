// The wire contract of the audit log: what operators did, and why.

import { z } from "zod";
import type { CsvColumns } from "../csv.ts";
import { moment } from "../moment.ts";
import { isVisible, text } from "../text.ts";

export const auditAction = z.enum([
  "account_created",
  "balance_adjusted",
  "movement_reversed",
  "account_deactivated",
  "account_activated",
  "key_rotated",
  "role_changed",
]);
export type AuditAction = z.output<typeof auditAction>;

const REASON_CHARACTERS_MAX = 2000;

/** Why an operator does something: asked for with every change, and not to be got around with what nobody can read. */
export const reason = text(1, REASON_CHARACTERS_MAX)
  .refine(isVisible, "a reason in words")
  .meta({ description: "Why, for the audit log.", examples: ["Asked for by mail, ticket 4711."] });

export const auditRecord = z
  .object({
    id: z.guid(),
    at: z.string().meta({ format: "date-time", examples: ["2030-01-31T12:00:00.000000Z"] }),
    actor_id: z.guid().describe("Who did it."),
    actor_username: z.string().nullable(),
    action: auditAction,
    user_id: z.guid().describe("Whose account it concerns."),
    user_username: z.string().nullable(),
    counterparty_id: z.guid().nullable().describe("The other account of a movement between two."),
    counterparty_username: z.string().nullable(),
    transaction_id: z.guid().nullable().describe("The movement that was made."),
    before: z.record(z.string(), z.unknown()).nullable().describe("What was changed, as it was."),
    after: z.record(z.string(), z.unknown()).describe("The same as it is since."),
    reason: z
      .string()
      .nullable()
      .describe("What the actor wrote; null where no reason is asked for, or it was erased with an account."),
    request_id: z.string(),
  })
  .meta({ id: "AuditRecord" });
export type AuditRecord = z.output<typeof auditRecord>;

export const auditFilter = {
  actor_id: z.guid().optional().describe("Only what this operator did."),
  action: auditAction.optional().describe("Only deeds of this kind."),
  user_id: z.guid().optional().describe("Only what concerns this account, on either side of a movement."),
  transaction_id: z.guid().optional().describe("Only the record of this movement."),
  request_id: text(1, 128).optional().describe("Only what this request did."),
  from: moment.optional().describe("Only what was done at this moment or later."),
  to: moment.optional().describe("Only what was done before this moment."),
};
export type AuditFilter = {
  actor_id?: string | undefined;
  action?: AuditAction | undefined;
  user_id?: string | undefined;
  transaction_id?: string | undefined;
  request_id?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
};

/** A line of the CSV file. */
export const auditColumns: CsvColumns<AuditRecord> = {
  id: "text",
  at: "text",
  actor_id: "text",
  actor_username: "text",
  action: "text",
  user_id: "text",
  user_username: "text",
  counterparty_id: "text",
  counterparty_username: "text",
  transaction_id: "text",
  before: "text",
  after: "text",
  reason: "text",
  request_id: "text",
};
