// Shared commits. Most of what a small transaction costs is its round trip and its flush to disk. Commands that
// arrive while a commit is under way wait for it, and then go together: one statement, one commit, and an outcome
// for each. With nothing under way a command goes at once, alone; there is no timer.

import { isUnavailable, withRetry } from "./db.ts";
import { Problem } from "./problem.ts";

/** Commands that wait; past that the server is too far behind to take another. */
const WAITING_MAX = 10_000;
/** Commands in one commit. Larger ones gain nothing more, and keep everybody in them waiting. */
const BATCH_COMMANDS_MAX = 256;
/** The weight of one commit, in the commands' own unit; a single heavier command goes alone. */
const BATCH_WEIGHT_MAX = 1_000;

/** A kind of command that can share its commit with others of its kind. */
export type SharedKind<Command, Outcome> = {
  /** Does all of them in one statement; gives their outcomes in order. Throws only what nobody expected. */
  execute(commands: readonly Command[]): Promise<Outcome[]>;
  /** Names that no two commands of a batch may share: the second goes into the next one and sees what the first did. */
  claimsOf(command: Command): readonly string[];
  /** How much work a command is, in rows; at least 1. */
  weightOf(command: Command): number;
};

type Waiting<Command, Outcome> = {
  command: Command;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
};

/** The line of commands of one kind in this process: at most one batch is under way. */
export class CommitSharing<Command, Outcome> {
  #waiting: Waiting<Command, Outcome>[] = [];
  #isRunning = false;

  constructor(
    private readonly kind: SharedKind<Command, Outcome>,
    private readonly isOn: boolean,
  ) {}

  /**
   * Runs a command; resolves after its commit, with its own outcome. Throws `unavailable` when too many wait or
   * the database is away: then it may have been done or not, and the same command may be sent again.
   */
  async submit(command: Command): Promise<Outcome> {
    if (!this.isOn) return this.#alone(command);
    if (this.#waiting.length >= WAITING_MAX) throw new Problem("unavailable");
    return new Promise<Outcome>((resolve, reject) => {
      this.#waiting.push({ command, resolve, reject });
      if (!this.#isRunning) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) await this.#run(this.#takeBatch());
    this.#isRunning = false;
  }

  /** The longest-waiting commands that fit together; the others keep their order. */
  #takeBatch(): Waiting<Command, Outcome>[] {
    const batch: Waiting<Command, Outcome>[] = [];
    const left: Waiting<Command, Outcome>[] = [];
    const claimed = new Set<string>();
    let weight = 0;
    for (const [index, entry] of this.#waiting.entries()) {
      if (batch.length === BATCH_COMMANDS_MAX) {
        left.push(...this.#waiting.slice(index));
        break;
      }
      const claims = this.kind.claimsOf(entry.command);
      const heavier = weight + this.kind.weightOf(entry.command);
      const fits = batch.length === 0 || heavier <= BATCH_WEIGHT_MAX;
      if (fits && !claims.some(claim => claimed.has(claim))) {
        batch.push(entry);
        weight = heavier;
      } else {
        left.push(entry);
      }
      // What waits behind a command must not overtake it to a claim that both have.
      for (const claim of claims) claimed.add(claim);
    }
    this.#waiting = left;
    return batch;
  }

  async #run(batch: Waiting<Command, Outcome>[]): Promise<void> {
    const [only] = batch;
    if (only && batch.length === 1) {
      await this.#alone(only.command).then(only.resolve, only.reject);
      return;
    }
    try {
      const outcomes = await withRetry(() => this.kind.execute(batch.map(entry => entry.command)));
      batch.forEach((entry, index) => {
        entry.resolve(outcomes[index] as Outcome);
      });
    } catch (error) {
      if (isUnavailable(error)) {
        // Nobody knows whether the commit came through, so nothing is tried again on the clients' behalf.
        for (const entry of batch) entry.reject(error);
      } else {
        // One of them is to blame: alone, only that one fails.
        for (const entry of batch) await this.#alone(entry.command).then(entry.resolve, entry.reject);
      }
    }
  }

  async #alone(command: Command): Promise<Outcome> {
    const [outcome] = await withRetry(() => this.kind.execute([command]));
    return outcome as Outcome;
  }
}
