// What operators do to the books, for the API and for the admin pages alike: one line of commands of each kind in a
// process, whoever sends them.

import type { CommitSharing, ShareCommits } from "../commit-sharing.ts";
import type { Sql } from "../db.ts";
import { type AdjustCommand, type AdjustOutcome, adjustKind, requireAdjusted } from "./adjust.ts";
import { type ReverseCommand, type ReverseOutcome, requireReversed, reverseKind } from "./reverse.ts";

/** A movement that was made, now or by the first request with the same Idempotency-Key. */
export type Made = Readonly<{ transactionId: string; isReplay: boolean }>;

/** Adjustments and reversals of one process. */
export class Movements {
  readonly #adjusting: CommitSharing<AdjustCommand, AdjustOutcome>;
  readonly #reversing: CommitSharing<ReverseCommand, ReverseOutcome>;

  constructor(sql: Sql, shareCommits: ShareCommits) {
    this.#adjusting = shareCommits(adjustKind(sql));
    this.#reversing = shareCommits(reverseKind(sql));
  }

  /** Corrects what an account holds. Throws the Problem of any outcome but success. */
  async adjust(command: AdjustCommand): Promise<Made> {
    const outcome = await this.#adjusting.submit(command);
    const { transaction_id } = requireAdjusted(outcome, command.amount);
    return { transactionId: transaction_id, isReplay: outcome.outcome === "replayed" };
  }

  /** Undoes the movement that an entry belongs to. Throws the Problem of any outcome but success. */
  async reverse(command: ReverseCommand): Promise<Made> {
    const outcome = await this.#reversing.submit(command);
    const { transaction_id } = requireReversed(outcome);
    return { transactionId: transaction_id, isReplay: outcome.outcome === "replayed" };
  }
}
