// Finds an order in which requests that were sent at once could have happened one after the other: then, and only then,
// their answers and entries are right.

import type { Command } from "./commands.ts";
import { apply, type Ledger, type Reply, type State } from "./model.ts";

export type Exchange = { command: Command; reply: Reply };

/** Looked at before giving up; the ledger's order leaves few to choose from, so that some hundreds do for sixteen. */
const TRIES_MAX = 200_000;

/** What the database holds when all of them have been answered. */
export type Outcome = {
  ledger: Ledger;
  /** Ids of cards that stand, and of accounts that are deactivated: answers alone don't tell what came last. */
  published: ReadonlySet<string>;
  inactive: ReadonlySet<string>;
};

/** The state after all of them, which is the outcome; undefined where no order makes sense of it. */
export function findSerialOrder(state: State, outcome: Outcome, exchanges: readonly Exchange[]): State | undefined {
  const dead = new Set<string>();
  let tries = 0;

  function search(now: State, open: readonly number[]): State | undefined {
    if (open.length === 0) return isOutcome(now, outcome) ? now : undefined;
    const name = `${open} ${fingerprint(now)}`;
    if (dead.has(name)) return undefined;
    const steps = open.map(no => ({ no, next: step(now, no) })).filter(({ next }) => next !== undefined);
    // Refusals and repeated answers change nothing wherever they stand: one that fits here is in nobody's way.
    const idle = steps.map(({ no }) => no).filter(no => isIdle(exchanges[no] as Exchange));
    if (idle.length > 0)
      return search(
        now,
        open.filter(no => !idle.includes(no)),
      );
    for (const { no, next } of steps) {
      const found =
        next &&
        search(
          next,
          open.filter(other => other !== no),
        );
      if (found) return found;
    }
    dead.add(name);
    return undefined;
  }

  function step(now: State, no: number): State | undefined {
    if (++tries > TRIES_MAX) throw new Error(`no order was found within ${TRIES_MAX} tries`);
    const { command, reply } = exchanges[no] as Exchange;
    return apply(now, outcome.ledger, command, reply);
  }

  return search(state, [...exchanges.keys()]);
}

function isIdle({ reply: { status, isReplayed } }: Exchange): boolean {
  return status >= 400 || isReplayed;
}

function isOutcome(state: State, { ledger, published, inactive }: Outcome): boolean {
  const standing = [...state.cards.values()].filter(({ isPublished }) => isPublished).map(({ id }) => id);
  return (
    [...ledger].every(([user, rows]) => state.explained.get(user) === rows.length) &&
    new Set(standing).symmetricDifference(published).size === 0 &&
    new Set(state.inactive).symmetricDifference(inactive).size === 0
  );
}

/** What can differ between two ways to the same set of requests. */
function fingerprint({ explained, inactive, cards, answers }: State): string {
  const published = [...cards.values()].map(({ id, isPublished }) => `${id}${isPublished}`).sort();
  return [[...explained.values()], [...inactive].sort(), published, answers.size].join(" ");
}
