// Faults that are planted to see whether the judge finds them: each has a name for `--plant`, and what it must show.

import type { FindingKind } from "./judge/finding.ts";
import { BOOK_PLANTS } from "./plants/books.ts";
import { JOURNAL_PLANTS } from "./plants/journals.ts";
import { LIVE_PLANTS } from "./plants/live.ts";
import type { Tamper } from "./plants/tamper.ts";
import type { LivePlant } from "./stage.ts";

/** `live` changes what the rounds run on, `tamper` what they left. */
export type Plant = Readonly<{
  name: string;
  describe: string;
  shows: FindingKind;
  /** What it shows instead where it met no kill. */
  orShows?: FindingKind;
  /** The first round that shows it; 1 unless given. */
  round?: number;
  live?: LivePlant;
  tamper?: Tamper;
}>;

export const PLANTS: readonly Plant[] = [...LIVE_PLANTS, ...BOOK_PLANTS, ...JOURNAL_PLANTS];
