// Shared commits. Most of what a small transaction costs is its round trip and its flush to disk. Commands that
// arrive while a commit is under way wait for it, and then go together: one statement, one commit, and an outcome
// for each. With nothing under way a command goes at once, alone; there is no timer.

import { isTooBusy, isUnavailable, withRetry } from "./db.ts";
import { Problem } from "./problem.ts";

/** Commands that wait; past that the server is too far behind to take another. */
const WAITING_MAX = 10_000;
/** What they weigh together at most: texts of some 256 MB, as cards are weighed. */
const WAITING_WEIGHT_MAX = 32_000;
/** Commands in one commit. Larger ones gain nothing more, and keep everybody in them waiting. */
const BATCH_COMMANDS_MAX = 256;
/** The weight of one commit, in rows; a single heavier command goes alone. Rows cost no less in larger batches. */
const BATCH_WEIGHT_MAX = 400;
/** A second batch starts beside the first only when it is full: sooner, two would share what one can carry. */
const BATCHES_UNDER_WAY_MAX = 2;

/** A kind of command that can share its commit with others of its kind. */
export type SharedKind<Command, Outcome> = {
  /** A word for metrics and traces. */
  name: string;
  /** Does all of them in one statement; gives their outcomes in order. Throws only what nobody expected. */
  execute(commands: readonly Command[]): Promise<Outcome[]>;
  /** Names that no two commands of a batch may share: the second goes into the next one and sees what the first did. */
  claimsOf(command: Command): readonly string[];
  /** How much work a command is, in rows; at least 1. */
  weightOf(command: Command): number;
};

/** Who hears what becomes of commands, for metrics and traces. */
export type CommitWatch = {
  /** Asked when a command arrives: where it comes from, for `around`. */
  origin(): unknown;
  /** Makes a commit by calling `commit`, and gives or throws what that does. There is an origin for each command. */
  around<T>(origins: readonly unknown[], commit: () => Promise<T>): Promise<T>;
  /** A batch failed, and its commands are done one by one. */
  onSplit(): void;
  /** A command was refused because too many wait. */
  onRefusal(): void;
};

const UNWATCHED: CommitWatch = {
  origin: () => undefined,
  around: (_, commit) => commit(),
  onSplit: () => {},
  onRefusal: () => {},
};

type Submitted<Command> = { command: Command; origin: unknown };

type Waiting<Command, Outcome> = Submitted<Command> & {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
};

/** Makes the line of a kind, as the process is configured. */
export type ShareCommits = <Command, Outcome>(kind: SharedKind<Command, Outcome>) => CommitSharing<Command, Outcome>;

/** The line of commands of one kind in this process. */
export class CommitSharing<Command, Outcome> {
  #waiting: Waiting<Command, Outcome>[] = [];
  /** What those that wait weigh together. */
  #weight = 0;
  #batchesUnderWay = 0;
  /** Commands under way, each alone, where sharing is off. */
  #alone = 0;

  constructor(
    private readonly kind: SharedKind<Command, Outcome>,
    private readonly isOn: boolean,
    private readonly watch: CommitWatch = UNWATCHED,
  ) {}

  /** Commands that wait for a commit; with sharing off, those that are under way. */
  get waiting(): number {
    return this.#waiting.length + this.#alone;
  }

  /**
   * Runs a command; resolves after its commit, with its own outcome. Throws `unavailable` when too many wait or
   * the database is away: then it may have been done or not, and the same command may be sent again.
   */
  async submit(command: Command): Promise<Outcome> {
    if (this.waiting >= WAITING_MAX || this.#weight >= WAITING_WEIGHT_MAX) {
      this.watch.onRefusal();
      throw new Problem("unavailable");
    }
    const origin = this.watch.origin();
    if (!this.isOn) return this.#unshared({ command, origin });
    return new Promise<Outcome>((resolve, reject) => {
      this.#waiting.push({ command, origin, resolve, reject });
      this.#weight += this.kind.weightOf(command);
      if (this.#mayStart()) void this.#drain();
    });
  }

  #mayStart(): boolean {
    if (this.#batchesUnderWay === 0) return this.#waiting.length > 0;
    const isFull = this.#waiting.length >= BATCH_COMMANDS_MAX || this.#weight >= BATCH_WEIGHT_MAX;
    return isFull && this.#batchesUnderWay < BATCHES_UNDER_WAY_MAX;
  }

  async #drain(): Promise<void> {
    let answering = this.#start();
    while (answering) {
      const answer = await answering;
      this.#batchesUnderWay--;
      // The next batch is on its way before the answers to this one are written, so that the database need not wait.
      answering = this.#mayStart() ? this.#start() : undefined;
      answer();
    }
  }

  /** Sends a batch off; resolves, after its commit, with what hands out the outcomes. Never rejects. */
  #start(): Promise<() => void> | undefined {
    this.#batchesUnderWay++;
    return this.#run(this.#takeBatch());
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
    // Weights have fractions, of which sums and differences lose a little: an empty line weighs nothing.
    this.#weight = left.length === 0 ? 0 : this.#weight - weight;
    return batch;
  }

  async #run(batch: Waiting<Command, Outcome>[]): Promise<() => void> {
    try {
      const outcomes = await this.#execute(batch);
      return () => {
        batch.forEach((entry, index) => {
          entry.resolve(outcomes[index] as Outcome);
        });
      };
    } catch (error) {
      // Of a connection that broke nobody knows whether the commit came through: nothing is tried again on the clients'
      // behalf. And where all together waited in vain, each alone would wait as long.
      if (batch.length === 1 || isUnavailable(error) || isTooBusy(error)) {
        return () => {
          for (const entry of batch) entry.reject(error);
        };
      }
      // One of them is to blame: alone, only that one fails.
      this.watch.onSplit();
      for (const entry of batch) await this.#executeAlone(entry).then(entry.resolve, entry.reject);
      return () => {};
    }
  }

  async #unshared(entry: Submitted<Command>): Promise<Outcome> {
    const weight = this.kind.weightOf(entry.command);
    this.#alone++;
    this.#weight += weight;
    try {
      return await this.#executeAlone(entry);
    } finally {
      this.#alone--;
      this.#weight = this.#alone === 0 ? 0 : this.#weight - weight;
    }
  }

  async #executeAlone(entry: Submitted<Command>): Promise<Outcome> {
    const [outcome] = await this.#execute([entry]);
    return outcome as Outcome;
  }

  #execute(entries: readonly Submitted<Command>[]): Promise<Outcome[]> {
    const commands = entries.map(({ command }) => command);
    return this.watch.around(
      entries.map(({ origin }) => origin),
      () => withRetry(() => this.kind.execute(commands)),
    );
  }
}
