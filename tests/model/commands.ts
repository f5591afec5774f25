// What may happen in a history: drafts, which fast-check makes up and shrinks, and the requests that they become once
// ids are known.

import fc from "fast-check";

export const MEMBERS = 4;
/** Few texts, so that the same ones are published again and again. */
const TEXTS = 6;
/** As many at once as the task of the model is to put in order. */
export const AT_ONCE_MAX = 16;

export const TYPES = ["citation", "remix", "reply", "inspiration"] as const;
export const ADJUSTMENTS = ["bonus", "penalty", "admin_adjustment"] as const;

/** `card`, `movement` and `earlier` count round and round what there is by then. */
export type Draft = { process: 0 | 1; isTwice: boolean } & (
  | { kind: "publish"; by: number; texts: number[]; hasPrivate: boolean }
  | { kind: "attribute"; by: number; source: number; target: number; type: (typeof TYPES)[number] }
  | { kind: "transfer"; by: number; to: number; cents: number }
  | { kind: "adjust"; of: number; type: (typeof ADJUSTMENTS)[number]; cents: number }
  | { kind: "reverse"; movement: number }
  | { kind: "withdraw"; by: number; card: number }
  | { kind: "set-active"; of: number; active: boolean }
  | { kind: "again"; earlier: number; isChanged: boolean }
);

/** A request with all that the model needs to know of it. */
export type Command = {
  kind: Exclude<Draft["kind"], "again">;
  /** The account that asks: a member's id, or the admin's. */
  by: string;
  method: "POST" | "DELETE";
  path: string;
  body?: Record<string, unknown>;
  key?: string;
  process: 0 | 1;
};

const member = fc.nat(MEMBERS - 1);
/** Much of what a member has at the beginning (10.00), so that some can't be paid. */
const cents = fc.oneof(fc.integer({ min: 1, max: 1500 }), fc.constantFrom(1, 500, 1000, 1001));

const kinds = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("publish" as const),
      by: member,
      texts: fc.array(fc.nat(TEXTS - 1), { minLength: 1, maxLength: 3 }),
      hasPrivate: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("attribute" as const),
      by: member,
      source: fc.nat(50),
      target: fc.nat(50),
      type: fc.constantFrom(...TYPES),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("transfer" as const), by: member, to: member, cents }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("adjust" as const),
      of: member,
      type: fc.constantFrom(...ADJUSTMENTS),
      cents,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("reverse" as const), movement: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("withdraw" as const), by: member, card: fc.nat(50) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("set-active" as const),
      of: member,
      // Mostly back, or soon nobody is left who may do anything.
      active: fc.constantFrom(true, true, true, false),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("again" as const),
      earlier: fc.nat(200),
      isChanged: fc.constantFrom(false, false, true),
    }),
  },
);

const draft: fc.Arbitrary<Draft> = fc
  .tuple(kinds, fc.constantFrom<0 | 1>(0, 1), fc.constantFrom(false, false, false, true))
  .map(([kind, process, isTwice]) => ({ ...kind, process, isTwice }));

/** Batches, one after the other; what is in a batch is sent at once. */
export const history: fc.Arbitrary<Draft[][]> = fc.array(
  fc.oneof(
    fc.array(draft, { minLength: 1, maxLength: 2 }),
    fc.array(draft, { minLength: 2, maxLength: 6 }),
    fc.array(draft, { minLength: 8, maxLength: AT_ONCE_MAX, size: "max" }),
  ),
  { minLength: 2, maxLength: 12, size: "max" },
);
