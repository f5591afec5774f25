// Makes the checks of all rules on the rows that it is given, and keeps what they find: how many violate each
// invariant, and the first hundred by name.

import type { Tx } from "../../db.ts";
import { RULES } from "../invariants.ts";
import { type Findings, findOffences, type Offence, type Rows } from "./rule.ts";

/** How many are named for each invariant. */
export const EXAMPLES_MAX = 100;

export type InvariantResult = { name: string; violations: number; examples: Offence[] };

/** "entry 9" before "entry 10". */
const BY_NAME = new Intl.Collator("en", { numeric: true });

export class Checker {
  readonly #found = new Map(RULES.map(({ name }) => [name, { violations: 0, named: new Map<string, Offence>() }]));

  /** Makes every check that there is for rows of this kind. */
  async check(tx: Tx, { of, relation, parameters }: Rows): Promise<void> {
    for (const { name, checks } of RULES) {
      for (const { sql } of checks.filter(check => check.of === of)) {
        this.#add(name, await findOffences(tx, sql(relation), parameters, EXAMPLES_MAX));
      }
    }
  }

  addOne(name: string, offender: string, problem: string): void {
    this.#add(name, { violations: 1, examples: [{ offender, problem }] });
  }

  /** What two batches name, such as a movement with a leg in each, counts once. */
  #add(name: string, { violations, examples }: Findings): void {
    const found = this.#found.get(name);
    if (!found) throw new Error(`There is no invariant ${name}.`);
    const fresh = examples.filter(({ offender, problem }) => !found.named.has(`${offender}: ${problem}`));
    found.violations += violations - (examples.length - fresh.length);
    for (const offence of fresh) {
      if (found.named.size < EXAMPLES_MAX) found.named.set(`${offence.offender}: ${offence.problem}`, offence);
    }
  }

  /** In the order of the rules; the examples in that of their names. */
  results(): InvariantResult[] {
    return [...this.#found].map(([name, { violations, named }]) => ({
      name,
      violations,
      examples: [...named].sort(([a], [b]) => BY_NAME.compare(a, b)).map(([, offence]) => offence),
    }));
  }

  get isClean(): boolean {
    return [...this.#found.values()].every(({ violations }) => violations === 0);
  }
}
