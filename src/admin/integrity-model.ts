// The wire contract of a check of the books.

import { z } from "zod";

const invariant = z.object({
  name: z.string().meta({ examples: ["balances"] }),
  violations: z
    .number()
    .int()
    .meta({ description: "How many there are; 0: it holds.", examples: [0] }),
  examples: z.array(z.object({ offender: z.string(), problem: z.string() })).meta({
    description: "The first hundred: a row or a group of rows, and in which way it is wrong.",
    examples: [[]],
  }),
});

const supply = z
  .object({
    issued: z.string(),
    burned: z.string(),
    circulating: z.string().describe("The sum of all balances, which is `issued` less `burned`."),
    // Not the enumeration of types: books that hold another one must be told of as well.
    by_type: z
      .record(z.string(), z.object({ issued: z.string(), burned: z.string(), entries: z.number().int() }))
      .describe("Of each type of entry that issued or burned: how much, and by how many entries."),
  })
  .meta({ id: "Supply" });

export const integrityReport = z
  .object({
    ok: z.boolean().meta({ description: "Whether no invariant is violated.", examples: [true] }),
    root: z.string().meta({
      description: "SHA-256 over the heads of all accounts, which stands for every entry there is.",
      pattern: "^[0-9a-f]{64}$",
    }),
    full: z
      .boolean()
      .describe("Whether everything was checked, or what came since the last clean check of everything."),
    checked_at: z.string().describe("The moment of the database that was looked at."),
    entries_checked: z.number().int(),
    invariants: z.array(invariant),
    supply,
  })
  .meta({ id: "IntegrityReport" });
export type IntegrityReport = z.output<typeof integrityReport>;
