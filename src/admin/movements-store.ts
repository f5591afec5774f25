// SQL that reads a movement as operators get it in answers.

import type { Sql } from "../db.ts";
import { entryColumns } from "../ledger/reads.ts";
import type { Moved } from "./movements-model.ts";

/** A movement's entries by leg. They never change, so that an answer given again is the same. */
export async function getMovement(sql: Sql, transactionId: string): Promise<Moved> {
  const entries = await sql<Moved["entries"]>`
    SELECT ${entryColumns(sql)}, l.user_id FROM extropy_ledger l
    WHERE l.transaction_id = ${transactionId}::uuid ORDER BY l.leg LIMIT 2`;
  return { transaction_id: transactionId, entries: [...entries] };
}
