// Rows 2, 3 and 13: payments for citations, between random authors and to one, and what sharing commits brings.

import { compareWithReference } from "../reference.ts";
import type { Measured } from "../rows.ts";
import { type Stage, type Target, withServer } from "../stage.ts";
import { takeTurns } from "../turns.ts";
import { type Mode, measureAnswers, requireOperation } from "../wrk.ts";

const CONNECTIONS = 256;

/** Row 2. */
export async function citeRandomAuthors(stage: Stage): Promise<Measured> {
  await requireCiting(stage);
  return compareWithReference(stage, "cite", () => cite(stage, stage.main, "cite"));
}

/** Row 3. */
export async function citeHotAuthor(stage: Stage): Promise<Measured> {
  await requireCiting(stage);
  return compareWithReference(stage, "hot", () => cite(stage, stage.main, "hot"));
}

/** Row 13. */
export async function citeWithoutSharing(stage: Stage): Promise<Measured> {
  await requireCiting(stage);
  return withServer(stage, { COMMIT_SHARING: "off" }, unshared =>
    takeTurns(stage.rounds, {
      ours: () => cite(stage, stage.main, "cite"),
      reference: () => cite(stage, unshared, "cite"),
    }),
  );
}

function cite(stage: Stage, target: Target, mode: Mode): Promise<number> {
  return measureAnswers(stage, { target, mode, connections: CONNECTIONS });
}

async function requireCiting({ main, authors }: Stage): Promise<void> {
  await requireOperation(main, "POST", "/api/attributions", authors[0]?.key ?? "");
}
